//! Posts callbacks to a running Cartkey at a steady rate: `bench_callbacks DATABASE_URL PORT PER_SECOND SECONDS`.
//!
//! Creates the attempts directly in the database, then posts one grant for each as a store would, each on its own connection,
//! and prints the response times. Every response must be 200.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cartkey::domain::attempt::{Attempt, OPEN_FOR, Status};
use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::AttemptId;
use cartkey::domain::link::Confirm;
use cartkey::domain::network::ClientNetwork;
use cartkey::domain::scope::Scope;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::domain::time::Clock;
use cartkey::storage::Db;
use cartkey::storage::attempts::{self, AttemptWithSecrets, New};
use cartkey::vault::fingerprint;
use cartkey::woo::{Call, Client, Outgoing, Resolver};
use hyper::Method;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "what it was asked for")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| {
        arguments
            .next()
            .with_context(|| format!("usage: bench_callbacks DATABASE_URL PORT PER_SECOND SECONDS: {what}?"))
    };
    let (url, port) = (next("DATABASE_URL")?, next("PORT")?.parse::<u16>()?);
    let (rate, seconds) = (next("PER_SECOND")?.parse::<u32>()?, next("SECONDS")?.parse::<u32>()?);
    let db = Db::open(&url).await?;
    let mut grants = Vec::new();
    for number in 0..rate * seconds {
        grants.push(open_attempt(&db, number).await?);
    }
    db.close().await;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut posts = tokio::task::JoinSet::new();
    for (number, (token, body)) in grants.into_iter().enumerate() {
        ticks.tick().await;
        posts.spawn(post(format!("http://127.0.0.1:{port}/wc-auth/callback/{token}"), body, number));
    }
    let mut took: Vec<Duration> = posts.join_all().await.into_iter().collect::<anyhow::Result<_>>()?;
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 1_000].as_secs_f64() * 1e3;
    println!(
        "{} callbacks at {rate}/s, all 200: p50 {:.1} ms   p99 {:.1} ms   worst {:.1} ms",
        took.len(),
        at(500),
        at(990),
        at(1_000)
    );
    Ok(())
}

async fn open_attempt(db: &Db, number: u32) -> anyhow::Result<(String, String)> {
    let (now, entropy) = (Clock::System.now(), Entropy::System);
    let (state, callback) = (entropy.secret(), entropy.secret());
    let attempt = Attempt {
        id: AttemptId::mint(now, &entropy),
        link_id: None,
        user_id: format!("callback-{number}").parse()?,
        account_label: None,
        home: StoreUrl::parse("https://shop.invalid.example", Network::Public)?,
        scope: Scope::Read,
        confirm: Confirm::Browser,
        return_url: None,
        wanted_store: None,
        status: Status::Open,
        reason: None,
        created_at: now,
        expires_at: now.plus(OPEN_FOR),
        by_hand: false,
        password_page: None,
        stopped: false,
        warnings: cartkey::domain::verdict::Verdicts::default(),
        typed: None,
        store_name: None,
        icon_url: None,
        moved_to: None,
        received_at: None,
        returned_at: None,
        elsewhere_at: None,
        confirmed_at: None,
        confirm_code_until: None,
        store_id: None,
    };
    let held = AttemptWithSecrets { attempt, state: fingerprint(&state), browser: fingerprint(&entropy.secret()) };
    // Each from its own network, because attempts are limited per network.
    let network = ClientNetwork::of(Ipv4Addr::from_bits(number << 8).into());
    let new = New { held: &held, callback: &fingerprint(&callback), network: &network, found: None, events: &[] };
    attempts::insert(db, &new).await?;
    let body = format!(
        r#"{{"key_id":{},"user_id":"{}","consumer_key":"ck_{number:040x}","consumer_secret":"cs_{number:040x}","key_permissions":"read"}}"#,
        number + 1,
        state.expose()
    );
    Ok((callback.expose().to_owned(), body))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark asks the machine's own stop-watch")]
async fn post(url: String, body: String, number: usize) -> anyhow::Result<Duration> {
    let outgoing = Outgoing {
        network: Network::PrivateToo,
        resolver: Resolver::System,
        extra_roots: Vec::new(),
        user_agent: "WordPress/7.0.4; https://shop.invalid.example".to_owned(),
        own_host: None,
    };
    let client = Client::new(outgoing, Clock::System, Entropy::System);
    let call = Call {
        method: Method::POST,
        url: &url,
        headers: Vec::new(),
        body: body.into(),
        within: Duration::from_mins(1),
        at_most: 1_024,
    };
    let begun = std::time::Instant::now();
    let reply = client.send(call).await?;
    ensure!(reply.status.as_u16() == 200, "callback {number} was answered {}", reply.status);
    Ok(begun.elapsed())
}
