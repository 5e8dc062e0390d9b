//! Adds a store by a key that a person or a file supplies. The key is proven like any other and saved only if it works and is no
//! worse than the store's current one, because the source may be out of date.

mod better;

use std::time::Duration;

use crate::app::App;
use crate::domain::{Actor, KeyId, KeyPair, RestBase, Scope, Store, StoreId, StoreStatus, StoreUrl, UserId, Verdict};
use crate::flow::open_vault::or_damaged;
use crate::flow::watching::{revocation, watch};
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::keys;
use crate::storage::stores::{self, Before, NewKey};
use crate::vault::{Place, fingerprint};
use crate::woo::check::{self, Answer, Ways};
use crate::woo::preflight;

pub use better::Better;

/// The time limit for finding the store.
const FIND_WITHIN: Duration = Duration::from_secs(8);
/// The time limit for trying the key.
const ASK_WITHIN: Duration = Duration::from_mins(1);
/// The same while a person waits. Together with `FIND_WITHIN` it stays below the browser's wait.
const TYPED_WITHIN: Duration = Duration::from_secs(18);

/// A key to add, and the store it is for.
#[derive(Debug, Clone)]
pub struct NewKeys {
    /// The merchant who owns the store.
    pub user_id: UserId,
    /// The store's address as typed.
    pub typed: StoreUrl,
    pub pair: KeyPair,
    pub scope: Scope,
    /// Whether it is an application password of WordPress.
    pub is_password: bool,
}

impl NewKeys {
    async fn ask(&self, app: &App, home: &StoreUrl) -> Answer {
        let rest = RestBase::usual(home);
        let ways = if self.is_password { Ways::Password } else { Ways::Keys };
        check::ask(&app.woo, home, &rest, &self.pair, Some(self.scope), ways).await
    }

    /// What the key is called where it may be shown.
    fn last7(&self) -> String {
        if self.is_password { fingerprint(&self.pair.consumer_secret).last7() } else { self.pair.consumer_key.last7() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// The first key of a new store.
    Connected,
    /// The newest key of a known store.
    Reconnected,
    /// None: the store already uses this key.
    Same,
}

#[derive(Debug, Clone)]
pub struct Added {
    /// The store; `None` if nothing was saved and the store is new.
    pub store_id: Option<StoreId>,
    /// The store's own address.
    pub home: StoreUrl,
    pub became: Became,
    /// A remark on the working key.
    pub remark: Option<Verdict>,
}

/// Why a key is not saved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key does not work at the store.
    #[error("{}", says(*.verdict, .home.shown()))]
    Refused {
        verdict: Verdict,
        /// The address that was tried.
        home: StoreUrl,
    },
    /// The key works, but the store's current state is better.
    #[error("{}", .why.says(.home.shown()))]
    Better { home: StoreUrl, why: Better },
    /// The store already uses this key, but no place was free to check whether it works again.
    #[error("{} was not checked: too many stores are being checked right now. Try again in a minute.", .0.shown())]
    NoTurn(StoreUrl),
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// The text for a refused key, where the verdict's own text addresses a merchant who approved.
pub fn says(verdict: Verdict, store: &str) -> String {
    match verdict {
        Verdict::KeyRejected => {
            format!(
                "{store} does not recognize this key: it was created at another store or was revoked. Create a new key at {store}."
            )
        }
        Verdict::SecretRejected => format!(
            "{store} recognizes this key, but not this secret. Copy the secret again; if it is lost, create a new key."
        ),
        Verdict::RoleLost => format!(
            "The WordPress user who owns this key is neither an administrator nor a shop manager of {store}. Create a key for a user who is."
        ),
        Verdict::OtherStore => format!("This key belongs to a store other than {store}. Check the address."),
        Verdict::ScopeNarrower => format!(
            "This key has less access to {store} than requested, so some features will not work. Create a key with all the requested permissions and enter that one."
        ),
        Verdict::ScopeWider => format!(
            "This key has more access to {store} than requested. It works; create a key with less access if you prefer."
        ),
        verdict => verdict.says(store),
    }
}

/// The source of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// A person who waits for the answer.
    Typed,
    /// A file, which may be older than the stores' current keys.
    Imported,
    /// A dry run of a file: nothing is saved.
    Tried,
}

impl Manner {
    /// The time limit for trying the key.
    const fn within(self) -> Duration {
        match self {
            Self::Typed => TYPED_WITHIN,
            Self::Imported | Self::Tried => ASK_WITHIN,
        }
    }
}

/// Proves a typed key and saves it for its store. No request is sent if the store is connected with this key already.
pub async fn add(app: &App, keys: &NewKeys, actor: &Actor) -> Result<Added, Error> {
    if let Some(same) = same(app, keys, &keys.typed).await? {
        return Ok(same);
    }
    let home = find(app, keys).await?;
    Box::pin(prove(app, keys, home, Manner::Typed, actor)).await
}

/// The result if the store at `home`, with or without `www.`, is connected with this key already. Sends no request.
pub async fn same(app: &App, keys: &NewKeys, home: &StoreUrl) -> Result<Option<Added>, Beneath> {
    for home in [home, &home.other_www()] {
        let store = holder(app, &keys.user_id, &keys.pair, home).await?;
        if let Some(store) = store.filter(|store| store.status == StoreStatus::Connected) {
            return Ok(Some(unchanged(store)));
        }
    }
    Ok(None)
}

/// Finds the store's own address without using the key.
pub async fn find(app: &App, keys: &NewKeys) -> Result<StoreUrl, Error> {
    let found = preflight::find(&app.woo, &keys.typed, FIND_WITHIN).await;
    match found.stop {
        Some(verdict) => Err(Error::Refused { verdict, home: found.home }),
        None => Ok(found.home),
    }
}

/// Tries the key at `home`, and saves it if it works and is no worse than the store's current one. A store that already uses this
/// key stays unchanged, or is checked if it is not connected.
pub async fn prove(
    app: &App,
    keys: &NewKeys,
    mut home: StoreUrl,
    manner: Manner,
    actor: &Actor,
) -> Result<Added, Error> {
    let mut heard = None;
    // The key version of the store at this address when last read, and whether it was disconnected.
    let mut seen: Option<(StoreUrl, Option<(i64, bool)>)> = None;
    loop {
        // Read each time: the store may have been connected, disconnected or given another key during the requests.
        let known = known(app, &keys.user_id, &keys.pair, &home).await?;
        let now =
            known.as_ref().map(|Known { store, .. }| (store.key_version, store.status == StoreStatus::Disconnected));
        if let Some(Known { store, is_same: true }) = known {
            if store.status == StoreStatus::Connected || (manner == Manner::Tried && heard.is_some()) {
                return Ok(unchanged(store));
            }
            if manner != Manner::Tried {
                return again(app, store, manner, actor).await;
            }
            (home, heard) = ask_within(app, keys, home, manner).await?;
            continue;
        }
        if seen.is_some_and(|(at, was)| at == home && was != now) {
            return Err(Error::Better { home, why: Better::Meanwhile });
        }
        seen = Some((home.clone(), now));
        let Some(answer) = &heard else {
            (home, heard) = ask_within(app, keys, home, manner).await?;
            continue;
        };
        let store = known.map(|known| known.store);
        if let Some(added) = keep(app, keys, &home, answer, store.as_ref(), manner, actor).await? {
            return Ok(added);
        }
    }
}

async fn ask_within(
    app: &App,
    keys: &NewKeys,
    home: StoreUrl,
    manner: Manner,
) -> Result<(StoreUrl, Option<Answer>), Error> {
    let asked = tokio::time::timeout(manner.within(), ask(app, keys, home)).await;
    let timed_out = || Err(Error::Refused { verdict: Verdict::TimedOut, home: keys.typed.clone() });
    let (home, answer) = asked.unwrap_or_else(|_| timed_out())?;
    Ok((home, Some(answer)))
}

/// Tries the key. A store whose index is closed to visitors reveals its own address only now; then the key is tried there.
async fn ask(app: &App, keys: &NewKeys, mut home: StoreUrl) -> Result<(StoreUrl, Answer), Error> {
    let mut answer = keys.ask(app, &home).await;
    if answer.verdict == Verdict::Moved
        && let Some(seen) = answer.home_seen.take().filter(|seen| seen.bare_host() == home.bare_host())
    {
        answer = keys.ask(app, &seen).await;
        home = seen;
    }
    if answer.verdict.is_works() { Ok((home, answer)) } else { Err(Error::Refused { verdict: answer.verdict, home }) }
}

/// The merchant's store at an address.
struct Known {
    store: Store,
    /// Whether the store's current key is the one in question. Found by opening it: a column with its fingerprint would have to be
    /// kept in step.
    is_same: bool,
}

/// The merchant's store at `home`, if its current key is `pair`.
pub(in crate::flow) async fn holder(
    app: &App,
    user_id: &UserId,
    pair: &KeyPair,
    home: &StoreUrl,
) -> Result<Option<Store>, Beneath> {
    let known = known(app, user_id, pair, home).await?;
    Ok(known.filter(|known| known.is_same).map(|known| known.store))
}

/// The merchant's store at `home`, if there is one.
async fn known(app: &App, user_id: &UserId, pair: &KeyPair, home: &StoreUrl) -> Result<Option<Known>, Beneath> {
    let (_, found) = stores::of_user(&app.db, user_id, Some(home)).await?;
    let Some((id, ..)) = found.into_iter().next() else { return Ok(None) };
    let Some(served) = stores::served(&app.db, &id).await? else { return Ok(None) };
    let store = served.store;
    let mut is_current = false;
    if let Some(key) = served.key {
        let opened = app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed);
        // A damaged key counts as different: this one replaces it.
        is_current = or_damaged(app, &key.sealed, opened).await?.is_some_and(|served| is_same(&served, pair));
    }
    Ok(Some(Known { store, is_same: is_current }))
}

/// Compares fingerprints, not secrets: the timing reveals nothing about either.
fn is_same(one: &KeyPair, other: &KeyPair) -> bool {
    fingerprint(&one.consumer_key) == fingerprint(&other.consumer_key)
        && fingerprint(&one.consumer_secret) == fingerprint(&other.consumer_secret)
}

/// Checks a store that is not connected, because its key was submitted again and may work now.
async fn again(app: &App, store: Store, manner: Manner, actor: &Actor) -> Result<Added, Error> {
    let looked = if manner == Manner::Typed {
        let timed_out = Error::Refused { verdict: Verdict::TimedOut, home: store.home.clone() };
        let checked = tokio::time::timeout(manner.within(), watch::check(app, &store.id, actor)).await;
        checked.map_err(|_| timed_out)??
    } else {
        watch::check_in_turn(app, &store.id, actor).await?
    };
    if looked.as_ref().is_some_and(|looked| looked.had_no_turn) {
        return Err(Error::NoTurn(store.home));
    }
    let store = looked.map_or(store, |looked| looked.store);
    match store.status {
        StoreStatus::Connected => Ok(unchanged(store)),
        _ => Err(Error::Refused { verdict: store.reason.unwrap_or(Verdict::KeyRejected), home: store.home }),
    }
}

fn unchanged(store: Store) -> Added {
    Added { store_id: Some(store.id), home: store.home, became: Became::Same, remark: store.reason }
}

/// Why the store's current state is better than a key with `scope`, if it is.
async fn better(
    app: &App,
    keys: &NewKeys,
    store: &Store,
    scope: Scope,
    manner: Manner,
) -> Result<Option<Better>, Beneath> {
    if is_outdone(store, scope, keys.scope) {
        return Ok(Some(Better::Wider));
    }
    let is_settled = matches!(store.status, StoreStatus::Connected | StoreStatus::Disconnected);
    if manner == Manner::Typed || !is_settled {
        return Ok(None);
    }
    let retired = keys::retired(&app.db, &store.id, &keys.last7()).await?;
    Ok(retired.map(|(version, at)| match store.status {
        StoreStatus::Disconnected if version == store.key_version => Better::GivenUp(at),
        _ => Better::Newer(at),
    }))
}

/// Whether a store is connected with a key that covers `asked`, which `scope` does not.
pub(in crate::flow) fn is_outdone(store: &Store, scope: Scope, asked: Scope) -> bool {
    store.status == StoreStatus::Connected && store.scope.covers(asked) && !scope.covers(asked)
}

/// Saves the key for its store, which is `store` if it is known. `None` if the store changed in the meantime.
async fn keep(
    app: &App,
    keys: &NewKeys,
    home: &StoreUrl,
    answer: &Answer,
    store: Option<&Store>,
    manner: Manner,
    actor: &Actor,
) -> Result<Option<Added>, Error> {
    let remark = Some(answer.verdict).filter(|verdict| *verdict != Verdict::Works);
    let scope = answer.scope.unwrap_or(keys.scope);
    if let Some(store) = store
        && let Some(why) = better(app, keys, store, scope, manner).await?
    {
        return Err(Error::Better { home: home.clone(), why });
    }
    let added = |store_id, became| Some(Added { store_id, home: home.clone(), became, remark });
    if manner == Manner::Tried {
        let became = if store.is_some() { Became::Reconnected } else { Became::Connected };
        return Ok(added(store.map(|store| store.id.clone()), became));
    }
    let Some(auth_method) = answer.method else {
        return Err(Error::Refused { verdict: Verdict::AnswerUnreadable, home: home.clone() });
    };
    let now = app.now();
    let key_id = KeyId::mint(now, &app.entropy);
    let new = NewKey {
        user_id: keys.user_id.clone(),
        home: home.clone(),
        store_id: StoreId::mint(now, &app.entropy),
        sealed: app.vault.seal_pair(&app.entropy, &Place::key(&key_id, home, &keys.user_id), &keys.pair),
        key_id,
        // WooCommerce shows a key's number only in the address of the key's page.
        woo_key_id: 0,
        last7: keys.last7(),
        scope,
        asked: keys.scope,
        auth_method,
        remark,
        reported: answer.reported.clone(),
        former: revocation::former_password(app, &keys.user_id, home).await?,
        now,
    };
    let before = store.map(|store| Before { key_version: store.key_version, status: store.status });
    let Some((store_id, version)) = stores::add_by_keys(&app.db, &new, before, actor).await? else { return Ok(None) };
    tracing::debug!(store.id = %store_id, key.last7 = %new.last7, "saved a supplied key of {}", home.shown());
    Ok(added(Some(store_id), if version == 1 { Became::Connected } else { Became::Reconnected }))
}
