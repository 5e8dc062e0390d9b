//! The key ring: one `id:key` per line. The database records which key seals; in a new one, it is the first. Only the file's owner
//! may read it, or a group without other users.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{getegid, geteuid};
use zeroize::Zeroizing;

use crate::domain::{Entropy, Secret};
use crate::files::{folder_of, sync_folder_of, why_unreadable};

/// 32 random bytes, wiped when dropped.
type KeyBytes = Zeroizing<[u8; 32]>;

/// The sealing keys, in the order of the file.
#[derive(Clone)]
pub struct KeyRing(Vec<(String, KeyBytes)>);

/// Why a ring cannot be used. Each message says what to do; none contains key material.
#[derive(Debug, thiserror::Error)]
pub enum RingFault {
    #[error("cannot read or write {path}{}", why_unreadable(Path::new(.path), .source))]
    Io { path: String, source: io::Error },
    #[error(
        "{path} can be read by others (mode {mode:o}, owner uid {owner}, group {group}; this process runs as uid {}): run \
         chmod 600 {path}",
        geteuid().as_raw()
    )]
    Exposed {
        path: String,
        /// Its permission bits.
        mode: u32,
        owner: u32,
        group: u32,
    },
    /// A line is not `id:key`.
    #[error("line {line} of the key ring: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        what: &'static str,
    },
    #[error("CARTKEY_MASTER_KEY_COMMAND {what}")]
    Command {
        /// What went wrong, without any of its output.
        what: String,
    },
    #[error("the key ring is empty: restore it from its copy; do not make a new one, it cannot open what is stored")]
    Empty,
}

/// Whether only this process's user can read a file with these permissions: nobody but its owner, or a group that this process is
/// in and that no account of this machine has. Kubernetes mounts secrets like that: owned by root, mode 0440, with the pod's `fsGroup`.
fn is_ours_alone(about: &fs::Metadata) -> bool {
    let mode = about.mode() & 0o777;
    if mode | 0o700 == 0o700 {
        return true;
    }
    let group = about.gid();
    let given = || rustix::process::getgroups().unwrap_or_default();
    mode | 0o740 == 0o740
        && group != 0
        && (getegid().as_raw() == group || given().iter().any(|id| id.as_raw() == group))
        && !group_has_users(group, &read_or_empty("/etc/group"), &read_or_empty("/etc/passwd"))
}

fn read_or_empty(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Whether a user other than this process's is in the group `id`, according to `/etc/group` and `/etc/passwd`.
fn group_has_users(id: u32, groups: &str, users: &str) -> bool {
    let (id, me) = (id.to_string(), geteuid().as_raw().to_string());
    let my_name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == me).then_some(name)
    });
    let members = groups.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&id.as_str())).then(|| fields.get(3).copied().unwrap_or_default())
    });
    let is_other = |name: &str| !name.is_empty() && Some(name) != my_name;
    members.flat_map(|names| names.split(',')).any(is_other)
        || users.lines().any(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            fields.get(3) == Some(&id.as_str()) && fields.get(2) != Some(&me.as_str())
        })
}

/// Writes `text` to a file beside `path`, with mode 0600 or the owner and mode of `like`; once it is on disk, `put` puts it in place. If
/// anything fails, that file is deleted.
fn write_beside(
    path: &Path,
    text: &str,
    like: Option<&fs::Metadata>,
    put: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    // Left behind by a process that died; nothing refers to it.
    let _ = fs::remove_file(beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    let put = like
        .map_or(Ok(()), |like| {
            fchown(&file, Some(like.uid()), Some(like.gid()))?;
            file.set_permissions(like.permissions())
        })
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| put(beside));
    let _ = fs::remove_file(beside);
    put?;
    sync_folder_of(path)
}

impl KeyRing {
    /// Creates a ring with one new key.
    pub fn mint(entropy: &Entropy) -> Self {
        let mut id = [0_u8; 4];
        entropy.fill(&mut id);
        let mut key = KeyBytes::default();
        entropy.fill(key.as_mut());
        Self(vec![(format!("k{:08x}", u32::from_le_bytes(id)), key)])
    }

    /// Parses a ring. Ignores empty lines and lines that begin with `#`.
    pub fn parse(text: &str) -> Result<Self, RingFault> {
        let mut keys: Vec<(String, KeyBytes)> = Vec::new();
        // Some editors write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |what| RingFault::Line { line: index + 1, what };
            let (id, key) = line.split_once(':').ok_or(fault("write id:key"))?;
            let id_is_fine = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !id_is_fine {
                return Err(fault("an id has 1 to 32 letters, digits and hyphens"));
            }
            if keys.iter().any(|(known, _)| known == id) {
                return Err(fault("this id stands twice"));
            }
            let bytes = Zeroizing::new(STANDARD.decode(key.trim()).map_err(|_| fault("the key is not base64"))?);
            let bytes: [u8; 32] =
                bytes.as_slice().try_into().map_err(|_| fault("a key has 32 bytes (openssl rand -base64 32)"))?;
            keys.push((id.to_owned(), KeyBytes::new(bytes)));
        }
        if keys.is_empty() { Err(RingFault::Empty) } else { Ok(Self(keys)) }
    }

    /// Parses the content of a ring's file.
    pub fn of_text(text: &Secret) -> Result<Self, RingFault> {
        Self::parse(text.expose())
    }

    /// Reads the ring at `path`; `None` if the file does not exist. Fails if users other than the owner can read it.
    pub fn load(path: &Path) -> Result<Option<Self>, RingFault> {
        let io = |source| RingFault::Io { path: path.display().to_string(), source };
        let mut file = match fs::File::open(path) {
            Ok(file) => file,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(other) => return Err(io(other)),
        };
        let about = file.metadata().map_err(io)?;
        if !is_ours_alone(&about) {
            let (mode, owner, group) = (about.mode() & 0o777, about.uid(), about.gid());
            return Err(RingFault::Exposed { path: path.display().to_string(), mode, owner, group });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(io)?;
        Self::parse(&text).map(Some)
    }

    /// Writes the ring to a new file with mode 0600, in a folder that is created if it is missing, all or nothing: the file is
    /// there once it is on disk. Never overwrites.
    pub fn save_new(&self, path: &Path) -> Result<(), RingFault> {
        let io = |source| RingFault::Io { path: path.display().to_string(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder_of(path)).map_err(io)?;
        write_beside(path, self.to_text().expose(), None, |beside| {
            // Unlike a rename, a link replaces nothing. Some file systems have no links.
            fs::hard_link(beside, path)
                .or_else(|fault| if path.is_symlink() || path.exists() { Err(fault) } else { fs::rename(beside, path) })
        })
        .map_err(io)
    }

    /// The ring in the format of its file.
    pub fn to_text(&self) -> Secret {
        let lines = self.0.iter().map(|(id, key)| format!("{id}:{}\n", STANDARD.encode(key.as_ref())));
        Secret::new(lines.collect())
    }

    /// Adds the lines of `new` to the ring at `path`, all or nothing: the changed file replaces the old one, with its owner and mode,
    /// once it is on disk. A symbolic link stays one.
    pub fn append(path: &Path, new: &Self) -> Result<(), RingFault> {
        let io = |source| RingFault::Io { path: path.display().to_string(), source };
        let path = &fs::canonicalize(path).map_err(io)?;
        let about = fs::metadata(path).map_err(io)?;
        let mut text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(new.to_text().expose());
        write_beside(path, &text, Some(&about), |beside| fs::rename(beside, path)).map_err(io)
    }

    /// The IDs and keys, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(id, key)| (id.as_str(), key.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_ring_is_for_its_owner_alone_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let ring = KeyRing::mint(&Entropy::seeded(1));
        ring.save_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(KeyRing::load(&path).unwrap().unwrap().to_text().expose(), ring.to_text().expose());
        assert!(ring.save_new(&path).is_err(), "a ring is never overwritten");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// An empty file would be a lost ring to the next start.
    #[test]
    fn a_ring_that_could_not_be_written_leaves_no_file() {
        let Ok(full) = fs::canonicalize("/dev/full") else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let fault = write_beside(&path, "a:b\n", None, |_| fs::write(full, "no space is left"));
        assert_eq!(fault.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_key_that_is_added_stands_behind_the_others_and_the_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let (first, second) = (KeyRing::mint(&Entropy::seeded(1)), KeyRing::mint(&Entropy::seeded(2)));
        fs::write(&path, format!("# ours\n{}", first.to_text().expose().trim_end())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        KeyRing::append(&path, &second).unwrap();
        let ids: Vec<String> = KeyRing::load(&path).unwrap().unwrap().iter().map(|(id, _)| id.to_owned()).collect();
        assert_eq!(ids, [first.iter().next().unwrap().0, second.iter().next().unwrap().0]);
        assert!(fs::read_to_string(&path).unwrap().starts_with("# ours\n"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_ring_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        KeyRing::mint(&Entropy::seeded(1)).save_new(&path).unwrap();
        for mode in [0o604, 0o660, 0o620, 0o444] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(KeyRing::load(&path), Err(RingFault::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_group_is_ours_alone_if_no_other_account_has_it() {
        let me = geteuid().as_raw();
        let users = format!("root:x:0:0::/:/bin/sh\nme:x:{me}:7001::/:/bin/sh\nann:x:4001:7002::/:/bin/sh\n");
        let users = if me == 0 { users.replacen("root:x:0:0", "toor:x:1:0", 1) } else { users };
        let groups = "ours:x:7001:me\nanns:x:7002:\nboth:x:7003:me,ann\n";
        for (group, has_others) in [(7_001, false), (7_002, true), (7_003, true), (65_532, false)] {
            assert_eq!(group_has_users(group, groups, &users), has_others, "{group}");
        }
    }

    #[test]
    fn a_secret_volume_with_our_own_group_is_accepted_and_others_are_named_with_mode_and_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        KeyRing::mint(&Entropy::seeded(1)).save_new(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let said = KeyRing::load(&path).err().unwrap().to_string();
        let me = geteuid().as_raw();
        for part in [&*path.display().to_string(), "mode 444", &format!("runs as uid {me}")] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_byte_order_mark_before_the_ring_is_ignored() {
        let text = format!("\u{feff}a:{}\r\n", STANDARD.encode([7_u8; 32]));
        assert_eq!(KeyRing::parse(&text).unwrap().iter().next().unwrap().0, "a");
    }

    #[test]
    fn faults_name_the_line_and_never_the_key() {
        let key = STANDARD.encode([7_u8; 32]);
        for (text, line) in [
            ("nonsense".to_owned(), 1),
            (format!("# ring\na:{key}\na:{key}\n"), 3),
            ("a:short".to_owned(), 1),
            (format!("a b:{key}"), 1),
            (format!("a:{}", STANDARD.encode([7_u8; 31])), 1),
        ] {
            match KeyRing::parse(&text) {
                Err(fault @ RingFault::Line { line: at, .. }) => {
                    assert_eq!(at, line);
                    assert!(!fault.to_string().contains(&key));
                }
                _ => panic!("{text} was read"),
            }
        }
        assert!(matches!(KeyRing::parse("\n# nothing\n"), Err(RingFault::Empty)));
    }
}
