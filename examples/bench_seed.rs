//! Fills a database with connected stores and one token, for benchmarks: `bench_seed DATABASE_URL RING_FILE N [ADDRESS]`.
//!
//! With an address such as `127.0.0.1:8080` the stores are there and at the N - 1 addresses that follow. Prints the first store's ID and the token, separated by a space.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Context as _;
use cartkey::domain::actor::Actor;
use cartkey::domain::calls::{CallLimits, Namespaces};
use cartkey::domain::entropy::Entropy;
use cartkey::domain::event::{Event, Kind};
use cartkey::domain::id::{KeyId, StoreId, TokenId};
use cartkey::domain::key::{AuthMethod, KeyPair};
use cartkey::domain::scope::Scope;
use cartkey::domain::secret::Secret;
use cartkey::domain::store::Reported;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::domain::time::{Clock, Time};
use cartkey::domain::token::{ServiceToken, TOKEN_PREFIX};
use cartkey::domain::user_id::UserId;
use cartkey::flow::open_vault;
use cartkey::storage::stores::{self, NewKey};
use cartkey::storage::{Db, tokens};
use cartkey::vault::{Place, RingSource, Vault, fingerprint};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "what it was asked for")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next =
        |what: &str| arguments.next().with_context(|| format!("usage: bench_seed DATABASE_URL RING_FILE N: {what}?"));
    let (url, ring, count) = (next("DATABASE_URL")?, next("RING_FILE")?, next("N")?.parse::<u32>()?);
    let (now, entropy) = (Clock::System.now(), Entropy::System);
    let first: Option<SocketAddrV4> = arguments.next().map(|address| address.parse()).transpose()?;
    let db = Db::open(&url).await?;
    let vault = open_vault::open_vault(&db, &RingSource::File(ring.into()), now, &entropy).await?;
    let mut first_id = None;
    for number in 0..count {
        let home = match first {
            None => StoreUrl::parse(&format!("https://shop-{number}.example"), Network::Public)?,
            Some(first) => {
                let ip = Ipv4Addr::from_bits(first.ip().to_bits() + number);
                StoreUrl::parse(&format!("http://{ip}:{}", first.port()), Network::PrivateToo)?
            }
        };
        let id = store(&db, &vault, &entropy, now, (number, home)).await?;
        first_id.get_or_insert(id);
    }
    let secret = Secret::new(format!("{TOKEN_PREFIX}{}", entropy.secret().expose()));
    let token = ServiceToken {
        id: TokenId::mint(now, &entropy),
        name: "bench".to_owned(),
        permissions: "keys:read,proxy:read,stores:read,links:write".parse()?,
        created_at: now,
        expires_at: None,
        revoked_at: None,
        users: None,
        successor: None,
        namespaces: Namespaces::default(),
        limits: CallLimits::default(),
        counted_with: None,
    };
    let event = Event::new(Kind::TokenIssued, now, &Actor::new("bench")).token(&token.id);
    tokens::insert(&db, &token, &fingerprint(&secret), None, &event).await?;
    db.close().await;
    println!("{} {}", first_id.context("N must be at least 1")?, secret.expose());
    Ok(())
}

async fn store(
    db: &Db,
    vault: &Vault,
    entropy: &Entropy,
    now: Time,
    (number, home): (u32, StoreUrl),
) -> anyhow::Result<StoreId> {
    let user_id: UserId = format!("user-{number}").parse()?;
    let key_id = KeyId::mint(now, entropy);
    let pair = KeyPair {
        consumer_key: Secret::new(format!("ck_{number:040x}")),
        consumer_secret: Secret::new(format!("cs_{number:040x}")),
    };
    let sealed = vault.seal_pair(entropy, &Place::key(&key_id, &home, &user_id), &pair);
    let key = NewKey {
        user_id,
        home,
        asked: Scope::ReadWrite,
        store_id: StoreId::mint(now, entropy),
        sealed,
        key_id,
        woo_key_id: i64::from(number) + 1,
        last7: pair.consumer_key.last7(),
        scope: Scope::ReadWrite,
        auth_method: AuthMethod::Basic,
        former: None,
        remark: None,
        reported: Reported {
            name: Some(format!("Shop {number}")),
            woocommerce_version: Some("11.0.1".to_owned()),
            wordpress_version: Some("7.0.4".to_owned()),
            ..Reported::default()
        },
        now,
    };
    let added = stores::add_by_keys(db, &key, None, &Actor::new("bench")).await?;
    Ok(added.context("there was no such store")?.0)
}
