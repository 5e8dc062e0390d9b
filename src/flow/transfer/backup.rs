//! Backup: everything in one file that either database can be restored from, made while Cartkey serves: by a command, or on a
//! schedule into a folder.
//!
//! A backup is written under another name, synced, and renamed when it is complete, so a file named `cartkey-….backup` is always
//! complete. Sealed values stay sealed, and the key ring is not included, unless the command asks for it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::config::BackupSchedule;
use crate::domain::{Secret, Time};
use crate::files::sync_folder_of;
use crate::live::worker::Plan;
use crate::storage;
use crate::storage::transfer::file::About;
use crate::storage::transfer::{self, Fault, Sum};
use crate::vault::RingFault;

/// How often the worker checks whether a backup is due.
const EVERY: Duration = Duration::from_mins(1);
/// The delay after a failed backup.
const AGAIN_AFTER: Duration = Duration::from_mins(10);

/// The prefix and suffix of a complete backup's name; its start time is between them.
const NAME: (&str, &str) = ("cartkey-", ".backup");
/// The suffix of a backup that is being written.
const PARTIAL: &str = ".partial";
/// The file in the folder that is locked while a backup is written.
const LOCK: &str = ".cartkey-backup.lock";

pub const WORKER: Plan = Plan::new("backups", "every CARTKEY_BACKUP_EVERY");

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Copy(#[from] Fault),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// A file or folder cannot be used.
    #[error("{path}: {source}")]
    Folder { path: String, source: io::Error },
    #[error("another backup is being written to {0}")]
    Busy(String),
    #[error("the key ring {0} is in this folder: keep backups apart from the ring, which opens every key in them")]
    BesideRing(String),
    #[error(transparent)]
    Ring(#[from] RingFault),
    #[error("the key ring cannot be read again")]
    NoRing,
}

#[derive(Debug)]
pub struct Written {
    /// The file; `None` when it went to a stream.
    pub path: Option<PathBuf>,
    /// The row count and checksum of each table.
    pub sums: Vec<Sum>,
    pub deleted: Vec<PathBuf>,
}

/// The key ring in the format of its file, for a backup that is to contain it.
pub async fn ring(app: &App) -> Result<Secret, Error> {
    let source = app.ring.as_ref().ok_or(Error::NoRing)?;
    Ok(source.load().await?.ok_or(Error::NoRing)?.to_text())
}

/// Writes a backup to `out`.
pub async fn to_stream(
    app: &App,
    ring: Option<Secret>,
    out: impl Write + Send + 'static,
    tell: impl FnMut(u64, u64) + Send + 'static,
) -> Result<Written, Error> {
    let (sums, _) = transfer::back_up(&app.db, about(app, app.now(), ring).await?, out, tell).await?;
    Ok(Written { path: None, sums, deleted: Vec::new() })
}

/// Writes a backup to `folder`, which is created if it is missing, and then deletes all but the newest `keep` complete ones.
pub async fn to_folder(
    app: &App,
    folder: &Path,
    ring: Option<Secret>,
    keep: Option<u32>,
    tell: impl FnMut(u64, u64) + Send + 'static,
) -> Result<Written, Error> {
    let _lock = prepare(app, folder, ring.is_some())?;
    write(app, folder, ring, keep, tell).await
}

async fn write(
    app: &App,
    folder: &Path,
    ring: Option<Secret>,
    keep: Option<u32>,
    tell: impl FnMut(u64, u64) + Send + 'static,
) -> Result<Written, Error> {
    let now = app.now();
    let path = folder.join(name(now));
    let partial = Partial::at(&path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial.0);
    let file = file.map_err(|fault| failed(&partial.0, fault))?;
    let (sums, out) = transfer::back_up(&app.db, about(app, now, ring).await?, BufWriter::new(file), tell).await?;
    let (from, to) = (partial.0.clone(), path.clone());
    let kept = tokio::task::spawn_blocking(move || {
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&from, &to)?;
        sync_folder_of(&to)
    });
    kept.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())).map_err(|fault| failed(&path, fault))?;
    let deleted = keep.map_or_else(|| Ok(Vec::new()), |keep| delete_older(folder, keep, now))?;
    Ok(Written { path: Some(path), sums, deleted })
}

async fn about(app: &App, now: Time, key_ring: Option<Secret>) -> Result<About, Error> {
    Ok(About { made_at: now.to_string(), database: app.db.version().await?, key_ring })
}

/// A file that is removed unless it was renamed.
struct Partial(PathBuf);

impl Partial {
    fn at(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(PARTIAL);
        Self(name.into())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Folder { path: path.display().to_string(), source }
}

/// Creates the folder, locks it, and removes incomplete files that a dead process left there.
fn prepare(app: &App, folder: &Path, with_ring: bool) -> Result<File, Error> {
    let create = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    create.map_err(|fault| failed(folder, fault))?;
    let ring = app.ring.as_ref().and_then(|source| source.file()).filter(|_| !with_ring);
    if let Some(ring) = ring
        && let (Ok(ring), Ok(folder)) = (fs::canonicalize(ring), fs::canonicalize(folder))
        && ring.starts_with(folder)
    {
        return Err(Error::BesideRing(ring.display().to_string()));
    }
    let path = folder.join(LOCK);
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let lock = open.map_err(|fault| failed(&path, fault))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::Busy(folder.display().to_string())),
        Err(TryLockError::Error(fault)) => return Err(failed(&path, fault)),
    }
    let left = |name: &str| name.strip_suffix(PARTIAL).is_some_and(|name| time_of(name).is_some());
    for (name, path) in names(folder)? {
        if left(&name) {
            fs::remove_file(&path).map_err(|fault| failed(&path, fault))?;
        }
    }
    Ok(lock)
}

/// `cartkey-2026-11-22T10-00-00.000Z.backup`: without colons, which other systems do not allow in names.
fn name(at: Time) -> String {
    format!("{}{}{}", NAME.0, at.to_string().replace(':', "-"), NAME.1)
}

/// When the backup with this name was begun; `None` if it is not the name of a complete backup.
fn time_of(name: &str) -> Option<Time> {
    let text = name.strip_prefix(NAME.0)?.strip_suffix(NAME.1)?;
    let (day, time) = text.split_once('T')?;
    format!("{day}T{}", time.replace('-', ":")).parse().ok()
}

fn names(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let read = || -> io::Result<Vec<(String, PathBuf)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                names.push((name, entry.path()));
            }
        }
        Ok(names)
    };
    read().map_err(|fault| failed(folder, fault))
}

/// The complete backups in a folder, newest first. Those dated in the future, from before the clock was set back, are left out: they
/// are neither counted nor deleted.
fn complete(folder: &Path, now: Time) -> Result<Vec<(Time, PathBuf)>, Error> {
    let mut found: Vec<(Time, PathBuf)> = names(folder)?
        .into_iter()
        .filter_map(|(name, path)| Some((time_of(&name).filter(|at| *at <= now)?, path)))
        .collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found)
}

fn delete_older(folder: &Path, keep: u32, now: Time) -> Result<Vec<PathBuf>, Error> {
    let mut deleted = Vec::new();
    for (_, path) in complete(folder, now)?.into_iter().skip(usize::try_from(keep).unwrap_or(usize::MAX)) {
        fs::remove_file(&path).map_err(|fault| failed(&path, fault))?;
        deleted.push(path);
    }
    Ok(deleted)
}

/// Writes backups on schedule until shutdown, which aborts one that is being written.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    while !*stop.borrow() {
        let ran = tokio::select! {
            ran = run_due(&app) => ran,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match ran {
            Ok(written) => worker.did(usize::from(written), "backups written"),
            Err(error) => worker.failed("the backup failed", &error),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Writes a backup if one is due; returns whether it did. The folder shows when the last one was made, so processes that share it
/// do not make the same backup twice.
pub async fn run_due(app: &App) -> Result<bool, Error> {
    let Some(schedule) = &app.backup else { return Ok(false) };
    let now = app.now();
    if app.backups.known().failed.is_some_and(|at| now >= at && now < at.plus(AGAIN_AFTER)) {
        return Ok(false);
    }
    let ran = write_due(app, schedule).await;
    if let Err(error) = &ran
        && !matches!(error, Error::Busy(_))
    {
        app.backups.failed(now);
    }
    match ran {
        Err(Error::Busy(_)) => Ok(false),
        ran => ran,
    }
}

async fn write_due(app: &App, schedule: &BackupSchedule) -> Result<bool, Error> {
    let _lock = prepare(app, &schedule.folder, false)?;
    let newest = complete(&schedule.folder, app.now())?.first().map(|(at, _)| *at);
    app.backups.found(newest);
    if newest.is_some_and(|at| app.now() < at.plus(schedule.every)) {
        return Ok(false);
    }
    let written = write(app, &schedule.folder, None, Some(schedule.keep), |_, _| ()).await?;
    app.backups.found(complete(&schedule.folder, app.now())?.first().map(|(at, _)| *at));
    let rows: u64 = written.sums.iter().map(|sum| sum.rows).sum();
    tracing::info!(path = ?written.path, rows, deleted = written.deleted.len(), "wrote a backup");
    Ok(true)
}

/// The state of scheduled backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The newest one is recent enough.
    Fine(Time),
    /// The newest one is older than twice the interval.
    Old(Time),
    None,
    /// The last one failed at this time; the newest complete one.
    Failed(Time, Option<Time>),
}

/// The state of scheduled backups; `None` if none are scheduled, or if the folder has not been read yet.
pub fn standing(app: &App) -> Option<Standing> {
    let (schedule, known) = (app.backup.as_ref()?, app.backups.known());
    match (known.failed, known.newest) {
        (Some(failed), newest) => Some(Standing::Failed(failed, newest)),
        (None, Some(newest)) if app.now().since(newest) > schedule.every * 2 => Some(Standing::Old(newest)),
        (None, Some(newest)) => Some(Standing::Fine(newest)),
        (None, None) => known.looked.then_some(Standing::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_when_the_backup_was_begun_and_others_tell_nothing() {
        let at = Time::from_millis(1_790_000_000_123);
        assert_eq!(name(at), "cartkey-2026-09-21T14-13-20.123Z.backup");
        assert_eq!(time_of(&name(at)), Some(at));
        for other in ["cartkey-.backup", "cartkey-x.backup", "cartkey-2026-09-21T14-13-20.123Z.backup.partial", "notes"]
        {
            assert_eq!(time_of(other), None, "{other}");
        }
    }
}
