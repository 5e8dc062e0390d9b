//! Rekey: replaces the sealing key and re-seals everything while Cartkey serves; then the old key's line can be removed.
//!
//! 1. The command adds a key to the ring's file. It opens values, and does not seal yet.
//! 2. Every serving process reads its ring again and records which keys it has ([`pass`]). The command waits for all of them.
//! 3. The database makes the new key the sealing key. Every process learns that within seconds.
//! 4. The command and every process re-seal values that are sealed under another key, each by compare-and-swap.
//! 5. The old line can be removed: start-up counts values sealed under keys that the ring lacks, and fails if there are any.
//!
//! Progress is kept in the database only: a command that was killed resumes when it is run again.

use std::fs::{File, TryLockError};
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::domain::{Instant, Time};
use crate::files::folder_of;
use crate::flow::Beneath;
use crate::flow::open_vault::{self, PROOF};
use crate::flow::transfer::seals;
use crate::live::worker::Plan;
use crate::storage::ring_keys::{self, Process, RingKey};
use crate::storage::{self, seals as sealed};
use crate::vault::{KeyRing, Place, RingFault, RingSource};

/// How often a process checks which key seals.
const EVERY: Duration = Duration::from_secs(5);
/// How often it records that it is alive.
const SAYS_EVERY: Duration = Duration::from_mins(1);
/// A process that has not done so for this long is considered dead.
const GONE_AFTER: Duration = Duration::from_mins(3);
/// How often it looks for values to re-seal while the sealing key stays the same: another process may have sealed one in an older
/// layout, or under the former key.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Values re-sealed per pass, so that the worker can record that it is alive in between.
const IN_ONE_PASS: usize = 5_000;
/// The command's pause between checks of the processes.
const PAUSE: Duration = Duration::from_secs(1);

pub const WORKER: Plan = Plan::new("key ring", "every 5 seconds");

/// Why the ring could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ring does not fit the database, or cannot be read.
    #[error(transparent)]
    Ring(#[from] open_vault::Error),
    #[error(
        "a new key cannot be added to {0}: add a line with a new ID yourself (id:key; openssl rand -base64 32 prints a key), restart every process, and run this command again"
    )]
    NotAFile(String),
    #[error(
        "{0}. Add a line with a new ID to the ring yourself (id:key; openssl rand -base64 32 prints a key), and run this command again"
    )]
    Unwritable(RingFault),
    #[error(
        "the key {key} is not in {ring} any more, so it does not seal. Nothing was changed; run this command again"
    )]
    Gone { key: String, ring: String },
    #[error("another “cartkey rekey” is running for {0}: wait until it has ended")]
    Busy(String),
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Ring(error.into())
    }
}

impl From<Beneath> for Error {
    fn from(error: Beneath) -> Self {
        Self::Ring(error.into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Seals,
    /// It has not sealed yet: a rekey will use it.
    Ready,
    /// It sealed before, and this many values still need it.
    Needed(u64),
    /// It sealed before, and no value needs it any more: its line can be removed.
    Unneeded,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key was added to the ring's file.
    Added {
        key: String,
    },
    /// Serving processes do not have the key yet.
    Lacking {
        key: String,
        processes: usize,
    },
    Seals {
        key: String,
    },
    /// Values are being re-sealed.
    Resealing {
        done: u64,
        of: u64,
    },
    /// Serving processes do not know yet that the key seals.
    Learning {
        processes: usize,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// The number of values that this command has re-sealed.
    pub resealed: u64,
    /// The keys in the ring, and their roles; the first one seals.
    pub keys: Vec<(String, Role)>,
}

/// Resumes an interrupted rekey, or begins one. While the ring still contains a former key that no value needs, no rekey begins:
/// that line must be removed first.
pub async fn run(app: &App, mut tell: impl FnMut(Step)) -> Result<Rekeyed, Error> {
    let _lock = lock(app)?;
    let resumed = finish(app, &mut tell).await?;
    let keys = roles(app).await?;
    let is_former = |role: Role| role == Role::Unneeded || (resumed > 0 && matches!(role, Role::Needed(_)));
    if keys.iter().any(|(_, role)| is_former(*role)) {
        return Ok(Rekeyed { resealed: resumed, keys });
    }
    let key = next_key(app, &keys, &mut tell).await?;
    loop {
        // Someone may have replaced the file since the key was added to it.
        still_has(app, &key).await?;
        if ring_keys::seal_with(&app.db, &key, app.now().minus(GONE_AFTER), app.now()).await? {
            break;
        }
        let processes = there(app).await?.iter().filter(|process| !process.has(&key)).count();
        tell(Step::Lacking { key: key.clone(), processes });
        tokio::time::sleep(PAUSE).await;
    }
    app.vault.seal_from_now_on_with(&key);
    tell(Step::Seals { key });
    let resealed = resumed + finish(app, &mut tell).await?;
    Ok(Rekeyed { resealed, keys: roles(app).await? })
}

/// Keeps other rekeys on this machine out, by a lock on the folder of the ring's file.
fn lock(app: &App) -> Result<Option<File>, Error> {
    let Some(path) = app.ring.as_ref().and_then(RingSource::file) else { return Ok(None) };
    let io = |source| Error::Unwritable(RingFault::Io { path: path.display().to_string(), source });
    let folder = File::open(folder_of(path)).map_err(io)?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(Error::Busy(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

/// Fails if a ring that can be read again lacks the key now.
async fn still_has(app: &App, key: &str) -> Result<(), Error> {
    let Some(source) = app.ring.as_ref().filter(|source| source.can_change()) else { return Ok(()) };
    let ring = source.load().await.map_err(open_vault::Error::Ring)?;
    if ring.is_some_and(|ring| ring.iter().any(|(id, _)| id == key)) {
        return Ok(());
    }
    Err(Error::Gone { key: key.to_owned(), ring: source.to_string() })
}

/// Re-seals everything, until every process seals with the new key and no value is sealed under a former one.
async fn finish(app: &App, tell: &mut impl FnMut(Step)) -> Result<u64, Error> {
    let mut done = 0;
    loop {
        let key = app.vault.key_ids().remove(0);
        let processes = there(app).await?.iter().filter(|process| !process.seals_with(&key)).count();
        let of = done + sealed::count_stale(&app.db, &app.vault.current_header()).await?;
        let before = done;
        let renewed = seals::renew(app, usize::MAX, |n| tell(Step::Resealing { done: before + n as u64, of })).await?;
        done += renewed as u64;
        if processes == 0 {
            return Ok(done);
        }
        tell(Step::Learning { processes });
        tokio::time::sleep(PAUSE).await;
    }
}

async fn there(app: &App) -> Result<Vec<Process>, Error> {
    Ok(ring_keys::processes(&app.db, app.now().minus(GONE_AFTER)).await?)
}

/// The next sealing key: one that is ready in the ring, or a new one.
async fn next_key(app: &App, keys: &[(String, Role)], tell: &mut impl FnMut(Step)) -> Result<String, Error> {
    if let Some((key, _)) = keys.iter().find(|(_, role)| *role == Role::Ready) {
        return Ok(key.clone());
    }
    let source = app.ring.as_ref().ok_or_else(|| Error::NotAFile("this ring".to_owned()))?;
    let path = source.file().ok_or_else(|| Error::NotAFile(source.to_string()))?;
    let new = KeyRing::mint(&app.entropy);
    KeyRing::append(path, &new).map_err(Error::Unwritable)?;
    app.vault.add(&new);
    let key = new.iter().map(|(id, _)| id.to_owned()).next().unwrap_or_default();
    let proof = app.vault.seal_with(&app.entropy, &Place::ring_proof(&key), PROOF, &key).unwrap_or_default();
    ring_keys::save(&app.db, &key, &proof).await?;
    tell(Step::Added { key: key.clone() });
    Ok(key)
}

/// The role of each key in the ring; the first one seals. Counts sealed values in the whole database, unless the ring has one key.
pub async fn roles(app: &App) -> Result<Vec<(String, Role)>, storage::Error> {
    let known = ring_keys::all(&app.db).await?;
    let mut roles = Vec::new();
    for id in app.vault.key_ids() {
        let is_former = known.iter().any(|key| key.id == id && key.retired_at.is_some());
        let role = if roles.is_empty() {
            Role::Seals
        } else {
            match (sealed::count_under(&app.db, &id).await?, is_former) {
                (0, true) => Role::Unneeded,
                (0, false) => Role::Ready,
                (values, _) => Role::Needed(values),
            }
        };
        roles.push((id, role));
    }
    Ok(roles)
}

/// What a process last recorded and did.
#[derive(Debug, Default)]
pub struct Last {
    /// The key IDs that it recorded, and when.
    said: Option<(String, Instant)>,
    renewed: Option<Instant>,
}

/// Records that this process serves. Fails if it lacks the sealing key.
pub async fn enter(app: &App) -> Result<Last, open_vault::Error> {
    let mut last = Last::default();
    learn(app).await?;
    say(app, &mut last).await?;
    Ok(last)
}

/// Runs the worker until shutdown.
pub async fn run_worker(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let (mut last, mut fails) = (Last::default(), false);
    while !*stop.borrow() {
        match pass(&app, &mut last).await {
            Ok(renewed) => {
                worker.did(renewed, "values re-sealed");
                fails = false;
            }
            Err(_) if fails => worker.failed_again(FAILED),
            Err(error) => {
                worker.failed(FAILED, &error);
                fails = true;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => {}
        }
    }
    if let Err(error) = ring_keys::leave(&app.db, &app.process).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a process could not record that it has ended");
    }
}

const FAILED: &str = "the key ring could not be compared with the database, or values could not be re-sealed";

/// One pass: learns which key seals, reads the ring again if a key is missing, records the process's keys, and re-seals if they
/// changed. Returns the number of values re-sealed.
pub async fn pass(app: &App, last: &mut Last) -> Result<usize, open_vault::Error> {
    learn(app).await?;
    say(app, last).await?;
    let now = app.clock.instant();
    if last.renewed.is_some_and(|at| now.since(at) < LOOK_EVERY) {
        return Ok(0);
    }
    let renewed = seals::renew(app, IN_ONE_PASS, |_| ()).await?;
    if renewed < IN_ONE_PASS {
        last.renewed = Some(now);
    }
    Ok(renewed)
}

async fn say(app: &App, last: &mut Last) -> Result<(), open_vault::Error> {
    let (ring, now) = (app.vault.key_ids().join(" "), app.clock.instant());
    let is_news = last.said.as_ref().is_none_or(|(said, _)| *said != ring);
    if is_news || last.said.as_ref().is_some_and(|(_, at)| now.since(*at) >= SAYS_EVERY) {
        let process = Process { id: app.process.clone(), ring: ring.clone(), seen_at: app.now() };
        let gone: Time = app.now().minus(GONE_AFTER);
        let sealing = ring_keys::enter(&app.db, &process, gone).await?;
        match sealing {
            Some(id) if !app.vault.has(&id) => {
                ring_keys::leave(&app.db, &app.process).await?;
                return Err(open_vault::Error::Sealing { id });
            }
            _ => last.said = Some((ring, now)),
        }
        if is_news {
            last.renewed = None;
        }
    }
    Ok(())
}

/// Seals with the key that the database names. First reads the ring again if it lacks a key that is in use or ready.
async fn learn(app: &App) -> Result<(), open_vault::Error> {
    let known = ring_keys::all(&app.db).await?;
    let lacks = |key: &&RingKey| key.retired_at.is_none() && !app.vault.has(&key.id);
    if known.iter().any(|key| lacks(&key))
        && let Some(source) = app.ring.as_ref().filter(|source| source.can_change())
        && let Some(ring) = source.load().await?
    {
        let read = app.vault.beside(&ring);
        for RingKey { id, proof, .. } in known.iter().filter(|key| read.has(&key.id)) {
            if read.open(&Place::ring_proof(id), proof).is_err() {
                return Err(open_vault::Error::Wrong { id: id.clone() });
            }
        }
        app.vault.add(&ring);
    }
    match ring_keys::sealing(&app.db).await? {
        Some(id) if !app.vault.seal_from_now_on_with(&id) => Err(open_vault::Error::Sealing { id }),
        _ => Ok(()),
    }
}
