//! Where the key ring comes from: a file, a credential of systemd, an environment variable, or a command's output.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::{KeyRing, RingFault};
use crate::domain::Secret;

/// How long the command may take.
const WITHIN: Duration = Duration::from_secs(30);
/// The maximum size of a ring, in bytes: enough for hundreds of keys.
const AT_MOST: u64 = 64 * 1024;

/// Where the key ring comes from. `Debug` and `Display` show no key.
#[derive(Debug, Clone)]
pub enum RingSource {
    /// A file, which only its owner may read.
    File(PathBuf),
    /// A file in systemd's `$CREDENTIALS_DIRECTORY`. Systemd decides who may read it, partly by an access list, which shows up as
    /// group permissions.
    Credential(PathBuf),
    /// The value of `CARTKEY_MASTER_KEY_TEXT`; spaces separate lines too.
    Text(Secret),
    /// A program and its arguments, separated by spaces, that prints the ring.
    Command(String),
}

impl RingSource {
    /// Reads the ring; `None` if the file does not exist. Errors: [`RingFault`]; a command that fails, prints more than 64 KiB or
    /// takes longer than 30 seconds is [`RingFault::Command`].
    pub async fn load(&self) -> Result<Option<KeyRing>, RingFault> {
        match self {
            Self::File(path) => KeyRing::load(path),
            Self::Credential(path) => {
                let io = |source| RingFault::Io { path: path.display().to_string(), source };
                KeyRing::parse(&Zeroizing::new(std::fs::read_to_string(path).map_err(io)?)).map(Some)
            }
            Self::Text(text) => {
                KeyRing::parse(&Zeroizing::new(text.expose().replace(char::is_whitespace, "\n"))).map(Some)
            }
            Self::Command(command) => KeyRing::parse(&output(command).await?).map(Some),
        }
    }

    /// The file that may be created, changed and read again.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    /// Whether it can be read again while serving: a command is run only once.
    pub const fn can_change(&self) -> bool {
        matches!(self, Self::File(_) | Self::Credential(_))
    }
}

impl fmt::Display for RingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Credential(path) => path.display().fmt(f),
            Self::Text(_) => f.write_str("CARTKEY_MASTER_KEY_TEXT"),
            Self::Command(_) => f.write_str("the output of CARTKEY_MASTER_KEY_COMMAND"),
        }
    }
}

/// Returns what the command prints, which is never logged. Its standard error is ours.
async fn output(command: &str) -> Result<Zeroizing<String>, RingFault> {
    let fault = |what: String| RingFault::Command { what };
    let mut words = command.split_whitespace();
    let program = words.next().ok_or_else(|| fault("is empty".to_owned()))?;
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Its own process group, so that nothing it has started outlives it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| fault(format!("cannot be run: {error}")))?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(AT_MOST).unwrap_or_default() + 1));
    let ran = async {
        if let Some(out) = child.stdout.take() {
            out.take(AT_MOST + 1).read_to_end(&mut text).await?;
        }
        if text.len() as u64 > AT_MOST {
            return Ok(None);
        }
        child.wait().await.map(Some)
    };
    let ended = tokio::time::timeout(WITHIN, ran).await;
    if !matches!(ended, Ok(Ok(Some(_))))
        && let Some(group) = group
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
    match ended {
        Err(_) => Err(fault(format!("took longer than {} seconds", WITHIN.as_secs()))),
        Ok(Err(error)) => Err(fault(format!("cannot be read: {error}"))),
        Ok(Ok(None)) => Err(fault(format!("printed more than {AT_MOST} bytes"))),
        Ok(Ok(Some(status))) if !status.success() => Err(fault(format!("failed ({status})"))),
        Ok(Ok(Some(_))) => {
            let text =
                std::str::from_utf8(&text).map_err(|_| fault("printed something that is not text".to_owned()))?;
            Ok(Zeroizing::new(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;

    async fn ids(source: RingSource) -> Result<Vec<String>, String> {
        let ring = source.load().await.map_err(|fault| fault.to_string())?.expect("a ring");
        Ok(ring.iter().map(|(id, _)| id.to_owned()).collect())
    }

    #[tokio::test]
    async fn a_ring_comes_from_a_variable_a_credential_or_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let ring = KeyRing::mint(&Entropy::seeded(1));
        let id = [ring.iter().next().unwrap().0.to_owned()];
        ring.save_new(&path).unwrap();
        let second = KeyRing::mint(&Entropy::seeded(2)).to_text();
        let both = format!("{} {}", ring.to_text().expose().trim(), second.expose().trim());
        assert_eq!(ids(RingSource::Text(Secret::new(both))).await.unwrap().len(), 2, "spaces separate lines too");
        assert_eq!(ids(RingSource::Credential(path.clone())).await.unwrap(), id);
        let command = |text: &str| RingSource::Command(text.to_owned());
        assert_eq!(ids(command(&format!("cat {}", path.display()))).await.unwrap(), id);
        for (bad, says) in [
            ("false", "failed (exit status: 1)"),
            ("/nowhere/at-all", "cannot be run"),
            ("cat /dev/zero", "printed more than 65536 bytes"),
            ("true", "the key ring is empty"),
            (" ", "is empty"),
        ] {
            let said = ids(command(bad)).await.unwrap_err();
            assert!(said.contains(says), "{bad}: {said}");
        }
    }
}
