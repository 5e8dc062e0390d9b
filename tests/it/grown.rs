//! An installation that has grown: thousands of connected stores, written directly, with keys that its ring seals.

use cartkey::app::App;
use cartkey::domain::actor::Actor;
use cartkey::domain::id::{KeyId, RequestId};
use cartkey::domain::key::KeyPair;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::flow::lending::lend::{self, Lent, Request, Which};
use cartkey::flow::lending::tokens::{self, NewToken};
use cartkey::vault::Place;
use tokio::task::JoinSet;

use crate::database::change;
use crate::many_stores::key_of;

/// Rows that one statement writes.
const AT_ONCE: usize = 500;
/// Keys that are lent at a time.
const LENT_AT_ONCE: usize = 250;

/// The merchant of the store with this number.
pub fn merchant(n: usize) -> String {
    format!("m{n}")
}

fn host(n: usize) -> String {
    format!("s{n}.example")
}

/// Bytes as both databases write them.
pub fn blob(app: &App, bytes: &[u8]) -> String {
    let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    if app.db.is_postgres() { format!("'\\x{hex}'") } else { format!("X'{hex}'") }
}

/// Connects `n` stores, each with its key and two events.
pub async fn connect_stores(app: &App, n: usize) {
    let numbers: Vec<usize> = (0..n).collect();
    for some in numbers.chunks(AT_ONCE) {
        let (mut stores, mut keys, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for &n in some {
            let (home, user, seq) = (format!("https://{}", host(n)), merchant(n), 2 * n + 1);
            let (key, secret) = key_of(&host(n));
            let pair = KeyPair { consumer_key: Secret::new(key), consumer_secret: Secret::new(secret) };
            let id: KeyId = format!("ky_01jd{n:022}").parse().unwrap();
            let address = StoreUrl::typed(&home, Network::Public).unwrap();
            let owner = user.parse().unwrap();
            let place = Place::key(&id, &address, &owner);
            let sealed = blob(app, &app.vault.seal_pair(&app.entropy, &place, &pair));
            stores.push(format!(
                "('st_01jd{n:022}', '{user}', '{home}', 'Shop {n} “äß”', 'connected', 'read', 7, 'abcdefg', 1, 'basic', 1, 2, 3, 9000000000000)"
            ));
            keys.push(format!("('{id}', 'st_01jd{n:022}', 1, 7, 'abcdefg', 'read', 'basic', {sealed}, 1)"));
            events.push(format!("({seq}, 'store.connected', 1, 'merchant', '{user}', 'st_01jd{n:022}')"));
            events.push(format!("({}, 'key.rotated', 2, 'cartkey', '{user}', 'st_01jd{n:022}')", seq + 1));
        }
        change(
            &app.db,
            &format!(
                "INSERT INTO stores (id, user_id, home, name, status, scope, woo_key_id, key_last7, key_version, auth_method,
                                     connected_at, checked_at, changed_at, check_at) VALUES {};
                 INSERT INTO keys (id, store_id, version, woo_key_id, last7, scope, auth_method, sealed, issued_at) VALUES {};
                 INSERT INTO events (seq, kind, at, actor, user_id, store_id) VALUES {};
                 UPDATE counters SET n = {} WHERE name = 'event'",
                stores.join(", "),
                keys.join(", "),
                events.join(", "),
                2 * (some[some.len() - 1] + 1)
            ),
        )
        .await;
    }
}

/// A token that may read every key.
pub async fn token(app: &App) -> Secret {
    let wish = NewToken::new("a service", "keys:read,events:read".parse().expect("permissions"));
    tokens::issue(app, wish, &Actor::new("test")).await.unwrap().1
}

/// Lends the key of one store, which must be its own.
pub async fn lend(app: &App, token: &Secret, n: usize) {
    let id = RequestId::mint(app.now(), &app.entropy);
    let request = Request { token, id: &id, from: [192, 0, 2, 1].into(), has: None };
    let lent = lend::keys(app, &request, &Which::User(merchant(n).parse().unwrap(), None)).await;
    let Ok(Lent::Keys(keys)) = lent else { panic!("the key of {} is not lent: {:?}", merchant(n), lent.err()) };
    let (key, secret) = key_of(&host(n));
    assert_eq!((keys.pair.consumer_key.expose(), keys.pair.consumer_secret.expose()), (&*key, &*secret), "{n}");
}

/// Lends the key of each of `n` stores.
pub async fn lend_all(app: &App, token: &Secret, n: usize) {
    let numbers: Vec<usize> = (0..n).collect();
    for some in numbers.chunks(LENT_AT_ONCE) {
        let mut lending = JoinSet::new();
        for &n in some {
            let (app, token) = (app.clone(), token.clone());
            lending.spawn(async move { lend(&app, &token, n).await });
        }
        lending.join_all().await;
    }
}
