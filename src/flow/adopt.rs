//! Adopt: a key that a person or a file brings instead of the store. It is proven like any other, and kept only when it
//! works. Whoever brings it may know less than Cartkey does, so it takes the place of no key that is better.

mod better;

use std::time::Duration;

use super::{Beneath, takes_in_beneath, watch};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::id::{KeyId, StoreId};
use crate::domain::key::KeyPair;
use crate::domain::scope::Scope;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::store_url::StoreUrl;
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;
use crate::storage::keys;
use crate::storage::stores::{self, Before, NewKey};
use crate::vault::{Place, fingerprint};
use crate::woo::check::{self, Answer};
use crate::woo::preflight;

pub use better::Better;

/// How long finding the store may take.
const FIND_WITHIN: Duration = Duration::from_secs(8);
/// How long asking it may take.
const ASK_WITHIN: Duration = Duration::from_mins(1);
/// The same where somebody waits for the answer; with the finding this is less than a browser is kept waiting.
const TYPED_WITHIN: Duration = Duration::from_secs(18);

/// A key, and whose it is said to be.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whose store it is.
    pub user_id: UserId,
    /// The store's address, as it was typed.
    pub typed: StoreUrl,
    /// The key.
    pub pair: KeyPair,
    /// What it is to be good for.
    pub scope: Scope,
}

/// What becomes of a key that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// The first key of a new store.
    Connected,
    /// The newest key of a store that is known.
    Reconnected,
    /// Nothing: it is the store's key already.
    Same,
}

/// A key that works.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// Its store; `None` when nothing was written and there is none yet.
    pub store_id: Option<StoreId>,
    /// The store's own address.
    pub home: StoreUrl,
    /// What becomes of it.
    pub became: Became,
    /// A remark on a key that works.
    pub remark: Option<Verdict>,
}

/// Why a key is not kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not work there.
    #[error("{}", says(*.verdict, .home.shown()))]
    Refused {
        /// What the store told.
        verdict: Verdict,
        /// The address that was asked.
        home: StoreUrl,
    },
    /// It works, and what the store has is better.
    #[error("{}", .why.says(.home.shown()))]
    Better {
        /// The store.
        home: StoreUrl,
        /// What is better about it.
        why: Better,
    },
    /// It is the store's own, and the store could not be asked whether it works again.
    #[error("{} was not asked: too many stores are being asked just now. Try again in a minute.", .0.shown())]
    NoTurn(StoreUrl),
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Why a key that somebody brings is not kept, where a verdict's own sentence speaks to who approved.
pub fn says(verdict: Verdict, store: &str) -> String {
    match verdict {
        Verdict::KeyRejected => {
            format!(
                "{store} does not know this key: it was made at another store, or is revoked. Make a new one there."
            )
        }
        Verdict::SecretRejected => format!(
            "{store} knows this key, but its secret is another one. Copy the secret once more; if it is lost, make a new key."
        ),
        Verdict::RoleLost => format!(
            "The WordPress user to whom this key belongs is neither administrator nor shop manager of {store}. Make a key for one who is."
        ),
        Verdict::OtherStore => format!("This key answers for another store than {store}. Check the address."),
        Verdict::ScopeNarrower => format!(
            "This key may do less at {store} than was asked, so some things will not work. Make a key with all the permissions that are asked for, and enter that one."
        ),
        Verdict::ScopeWider => format!(
            "This key may do more at {store} than was asked. It works; make one that may do less if you want that."
        ),
        verdict => verdict.says(store),
    }
}

/// Who brings a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Somebody who means it, now, and waits for the answer.
    Typed,
    /// A file, which may be older than what has become of its stores.
    Imported,
    /// A file that is only looked at: nothing is written.
    Tried,
}

impl Manner {
    /// How long asking the store may take.
    const fn within(self) -> Duration {
        match self {
            Self::Typed => TYPED_WITHIN,
            Self::Imported | Self::Tried => ASK_WITHIN,
        }
    }
}

/// Proves a key that is typed and gives it to its store. A store that has this very key and is connected is not asked.
pub async fn adopt(app: &App, wish: &Wish, actor: &Actor) -> Result<Adopted, Error> {
    if let Some(same) = same(app, wish, &wish.typed).await? {
        return Ok(same);
    }
    let home = find(app, wish).await?;
    Box::pin(prove(app, wish, home, Manner::Typed, actor)).await
}

/// Whether the store at `home`, with or without `www.`, is connected with this very key. Asks nobody.
pub async fn same(app: &App, wish: &Wish, home: &StoreUrl) -> Result<Option<Adopted>, Beneath> {
    for home in [home, &home.other_www()] {
        let store = holder(app, &wish.user_id, &wish.pair, home).await?;
        if let Some(store) = store.filter(|store| store.status == StoreStatus::Connected) {
            return Ok(Some(as_it_was(store)));
        }
    }
    Ok(None)
}

/// The store's own address, without credentials.
pub async fn find(app: &App, wish: &Wish) -> Result<StoreUrl, Error> {
    let found = preflight::find(&app.woo, &wish.typed, FIND_WITHIN).await;
    match found.stop {
        Some(verdict) => Err(Error::Refused { verdict, home: found.home }),
        None => Ok(found.home),
    }
}

/// Asks the store at `home` with the key, and keeps the key if it works and is no worse than what the store has. A store
/// that has this very key is left as it is, or checked when it does not stand well.
pub async fn prove(
    app: &App,
    wish: &Wish,
    mut home: StoreUrl,
    manner: Manner,
    actor: &Actor,
) -> Result<Adopted, Error> {
    let mut heard = None;
    // The version of the key that the store at this address had when it was looked at, and whether it was disconnected.
    let mut seen: Option<(StoreUrl, Option<(i64, bool)>)> = None;
    loop {
        // Looked at each time: it may have been connected, disconnected or given another key while it was asked.
        let known = known(app, &wish.user_id, &wish.pair, &home).await?;
        let now =
            known.as_ref().map(|Known { store, .. }| (store.key_version, store.status == StoreStatus::Disconnected));
        if let Some(Known { store, is_same: true }) = known {
            if store.status == StoreStatus::Connected || (manner == Manner::Tried && heard.is_some()) {
                return Ok(as_it_was(store));
            }
            if manner != Manner::Tried {
                return again(app, store, manner, actor).await;
            }
            (home, heard) = ask_within(app, wish, home, manner).await?;
            continue;
        }
        if seen.is_some_and(|(at, was)| at == home && was != now) {
            return Err(Error::Better { home, why: Better::Meanwhile });
        }
        seen = Some((home.clone(), now));
        let Some(answer) = &heard else {
            (home, heard) = ask_within(app, wish, home, manner).await?;
            continue;
        };
        let store = known.map(|known| known.store);
        if let Some(adopted) = keep(app, wish, &home, answer, store.as_ref(), manner, actor).await? {
            return Ok(adopted);
        }
    }
}

async fn ask_within(
    app: &App,
    wish: &Wish,
    home: StoreUrl,
    manner: Manner,
) -> Result<(StoreUrl, Option<Answer>), Error> {
    let asked = tokio::time::timeout(manner.within(), ask(app, wish, home)).await;
    let timed_out = || Err(Error::Refused { verdict: Verdict::TimedOut, home: wish.typed.clone() });
    let (home, answer) = asked.unwrap_or_else(|_| timed_out())?;
    Ok((home, Some(answer)))
}

/// Asks with the key. A store whose index is closed to visitors tells its own address only now: then it is asked there.
async fn ask(app: &App, wish: &Wish, mut home: StoreUrl) -> Result<(StoreUrl, Answer), Error> {
    let mut answer = check::ask(&app.woo, &home, &wish.pair, Some(wish.scope), None).await;
    if answer.verdict == Verdict::Moved
        && let Some(seen) = answer.home_seen.take()
    {
        answer = check::ask(&app.woo, &seen, &wish.pair, Some(wish.scope), None).await;
        home = seen;
    }
    if answer.verdict.is_works() { Ok((home, answer)) } else { Err(Error::Refused { verdict: answer.verdict, home }) }
}

/// The merchant's store at an address.
struct Known {
    store: Store,
    /// The key that it is served with is the one in question.
    is_same: bool,
}

/// The merchant's store at `home`, if the key that it is served with is `pair`.
pub(super) async fn holder(
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
    let is_same = served.key.is_some_and(|key| {
        let place = Place::key(&key.id, &store.home, &store.user_id);
        // A key that does not open any more is another one: this one takes its place.
        app.vault.open_pair(&place, &key.sealed).is_ok_and(|served| is_same(&served, pair))
    });
    Ok(Some(Known { store, is_same }))
}

/// Fingerprints are compared, not secrets: how long that takes tells nothing about either.
fn is_same(one: &KeyPair, other: &KeyPair) -> bool {
    fingerprint(&one.consumer_key) == fingerprint(&other.consumer_key)
        && fingerprint(&one.consumer_secret) == fingerprint(&other.consumer_secret)
}

/// The same key once more for a store that does not stand well: it is checked, for the key may work again.
async fn again(app: &App, store: Store, manner: Manner, actor: &Actor) -> Result<Adopted, Error> {
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
        StoreStatus::Connected => Ok(as_it_was(store)),
        _ => Err(Error::Refused { verdict: store.reason.unwrap_or(Verdict::KeyRejected), home: store.home }),
    }
}

fn as_it_was(store: Store) -> Adopted {
    Adopted { store_id: Some(store.id), home: store.home, became: Became::Same, remark: store.reason }
}

/// What is better about what the store has than a key that may do `scope`.
async fn better(
    app: &App,
    wish: &Wish,
    store: &Store,
    scope: Scope,
    manner: Manner,
) -> Result<Option<Better>, Beneath> {
    if is_outdone(store, scope, wish.scope) {
        return Ok(Some(Better::Wider));
    }
    let is_settled = matches!(store.status, StoreStatus::Connected | StoreStatus::Disconnected);
    if manner == Manner::Typed || !is_settled {
        return Ok(None);
    }
    let retired = keys::retired(&app.db, &store.id, &wish.pair.consumer_key.last7()).await?;
    Ok(retired.map(|(version, at)| match store.status {
        StoreStatus::Disconnected if version == store.key_version => Better::GivenUp(at),
        _ => Better::Newer(at),
    }))
}

/// Whether a store is connected with a key that may do what is `asked`, which one that may do `scope` may not.
pub(super) fn is_outdone(store: &Store, scope: Scope, asked: Scope) -> bool {
    store.status == StoreStatus::Connected && store.scope.covers(asked) && !scope.covers(asked)
}

/// Gives the key to its store, which is `store` where there is one; `None` when another became of that meanwhile.
async fn keep(
    app: &App,
    wish: &Wish,
    home: &StoreUrl,
    answer: &Answer,
    store: Option<&Store>,
    manner: Manner,
    actor: &Actor,
) -> Result<Option<Adopted>, Error> {
    let remark = Some(answer.verdict).filter(|verdict| *verdict != Verdict::Works);
    let scope = answer.scope.unwrap_or(wish.scope);
    if let Some(store) = store
        && let Some(why) = better(app, wish, store, scope, manner).await?
    {
        return Err(Error::Better { home: home.clone(), why });
    }
    let adopted = |store_id, became| Some(Adopted { store_id, home: home.clone(), became, remark });
    if manner == Manner::Tried {
        let became = if store.is_some() { Became::Reconnected } else { Became::Connected };
        return Ok(adopted(store.map(|store| store.id.clone()), became));
    }
    let Some(auth_method) = answer.method else {
        return Err(Error::Refused { verdict: Verdict::AnswerUnreadable, home: home.clone() });
    };
    let now = app.now();
    let key_id = KeyId::mint(now, &app.entropy);
    let new = NewKey {
        user_id: wish.user_id.clone(),
        home: home.clone(),
        store_id: StoreId::mint(now, &app.entropy),
        sealed: app.vault.seal_pair(&app.entropy, &Place::key(&key_id, home, &wish.user_id), &wish.pair),
        key_id,
        // WooCommerce shows a key's number nowhere but in the address of its page.
        woo_key_id: 0,
        last7: wish.pair.consumer_key.last7(),
        scope,
        asked: wish.scope,
        auth_method,
        remark,
        name: answer.name.clone(),
        woocommerce_version: answer.woocommerce_version.clone(),
        wordpress_version: answer.wordpress_version.clone(),
        now,
    };
    let before = store.map(|store| Before { key_version: store.key_version, status: store.status });
    let Some((store_id, version)) = stores::adopt(&app.db, &new, before, actor).await? else { return Ok(None) };
    tracing::debug!(store.id = %store_id, key.last7 = %new.last7, "took over the key of {}", home.shown());
    Ok(adopted(Some(store_id), if version == 1 { Became::Connected } else { Became::Reconnected }))
}
