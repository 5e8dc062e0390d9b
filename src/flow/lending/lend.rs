//! Lend: returns a store's key to an internal service, after the read has been recorded on disk.
//!
//! The hot path does not query the database for what is cached. Valid tokens and connected stores are cached as they were at one
//! value of the lending counter. The transaction that records the lending, one for a whole batch of concurrent reads, checks the
//! counter again. An answer prepared under an older counter is discarded, what has changed since is removed from the cache, and the
//! answer is prepared anew. So a revoked token or a retired key is never served from the cache, not for a second and not with two
//! replicas, and one commit serves many reads. Refusals are never cached.
//!
//! Futures that query the database are boxed: their state is kilobytes, which would be part of every answer's future, and that is
//! moved several times.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::subject;
use crate::app::App;
use crate::domain::id::{KeyId, RequestId, StoreId};
use crate::domain::key::KeyPair;
use crate::domain::rest_base::RestBase;
use crate::domain::secret::{Fingerprint, Secret};
use crate::domain::store::{Store, StoreStatus};
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;
use crate::domain::token::{Permission, ServiceToken};
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;
use crate::flow::open_vault::or_damaged;
use crate::flow::{Beneath, takes_in_beneath, watching::watch};
use crate::live::lending::Lendable;
use crate::storage::reads::KeyRead;
use crate::storage::{stores, tokens};
use crate::vault::{Place, fingerprint};

/// The most stores in one request of [`several`].
pub const MOST_AT_ONCE: usize = 500;

/// How often an answer is prepared again because the counter has moved.
pub(super) const AGAIN: usize = 5;

/// The store whose key is requested.
#[derive(Debug, Clone)]
pub enum Which {
    /// By the store's id.
    Store(StoreId),
    /// By merchant: the one at this address, or the merchant's only store.
    User(UserId, Option<StoreUrl>),
}

/// A service's request for a key.
#[derive(Debug)]
pub struct Request<'a> {
    /// The bearer token.
    pub token: &'a Secret,
    /// The request's id, also the id of the record.
    pub id: &'a RequestId,
    /// The client's IP address.
    pub from: IpAddr,
    /// The `If-None-Match` header.
    pub has: Option<&'a str>,
}

impl Request<'_> {
    /// Whether the client's copy has this ETag.
    fn has(&self, etag: &str) -> bool {
        let is_it = |tag: &str| tag.trim().trim_start_matches("W/") == etag;
        self.has.is_some_and(|has| has == "*" || has.split(',').any(is_it))
    }
}

/// A successful answer.
pub enum Lent<K> {
    /// The key, or several.
    Keys(K),
    /// The client's copy with this ETag is current (304). Nothing is lent or recorded, but the counter is checked as for a key.
    Same(String),
}

/// Several keys in one answer.
pub struct Several {
    /// For each store that was requested, in that order: its key, or why there is none.
    pub keys: Vec<Result<Keys, Error>>,
    /// The ETag. It changes when anything in the answer does.
    pub etag: String,
}

/// A key and how to use it.
pub struct Keys {
    lendable: Arc<Lendable>,
    /// The decrypted key.
    pub pair: KeyPair,
}

/// Why no key is lent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token is unknown, revoked or expired.
    #[error("the token is unknown, revoked or expired")]
    Unauthenticated,
    /// The token lacks a permission.
    #[error("the token lacks {0}")]
    PermissionMissing(Permission),
    /// There is no such store, or the token may not see it.
    #[error("no such store")]
    NotFound,
    /// The merchant has several stores; these are their ids and addresses.
    #[error("the merchant has several stores")]
    SeveralStores(Vec<(StoreId, StoreUrl)>),
    /// The store's key cannot be lent.
    #[error("the store is {}", .0.as_str())]
    NotConnected(StoreStatus, Option<Verdict>),
    /// The record cannot be written, so no key is returned.
    #[error("the record of lent keys cannot be written")]
    Unrecorded,
    /// The database failed.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

impl Error {
    /// The reason, as metrics count it.
    const fn label(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionMissing(_) => "permission_missing",
            Self::NotFound => "not_found",
            Self::SeveralStores(_) => "several_stores",
            Self::NotConnected(..) => "store_not_connected",
            Self::Unrecorded => "unrecorded",
            Self::Beneath(_) => "unavailable",
        }
    }
}

/// The stored key does not open.
const UNREADABLE: Error = Error::NotConnected(StoreStatus::Unauthorized, Some(Verdict::KeyUnreadable));

/// Returns a store's key once the read is recorded.
pub async fn keys(app: &App, request: &Request<'_>, which: &Which) -> Result<Lent<Box<Keys>>, Error> {
    one(app, request, which).await.inspect_err(|error| app.metrics.refused(error.label()))
}

async fn one(app: &App, request: &Request<'_>, which: &Which) -> Result<Lent<Box<Keys>>, Error> {
    for _ in 0..AGAIN {
        let revision = revision(app).await?;
        let token = allowed(app, request, Permission::KeysRead).await?;
        let lendable = find(app, &token, which).await?;
        let (answer, reads) = if request.has(&lendable.etag) {
            (Lent::Same(lendable.etag.clone()), Vec::new())
        } else {
            let reads = vec![read(app, request.id.clone(), request, &token, &lendable)];
            (Lent::Keys(Box::new(open(app, &lendable)?)), reads)
        };
        if is_recorded(app, reads, revision).await? {
            return Ok(answer);
        }
    }
    Err(Error::Unrecorded)
}

/// Returns the keys of several stores once all reads are recorded, in one commit. A problem with one store does not affect the
/// others. Each read is recorded under its own ID, counted up from the request's.
pub async fn several(app: &App, request: &Request<'_>, which: &[Which]) -> Result<Lent<Several>, Error> {
    let lent = each(app, request, which).await.inspect_err(|error| app.metrics.refused(error.label()))?;
    if let Lent::Keys(several) = &lent {
        several.keys.iter().filter_map(|key| key.as_ref().err()).for_each(|error| app.metrics.refused(error.label()));
    }
    Ok(lent)
}

async fn each(app: &App, request: &Request<'_>, which: &[Which]) -> Result<Lent<Several>, Error> {
    for _ in 0..AGAIN {
        let revision = revision(app).await?;
        let token = allowed(app, request, Permission::KeysRead).await?;
        let (mut keys, mut reads) = (Vec::with_capacity(which.len()), Vec::new());
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        let mut id = request.id.clone();
        for which in which {
            let key = match find(app, &token, which).await {
                Ok(lendable) => open(app, &lendable).inspect(|_| {
                    reads.push(read(app, id.clone(), request, &token, &lendable));
                    id = id.next();
                }),
                Err(error @ Error::Beneath(_)) => return Err(error),
                Err(error) => Err(error),
            };
            match &key {
                // With all that the answer says of it, such as the merchant's stores.
                Err(error) => hash.update(format!("{which:?} {error:?}").as_bytes()),
                Ok(key) => hash.update(key.etag().as_bytes()),
            }
            hash.update(b"\n");
            keys.push(key);
        }
        let hash = hash.finish();
        let etag = hash.as_ref()[..16].iter().fold("\"".to_owned(), |hex, byte| hex + &format!("{byte:02x}")) + "\"";
        let answer = if request.has(&etag) {
            reads.clear();
            Lent::Same(etag)
        } else {
            Lent::Keys(Several { keys, etag })
        };
        if is_recorded(app, reads, revision).await? {
            return Ok(answer);
        }
    }
    Err(Error::Unrecorded)
}

/// The lending counter under which an answer is prepared: it is read before everything else that the answer is made of.
pub(super) async fn revision(app: &App) -> Result<i64, Error> {
    let memory = &app.lending.memory;
    if let Some(revision) = memory.revision() {
        return Ok(revision);
    }
    Box::pin(memory.catch_up(&app.db)).await?;
    memory.revision().ok_or(Error::Unrecorded)
}

/// The token of the request, if it has this permission.
pub(super) async fn allowed(
    app: &App,
    request: &Request<'_>,
    permission: Permission,
) -> Result<Arc<ServiceToken>, Error> {
    let token = token(app, request.token).await?;
    subject::is_token(&token.id);
    if token.permissions.allow(permission) { Ok(token) } else { Err(Error::PermissionMissing(permission)) }
}

/// The store's key.
pub(super) async fn find(app: &App, token: &ServiceToken, which: &Which) -> Result<Arc<Lendable>, Error> {
    let id = match which {
        Which::Store(id) => id.clone(),
        Which::User(user, home) => {
            if !token.may_see(user) {
                return Err(Error::NotFound);
            }
            store_of(app, user, home.as_ref()).await?
        }
    };
    subject::is_store(&id);
    lendable(app, token, &id).await
}

/// The token of `secret`, from the cache, if it works now.
pub(super) async fn token(app: &App, secret: &Secret) -> Result<Arc<ServiceToken>, Error> {
    let fingerprint = fingerprint(secret);
    let token = match app.lending.memory.token(&fingerprint) {
        Some(known) => known,
        None => Box::pin(token_from_database(app, fingerprint)).await?,
    };
    if token.works_at(app.now()) { Ok(token) } else { Err(Error::Unauthenticated) }
}

async fn token_from_database(app: &App, fingerprint: Fingerprint) -> Result<Arc<ServiceToken>, Error> {
    let (revision, token) = tokens::by_fingerprint(&app.db, &fingerprint).await?;
    let token = Arc::new(token.ok_or(Error::Unauthenticated)?);
    app.lending.memory.add_token(revision, fingerprint, &token);
    Ok(token)
}

/// The token of `secret`, read from the database: for routes that do not recheck the lending counter.
pub async fn fresh_token(app: &App, secret: &Secret) -> Result<ServiceToken, Error> {
    let (_, token) = tokens::by_fingerprint(&app.db, &fingerprint(secret)).await?;
    let token = token.filter(|token| token.works_at(app.now())).ok_or(Error::Unauthenticated)?;
    subject::is_token(&token.id);
    Ok(token)
}

async fn store_of(app: &App, user: &UserId, home: Option<&StoreUrl>) -> Result<StoreId, Error> {
    if home.is_none()
        && let Some(known) = app.lending.memory.store_of(user)
    {
        return Ok(known);
    }
    Box::pin(store_from_database(app, user, home)).await
}

async fn store_from_database(app: &App, user: &UserId, home: Option<&StoreUrl>) -> Result<StoreId, Error> {
    let (revision, mut stores) = stores::of_user(&app.db, user, home).await?;
    // A disconnected store does not make the remaining one ambiguous.
    if stores.len() > 1 && stores.iter().any(|(_, _, status)| *status != StoreStatus::Disconnected) {
        stores.retain(|(_, _, status)| *status != StoreStatus::Disconnected);
    }
    match stores.as_slice() {
        [] => Err(Error::NotFound),
        [(id, _, _)] => {
            if home.is_none() {
                app.lending.memory.add_store_of(revision, user, id);
            }
            Ok(id.clone())
        }
        _ => Err(Error::SeveralStores(stores.into_iter().map(|(id, home, _)| (id, home)).collect())),
    }
}

/// The store's key, from the cache if possible. A store that the token may not see is reported as missing, whatever its status.
async fn lendable(app: &App, token: &ServiceToken, id: &StoreId) -> Result<Arc<Lendable>, Error> {
    if let Some(known) = app.lending.memory.store(id) {
        return if token.may_see(&known.store.user_id) { Ok(known) } else { Err(Error::NotFound) };
    }
    Box::pin(lendable_from_database(app, token, id)).await
}

async fn lendable_from_database(app: &App, token: &ServiceToken, id: &StoreId) -> Result<Arc<Lendable>, Error> {
    let served = stores::served(&app.db, id).await?.ok_or(Error::NotFound)?;
    let store = served.store;
    if !token.may_see(&store.user_id) {
        return Err(Error::NotFound);
    }
    let key = match (store.status, served.key) {
        (StoreStatus::Connected, Some(key)) => key,
        (status, _) => return Err(Error::NotConnected(status, store.reason)),
    };
    // A key that does not open is never cached.
    let opened = app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed);
    if or_damaged(app, &key.sealed, opened).await?.is_none() {
        watch::found_unreadable(app, &store, &key).await?;
        return Err(UNREADABLE);
    }
    let rest = store.rest();
    let lendable = Arc::new(Lendable {
        etag: etag(&store, &key.id, &rest),
        rest,
        store,
        key_id: key.id,
        version: key.version,
        sealed: key.sealed,
        issued_at: key.issued_at,
        worked: Mutex::default(),
    });
    app.lending.memory.add_store(served.revision, &lendable);
    Ok(lendable)
}

fn open(app: &App, lendable: &Arc<Lendable>) -> Result<Keys, Error> {
    Ok(Keys { pair: pair(app, lendable)?, lendable: Arc::clone(lendable) })
}

pub(super) fn pair(app: &App, lendable: &Lendable) -> Result<KeyPair, Error> {
    let place = Place::key(&lendable.key_id, &lendable.store.home, &lendable.store.user_id);
    app.vault.open_pair(&place, &lendable.sealed).map_err(|_| UNREADABLE)
}

impl Keys {
    /// The store.
    pub fn store(&self) -> &Store {
        &self.lendable.store
    }

    /// Where the store's REST API answers.
    pub fn rest(&self) -> &RestBase {
        &self.lendable.rest
    }

    /// The ETag. It changes when anything in the answer does.
    pub fn etag(&self) -> &str {
        &self.lendable.etag
    }

    /// The version of the key.
    pub fn version(&self) -> i64 {
        self.lendable.version
    }

    /// When the key was proven.
    pub fn issued_at(&self) -> Time {
        self.lendable.issued_at
    }
}

/// Changes whenever the key, its authentication method, its scope, the address of the API or the notes do.
fn etag(store: &Store, key: &KeyId, rest: &RestBase) -> String {
    let mut etag = format!("{key}-{}-{}", store.auth_method.as_str(), store.scope);
    if *rest != RestBase::usual(&store.home) {
        // An encoded address contains no character that ends a tag, except the comma, which separates tags in a list.
        etag.push_str(&rest.as_str()[store.home.origin().len()..].replace(',', "%2C"));
    }
    if store.json_has_noise {
        etag.push_str("-noise");
    }
    format!("\"{etag}\"")
}

/// The record of what this answer lends.
pub(super) fn read(
    app: &App,
    id: RequestId,
    request: &Request<'_>,
    token: &ServiceToken,
    lendable: &Lendable,
) -> KeyRead {
    KeyRead {
        id,
        at: app.now(),
        token_id: token.id.clone(),
        store_id: lendable.store.id.clone(),
        key_version: lendable.version,
        from: request.from,
        call: None,
    }
}

/// Waits until the reads are recorded. Returns false if the counter has moved, so the answer must be prepared again.
pub(super) async fn is_recorded(app: &App, reads: Vec<KeyRead>, revision: i64) -> Result<bool, Error> {
    app.lending.record(reads, revision).await.map(|current| current == revision).ok_or(Error::Unrecorded)
}
