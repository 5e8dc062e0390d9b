//! Adopt: a key that a person or a file brings instead of the store. It is proven like any other, and kept only when it
//! works.

use std::time::Duration;

use super::prove::key_place;
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
use crate::storage::stores::{self, NewKey};
use crate::vault::fingerprint;
use crate::woo::check::{self, Answer};
use crate::woo::preflight;

/// How long finding the store may take.
const FIND_WITHIN: Duration = Duration::from_secs(8);
/// How long asking it may take.
const ASK_WITHIN: Duration = Duration::from_mins(1);
/// How long all of it may take where an operator waits for the answer.
const WITHIN: Duration = Duration::from_secs(26);

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
    /// Storage or vault.
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
        verdict => verdict.says(store),
    }
}

/// Whether a key that works is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It is kept.
    Keep,
    /// It is only tried; nothing is written.
    Try,
}

/// Proves a key and gives it to its store. A store that has this very key and is connected is not asked.
pub async fn adopt(app: &App, wish: &Wish, actor: &Actor) -> Result<Adopted, Error> {
    if let Some(same) = same(app, wish, &wish.typed).await? {
        return Ok(same);
    }
    let adopting = async {
        let home = find(app, wish).await?;
        prove(app, wish, home, Manner::Keep, actor).await
    };
    Box::pin(within(WITHIN, wish, adopting)).await
}

/// Whether the store at `home`, with or without `www.`, is connected with this very key. Asks nobody.
pub async fn same(app: &App, wish: &Wish, home: &StoreUrl) -> Result<Option<Adopted>, Beneath> {
    for home in [home, &home.other_www()] {
        let store = with_this_key(app, wish, home).await?;
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

/// Asks the store at `home` with the key, and keeps the key if it works and `manner` says so. A store that is known and has
/// this very key is left as it is, or checked when it does not stand well.
pub async fn prove(app: &App, wish: &Wish, home: StoreUrl, manner: Manner, actor: &Actor) -> Result<Adopted, Error> {
    match with_this_key(app, wish, &home).await? {
        Some(store) if store.status == StoreStatus::Connected => Ok(as_it_was(store)),
        Some(store) if manner == Manner::Keep => again(app, store, actor).await,
        _ => {
            let (home, answer) = within(ASK_WITHIN, wish, ask(app, wish, home)).await?;
            keep(app, wish, home, answer, manner, actor).await
        }
    }
}

async fn within<T>(span: Duration, wish: &Wish, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let timed_out = || Err(Error::Refused { verdict: Verdict::TimedOut, home: wish.typed.clone() });
    tokio::time::timeout(span, work).await.unwrap_or_else(|_| timed_out())
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

/// The store at `home`, if the key that it is served with is this very one.
async fn with_this_key(app: &App, wish: &Wish, home: &StoreUrl) -> Result<Option<Store>, Beneath> {
    holder(app, &wish.user_id, &wish.pair, home).await
}

/// The merchant's store at `home`, if the key that it is served with is `pair`.
pub(super) async fn holder(
    app: &App,
    user_id: &UserId,
    pair: &KeyPair,
    home: &StoreUrl,
) -> Result<Option<Store>, Beneath> {
    let (_, found) = stores::of_user(&app.db, user_id, Some(home)).await?;
    let Some((id, ..)) = found.into_iter().next() else { return Ok(None) };
    let Some(served) = stores::served(&app.db, &id).await? else { return Ok(None) };
    let Some(key) = served.key else { return Ok(None) };
    let place = key_place(key.id.as_str(), served.store.home.as_str());
    // A key that does not open any more is another one: this one takes its place.
    let Ok(served_pair) = app.vault.open_pair(&place, &key.sealed) else { return Ok(None) };
    // Fingerprints are compared, not secrets: how long that takes tells nothing about either.
    let is_same = fingerprint(&served_pair.consumer_key) == fingerprint(&pair.consumer_key)
        && fingerprint(&served_pair.consumer_secret) == fingerprint(&pair.consumer_secret);
    Ok(is_same.then_some(served.store))
}

/// The same key once more for a store that does not stand well: it is checked, for the key may work again.
async fn again(app: &App, store: Store, actor: &Actor) -> Result<Adopted, Error> {
    let store = watch::check(app, &store.id, actor).await?.unwrap_or(store);
    match store.status {
        StoreStatus::Connected => Ok(as_it_was(store)),
        _ => Err(Error::Refused { verdict: store.reason.unwrap_or(Verdict::KeyRejected), home: store.home }),
    }
}

fn as_it_was(store: Store) -> Adopted {
    Adopted { store_id: Some(store.id), home: store.home, became: Became::Same, remark: store.reason }
}

async fn keep(
    app: &App,
    wish: &Wish,
    home: StoreUrl,
    answer: Answer,
    manner: Manner,
    actor: &Actor,
) -> Result<Adopted, Error> {
    let remark = Some(answer.verdict).filter(|verdict| *verdict != Verdict::Works);
    if manner == Manner::Try {
        let (_, known) = stores::of_user(&app.db, &wish.user_id, Some(&home)).await?;
        let store_id = known.into_iter().next().map(|(id, ..)| id);
        let became = if store_id.is_some() { Became::Reconnected } else { Became::Connected };
        return Ok(Adopted { store_id, home, became, remark });
    }
    let Some(auth_method) = answer.method else {
        return Err(Error::Refused { verdict: Verdict::AnswerUnreadable, home });
    };
    let now = app.now();
    let key_id = KeyId::mint(now, &app.entropy);
    let new = NewKey {
        user_id: wish.user_id.clone(),
        home: home.clone(),
        store_id: StoreId::mint(now, &app.entropy),
        sealed: app.vault.seal_pair(&app.entropy, &key_place(key_id.as_str(), home.as_str()), &wish.pair),
        key_id,
        // WooCommerce shows a key's number nowhere but in the address of its page.
        woo_key_id: 0,
        last7: wish.pair.consumer_key.last7(),
        scope: answer.scope.unwrap_or(wish.scope),
        asked: wish.scope,
        auth_method,
        remark,
        name: answer.name,
        woocommerce_version: answer.woocommerce_version,
        wordpress_version: answer.wordpress_version,
        now,
    };
    let (store_id, version) = stores::adopt(&app.db, &new, actor).await?;
    tracing::debug!(store.id = %store_id, key.last7 = %new.last7, "took over the key of {}", home.shown());
    let became = if version == 1 { Became::Connected } else { Became::Reconnected };
    Ok(Adopted { store_id: Some(store_id), home, became, remark })
}
