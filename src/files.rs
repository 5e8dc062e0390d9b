//! Files: explains why one cannot be used, and measures free disk space and what this process uses.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::process::{Resource, geteuid, getrlimit};

/// Why `path` cannot be read, as an addition to `fault` in brackets; empty if nothing is known.
pub fn why_unreadable(path: &Path, fault: &io::Error) -> String {
    why(path, fault, Access::READ_OK)
}

/// Why `path` or its folder cannot be written, as an addition to `fault` in brackets; empty if nothing is known.
pub fn why_unwritable(path: &Path, fault: &io::Error) -> String {
    why(path, fault, Access::WRITE_OK)
}

fn why(path: &Path, fault: &io::Error, wanted: Access) -> String {
    let obstacle = match fault.kind() {
        io::ErrorKind::PermissionDenied => obstacle(path, wanted),
        io::ErrorKind::ReadOnlyFilesystem => Some("its file system is read-only: mount a volume there".to_owned()),
        _ => None,
    };
    obstacle.map(|obstacle| format!(" ({obstacle})")).unwrap_or_default()
}

/// The existing file or folder that this process may not use, its owner, and what to do.
fn obstacle(path: &Path, wanted: Access) -> Option<String> {
    let places = path.ancestors().map(|place| if place.as_os_str().is_empty() { Path::new(".") } else { place });
    // The file and its folder, or, if they do not exist, where the folder would be created.
    let mut places = places.filter(|place| place.exists()).take(2);
    let place = places.find(|place| {
        let needed = match (place.is_dir(), wanted) {
            (false, wanted) => wanted,
            (true, Access::WRITE_OK) => Access::WRITE_OK | Access::EXEC_OK,
            (true, _) => Access::EXEC_OK,
        };
        access(*place, needed).is_err()
    })?;
    let about = fs::metadata(place).ok()?;
    let (shown, owner, me) = (place.display(), about.uid(), geteuid().as_raw());
    let (mode, right) = (about.mode() & 0o7777, if wanted == Access::WRITE_OK { "w" } else { "r" });
    Some(if owner == me {
        format!("{shown} has mode {mode:o}: run chmod u+{right} {shown}")
    } else {
        format!(
            "{shown} belongs to uid {owner}, this process runs as uid {me}: run chown {me} {shown}, or run as its owner"
        )
    })
}

pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Waits until the name of a new or renamed file is on disk.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    fs::File::open(folder_of(path))?.sync_all()
}

/// How many bytes this process may still write to the file system of `path`; `None` if that is unknown.
pub fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The network file system that `path` is on; `None` if it is on none that is known, or not on Linux.
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    return named(i128::from(rustix::fs::statfs(path).ok()?.f_type) & 0xffff_ffff);
    #[cfg(not(target_os = "linux"))]
    None
}

/// The network file system with this number (statfs(2)).
const fn named(number: i128) -> Option<&'static str> {
    match number {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9P"),
        0x00c3_6400 => Some("Ceph"),
        0x5346_414f | 0x6b41_4653 => Some("AFS"),
        _ => None,
    }
}

/// The resident memory of this process in bytes; `None` where there is no `/proc`.
pub fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?;
    kilobytes.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}

/// How many files this process has open, and how many it may; `None` where there is no `/proc`.
pub fn open_files() -> Option<(usize, u64)> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    Some((open, getrlimit(Resource::Nofile).current?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_recognized_by_their_numbers() {
        assert_eq!([named(0x6969), named(0xff53_4d42), named(0x0102_1997)], [Some("NFS"), Some("SMB"), Some("9P")]);
        // ext4, XFS, Btrfs, tmpfs, overlay.
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630] {
            assert_eq!(named(local), None);
        }
        assert_eq!(network_file_system(Path::new("/proc")), None);
    }
}
