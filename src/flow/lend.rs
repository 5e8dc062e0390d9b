//! Lend: an internal service is given a store's key, and the record of it is on disk before the answer leaves.
//!
//! The hot path asks the database nothing that memory knows: tokens that work and stores that are connected are
//! remembered with the lending counter under which they were read. The counter is looked at again in the very
//! transaction that records the lending, one for a whole batch of concurrent reads; what was made under an older
//! counter does not leave but is made again. So a revoked token or a retired key is never served from memory, not for
//! a second and not with two replicas, and one commit serves many reads. Refusals are never remembered.

mod writer;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use quick_cache::sync::Cache;
use tokio::sync::{mpsc, oneshot};

use self::writer::{QUEUE, Waiting};
use super::{Beneath, takes_in_beneath, watch};
use crate::app::App;
use crate::domain::id::{KeyId, RequestId, StoreId};
use crate::domain::key::KeyPair;
use crate::domain::secret::{Fingerprint, Secret};
use crate::domain::store::{Store, StoreStatus};
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;
use crate::domain::token::{Permission, ServiceToken};
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;
use crate::live::worker::Workers;
use crate::storage::reads::Read;
use crate::storage::{Db, stores, tokens};
use crate::vault::{Place, fingerprint};

/// Stores remembered: about 1 KB each.
const STORES: usize = 10_000;
/// Tokens remembered.
const TOKENS: usize = 1_000;
/// How often an answer is made again because the counter moved meanwhile.
const AGAIN: usize = 5;

/// What memory knows, and the way to the writer of the record. Cheap to clone.
#[derive(Clone)]
pub struct Lending {
    memory: Arc<Memory>,
    queue: mpsc::Sender<Waiting>,
}

struct Memory {
    /// The newest lending counter that was seen.
    revision: AtomicI64,
    tokens: Cache<Fingerprint, Arc<(i64, ServiceToken)>>,
    stores: Cache<StoreId, Arc<Lendable>>,
    users: Cache<UserId, (i64, StoreId)>,
}

/// A connected store with its sealed key.
struct Lendable {
    revision: i64,
    store: Store,
    key_id: KeyId,
    version: i64,
    sealed: Vec<u8>,
    issued_at: Time,
}

/// Whose key is asked for.
#[derive(Debug, Clone)]
pub enum Which {
    /// This store's.
    Store(StoreId),
    /// The only store's of this merchant, or the one at this address.
    User(UserId, Option<StoreUrl>),
}

/// Who asks, and how.
#[derive(Debug)]
pub struct Request<'a> {
    /// The bearer token.
    pub token: &'a Secret,
    /// The request's id, which becomes the record's.
    pub id: &'a RequestId,
    /// The address it came from.
    pub from: IpAddr,
    /// The ETag that the asker has already.
    pub has: Option<&'a str>,
}

/// What is lent.
pub enum Lent {
    /// The key.
    Keys(Box<Keys>),
    /// The asker has it already (304); nothing is lent, nothing is recorded.
    Same(String),
}

/// A key, and how to use it.
pub struct Keys {
    lendable: Arc<Lendable>,
    /// In the open.
    pub pair: KeyPair,
    /// Names this answer; another one when anything in it changes.
    pub etag: String,
}

/// Why nothing is lent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such token, or it is revoked or expired.
    #[error("the token is not one that works")]
    Unauthenticated,
    /// The token may not do this.
    #[error("the token lacks {0}")]
    PermissionMissing(Permission),
    /// No such store that the token may reach.
    #[error("no such store")]
    NotFound,
    /// The merchant has several stores.
    #[error("the merchant has several stores")]
    SeveralStores(Vec<(StoreId, StoreUrl)>),
    /// The store's key cannot be lent.
    #[error("the store is {}", .0.as_str())]
    NotConnected(StoreStatus, Option<Verdict>),
    /// The record cannot be written, so nothing leaves.
    #[error("the record of lent keys cannot be written")]
    Unrecorded,
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// The key is there and does not open.
const UNREADABLE: Error = Error::NotConnected(StoreStatus::Unauthorized, Some(Verdict::KeyUnreadable));

/// Lends a key.
pub async fn keys(app: &App, request: &Request<'_>, which: &Which) -> Result<Lent, Error> {
    for _ in 0..AGAIN {
        let token = token(app, request.token).await?;
        if !token.1.permissions.allow(Permission::KeysRead) {
            return Err(Error::PermissionMissing(Permission::KeysRead));
        }
        let (user_revision, store_id) = match which {
            Which::Store(id) => (None, id.clone()),
            Which::User(user, home) => {
                if !token.1.may_reach(user) {
                    return Err(Error::NotFound);
                }
                let (revision, id) = store_of(app, user, home.as_ref()).await?;
                (Some(revision), id)
            }
        };
        let lendable = lendable(app, &token.1, &store_id).await?;
        let etag = etag(&lendable);
        let same = request
            .has
            .is_some_and(|has| has == "*" || has.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
        let answer = if same { Lent::Same(etag) } else { Lent::Keys(Box::new(open(app, &lendable, etag)?)) };
        // What the three were read under; when they differ, the oldest decides.
        let revision = token.0.min(lendable.revision).min(user_revision.unwrap_or(i64::MAX));
        if record(app, request, &token.1, &lendable, revision, !same).await? {
            return Ok(answer);
        }
    }
    Err(Error::Unrecorded)
}

/// The token that `secret` is, if it works now, as memory has it.
async fn token(app: &App, secret: &Secret) -> Result<Arc<(i64, ServiceToken)>, Error> {
    let memory = &app.lending.memory;
    let fingerprint = fingerprint(secret);
    let known = memory.tokens.get(&fingerprint).filter(|token| memory.is_current(token.0));
    let token = if let Some(token) = known {
        token
    } else {
        let (revision, token) = tokens::by_fingerprint(&app.db, &fingerprint).await?;
        let token = Arc::new((revision, token.ok_or(Error::Unauthenticated)?));
        memory.saw(revision);
        memory.tokens.insert(fingerprint, Arc::clone(&token));
        token
    };
    if token.1.works_at(app.now()) { Ok(token) } else { Err(Error::Unauthenticated) }
}

/// The token that `secret` is, asked of the database: for routes where memory's word is not checked again.
pub async fn fresh_token(app: &App, secret: &Secret) -> Result<ServiceToken, Error> {
    let (_, token) = tokens::by_fingerprint(&app.db, &fingerprint(secret)).await?;
    token.filter(|token| token.works_at(app.now())).ok_or(Error::Unauthenticated)
}

async fn store_of(app: &App, user: &UserId, home: Option<&StoreUrl>) -> Result<(i64, StoreId), Error> {
    let memory = &app.lending.memory;
    if home.is_none()
        && let Some(known) = memory.users.get(user).filter(|(revision, _)| memory.is_current(*revision))
    {
        return Ok(known);
    }
    let (revision, mut stores) = stores::of_user(&app.db, user, home).await?;
    memory.saw(revision);
    // A store that was given up does not stand in the way of the one that is left.
    if stores.len() > 1 && stores.iter().any(|(_, _, status)| *status != StoreStatus::Disconnected) {
        stores.retain(|(_, _, status)| *status != StoreStatus::Disconnected);
    }
    match stores.as_slice() {
        [] => Err(Error::NotFound),
        [(id, _, _)] => {
            if home.is_none() {
                memory.users.insert(user.clone(), (revision, id.clone()));
            }
            Ok((revision, id.clone()))
        }
        _ => Err(Error::SeveralStores(stores.into_iter().map(|(id, home, _)| (id, home)).collect())),
    }
}

/// The store's key as memory has it. A store that the token may not reach is not there at all, however it stands.
async fn lendable(app: &App, token: &ServiceToken, id: &StoreId) -> Result<Arc<Lendable>, Error> {
    let memory = &app.lending.memory;
    if let Some(known) = memory.stores.get(id).filter(|known| memory.is_current(known.revision)) {
        return if token.may_reach(&known.store.user_id) { Ok(known) } else { Err(Error::NotFound) };
    }
    let served = stores::served(&app.db, id).await?.ok_or(Error::NotFound)?;
    memory.saw(served.revision);
    let store = served.store;
    if !token.may_reach(&store.user_id) {
        return Err(Error::NotFound);
    }
    let key = match (store.status, served.key) {
        (StoreStatus::Connected, Some(key)) => key,
        (status, _) => return Err(Error::NotConnected(status, store.reason)),
    };
    // What does not open is never remembered.
    if app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed).is_err() {
        watch::found_unreadable(app, &store, &key).await?;
        return Err(UNREADABLE);
    }
    let lendable = Arc::new(Lendable {
        revision: served.revision,
        store,
        key_id: key.id,
        version: key.version,
        sealed: key.sealed,
        issued_at: key.issued_at,
    });
    memory.stores.insert(id.clone(), Arc::clone(&lendable));
    Ok(lendable)
}

fn open(app: &App, lendable: &Arc<Lendable>, etag: String) -> Result<Keys, Error> {
    let place = Place::key(&lendable.key_id, &lendable.store.home, &lendable.store.user_id);
    let pair = app.vault.open_pair(&place, &lendable.sealed).map_err(|_| UNREADABLE)?;
    Ok(Keys { pair, lendable: Arc::clone(lendable), etag })
}

impl Keys {
    /// Of this store.
    pub fn store(&self) -> &Store {
        &self.lendable.store
    }

    /// Its version.
    pub fn version(&self) -> i64 {
        self.lendable.version
    }

    /// When it was proven.
    pub fn issued_at(&self) -> Time {
        self.lendable.issued_at
    }
}

/// Changes whenever the key or the way to use it does.
fn etag(lendable: &Lendable) -> String {
    let store = &lendable.store;
    format!("\"{}-{}-{}\"", lendable.key_id, store.auth_method.as_str(), store.scope)
}

/// Waits until the lending is on record; false when the counter has moved since, so that it must be made again.
async fn record(
    app: &App,
    request: &Request<'_>,
    token: &ServiceToken,
    lendable: &Lendable,
    revision: i64,
    lends: bool,
) -> Result<bool, Error> {
    let read = Read {
        id: request.id.to_string(),
        at: app.now().millis(),
        token_id: token.id.to_string(),
        store_id: lendable.store.id.to_string(),
        key_version: lendable.version,
        read_from: request.from.to_string(),
        revision,
        lends,
    };
    let (done, told) = oneshot::channel();
    app.lending.queue.try_send(Waiting { read, done: Some(done) }).map_err(|_| Error::Unrecorded)?;
    Ok(told.await.map_err(|_| Error::Unrecorded)? == revision)
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            revision: AtomicI64::new(-1),
            tokens: Cache::new(TOKENS),
            stores: Cache::new(STORES),
            users: Cache::new(STORES),
        }
    }
}

impl Memory {
    fn is_current(&self, revision: i64) -> bool {
        self.revision.load(Ordering::Acquire) == revision
    }

    fn saw(&self, revision: i64) {
        self.revision.fetch_max(revision, Ordering::AcqRel);
    }

    /// Takes over the counter that the writer read. One that is lower than memory's comes from a server that was behind when it
    /// took over, or from a restored backup: what memory holds happened in a history that is gone.
    fn found(&self, revision: i64) {
        if self.revision.fetch_max(revision, Ordering::AcqRel) > revision {
            self.forget();
            self.revision.store(revision, Ordering::Release);
        }
    }

    fn forget(&self) {
        self.tokens.clear();
        self.stores.clear();
        self.users.clear();
    }
}

impl Lending {
    /// Starts the writer of the record; it ends when the last clone of this is dropped and the queue is empty.
    pub fn start(db: Db, workers: &Workers) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let memory = Arc::new(Memory::default());
        tokio::spawn(writer::run(db, Arc::clone(&memory), workers.enter(writer::WORKER), waiting));
        Self { memory, queue }
    }
}
