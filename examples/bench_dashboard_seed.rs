//! Fills a database for `scripts/bench-dashboard`: `bench_dashboard_seed DATABASE_URL RING_FILE STORES READS`.
//!
//! Stores of all kinds, several for each merchant, with their search text; key reads of 60 days; two events for each store;
//! attempts and links of 30 days; tokens. Prints the ID of a store.

use anyhow::Context as _;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::{AttemptId, KeyId, LinkId, RequestId, StoreId, TokenId};
use cartkey::domain::search;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::domain::time::{Clock, Time};
use cartkey::domain::user_id::UserId;
use cartkey::flow::open_vault;
use cartkey::storage::reads::{self, KeyRead, Recorder};
use cartkey::storage::{Db, Pools};
use cartkey::vault::RingSource;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::AssertSqlSafe;

const DAY: i64 = 86_400_000;
const KINDS: [&str; 12] =
    ["Shop", "Store", "Coffee", "Books", "Plates", "Garden", "Bikes", "Toys", "Wool", "Tea", "Lamps", "Shoes"];
const NAMES: [&str; 12] = [
    "Harbour",
    "Nordic",
    "Little",
    "Golden",
    "Blue",
    "Old Town",
    "Sunny",
    "Grey Otter",
    "Café",
    "Maple",
    "Velvet",
    "Copper",
];
/// Status, reason, and how many of a thousand stores have them.
const STANDS: [(&str, &str, u32); 9] = [
    ("connected", "", 900),
    ("connected", "noisy_answer", 10),
    ("connected", "timed_out", 10),
    ("connected", "scope_wider", 5),
    ("unauthorized", "key_rejected", 15),
    ("unauthorized", "role_lost", 3),
    ("unreachable", "connect_failed", 10),
    ("unreachable", "blocked_by_cloudflare", 7),
    ("disconnected", "", 40),
];
/// Rows per statement.
const AT_ONCE: usize = 500;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "what it was asked for")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| {
        arguments
            .next()
            .with_context(|| format!("usage: bench_dashboard_seed DATABASE_URL RING_FILE STORES READS: {what}?"))
    };
    let (url, ring) = (next("DATABASE_URL")?, next("RING_FILE")?);
    let (stores, reads) = (next("STORES")?.parse::<u32>()?, next("READS")?.parse::<u32>()?);
    let now = Clock::System.now();
    let db = Db::open(&url).await?;
    open_vault::open_vault(&db, &RingSource::File(ring.into()), now, &Entropy::System).await?;
    let mut seed = Seed { db, entropy: Entropy::seeded(7), chance: StdRng::seed_from_u64(7), now: now.millis() };
    let ids = seed.stores(stores).await?;
    let tokens = seed.tokens(20).await?;
    seed.reads(reads, &ids, &tokens).await?;
    seed.events(&ids, &tokens).await?;
    seed.attempts(stores / 5, &ids).await?;
    seed.settle().await?;
    println!("{}", ids.first().context("at least one store")?);
    Ok(())
}

struct Seed {
    db: Db,
    entropy: Entropy,
    chance: StdRng,
    now: i64,
}

impl Seed {
    /// A random time in the last `days` days, more likely a recent one.
    fn past(&mut self, days: i64) -> i64 {
        let (one, other) = (self.chance.random_range(0..days * DAY), self.chance.random_range(0..days * DAY));
        self.now - one.min(other)
    }

    async fn stores(&mut self, n: u32) -> anyhow::Result<Vec<StoreId>> {
        // There are no stores to check; only pages are measured.
        let not_now = self.now + DAY;
        let (mut stores, mut keys, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..n {
            let connected = self.past(400);
            let changed = connected.max(self.past(200));
            let checked = self.now - self.chance.random_range(0..3_600_000_i64);
            let id = StoreId::mint(Time::from_millis(connected), &self.entropy);
            let user: UserId = format!("merchant-{}", number / 3).parse()?;
            let (first, kind) = (self.pick(&NAMES), self.pick(&KINDS));
            let host = format!(
                "{}-{}-{number}",
                first.to_lowercase().replace(' ', "-").replace('é', "e"),
                kind.to_lowercase()
            );
            let home = StoreUrl::parse(&format!("https://{host}.example"), Network::Public)?;
            let name = format!("{first} {kind} {number}");
            let (status, reason) = self.stand();
            let scope = ["read_write", "read_write", "read_write", "read"][self.chance.random_range(0..4)];
            let scope = if number % 500 == 0 { "write" } else { scope };
            let reason = if reason.is_empty() { "NULL".to_owned() } else { format!("'{reason}'") };
            stores.push(format!(
                "('{id}', '{user}', '{home}', '{name}', '{status}', {reason}, '{scope}', {number}, 'x{number:06}', 1, 'basic',
                  '11.0.1', '7.0.4', {connected}, {checked}, {changed}, {not_now}, '{}')",
                search::text(&user, &home, Some(&name))
            ));
            let key = KeyId::mint(Time::from_millis(connected), &self.entropy);
            let retired = if status == "disconnected" { changed.to_string() } else { "NULL".to_owned() };
            let sealed = if status == "disconnected" { "NULL" } else { "'sealed'" };
            keys.push(format!(
                "('{key}', '{id}', 1, {number}, 'x{number:06}', '{scope}', 'basic', {sealed}, {connected}, {retired})"
            ));
            ids.push(id);
        }
        self.fill(
            "stores (id, user_id, home, name, status, reason, scope, woo_key_id, key_last7, key_version, auth_method,
                     woocommerce_version, wordpress_version, connected_at, checked_at, changed_at, check_at, search)",
            stores,
        )
        .await?;
        let columns =
            "keys (id, store_id, version, woo_key_id, last7, scope, auth_method, sealed, issued_at, retired_at)";
        self.fill(columns, keys).await?;
        Ok(ids)
    }

    async fn tokens(&mut self, n: u32) -> anyhow::Result<Vec<TokenId>> {
        let ids: Vec<TokenId> =
            (0..n).map(|_| TokenId::mint(Time::from_millis(self.now - 90 * DAY), &self.entropy)).collect();
        let row = |(number, id): (usize, &TokenId)| {
            format!("('{id}', 'Service {number}', '{id}', 'keys:read,stores:read', {})", self.now - 90 * DAY)
        };
        let rows = ids.iter().enumerate().map(row).collect();
        self.fill("tokens (id, name, fingerprint, permissions, created_at)", rows).await?;
        Ok(ids)
    }

    async fn reads(&mut self, n: u32, stores: &[StoreId], tokens: &[TokenId]) -> anyhow::Result<()> {
        let mut times: Vec<i64> = (0..n).map(|_| self.past(60)).collect();
        times.sort_unstable();
        let mut rows = Vec::with_capacity(times.len());
        for at in times {
            let at = Time::from_millis(at);
            rows.push(KeyRead {
                id: RequestId::mint(at, &self.entropy),
                at,
                store_id: stores[self.chance.random_range(0..stores.len())].clone(),
                token_id: tokens[self.chance.random_range(0..tokens.len())].clone(),
                key_version: 1,
                from: [192, 0, 2, 7].into(),
                call: None,
            });
        }
        let mut recorder = Recorder::new(self.db.clone());
        let revision = recorder.record(&[], 0).await?;
        for some in rows.chunks(1_000) {
            recorder.record(some, revision).await?;
        }
        recorder.let_go();
        let now = Time::from_millis(self.now);
        while reads::index(&self.db, 100, now, now).await? > 0 {}
        while reads::merge(&self.db, now).await? {}
        Ok(())
    }

    async fn events(&mut self, stores: &[StoreId], tokens: &[TokenId]) -> anyhow::Result<()> {
        let mut times: Vec<i64> = (0..stores.len() * 2).map(|_| self.past(400)).collect();
        times.sort_unstable();
        let kinds = ["store.connected", "attempt.begun", "link.created", "store.unreachable", "store.recovered"];
        let mut rows = Vec::with_capacity(times.len());
        for (seq, at) in times.iter().enumerate() {
            let at_store = self.chance.random_range(0..stores.len());
            let (kind, token) = (self.pick(&kinds), &tokens[self.chance.random_range(0..tokens.len())]);
            let request = RequestId::mint(Time::from_millis(*at), &self.entropy);
            rows.push(format!(
                "({}, '{kind}', {at}, '{token}', 'merchant-{}', '{}', '192.0.2.7', '{request}')",
                seq + 1,
                at_store / 3,
                stores[at_store],
            ));
        }
        let count = rows.len();
        self.fill("events (seq, kind, at, actor, user_id, store_id, came_from, request_id)", rows).await?;
        self.run(format!("UPDATE counters SET n = {count} WHERE name = 'event'")).await
    }

    async fn attempts(&mut self, n: u32, stores: &[StoreId]) -> anyhow::Result<()> {
        let (mut rows, mut links) = (Vec::new(), Vec::new());
        for number in 0..n {
            let at = self.past(30);
            let id = AttemptId::mint(Time::from_millis(at), &self.entropy);
            let link = LinkId::mint(Time::from_millis(at), &self.entropy);
            let (status, reason, received) = [
                ("connected", "NULL", true),
                ("connected", "NULL", true),
                ("connected", "NULL", true),
                ("denied", "'denied'", false),
                ("expired", "'not_finished'", false),
                ("failed", "'no_woocommerce'", false),
                ("failed", "'header_stripped'", true),
            ][self.chance.random_range(0..7)];
            let (status, reason, received) =
                if number < 5 { ("awaiting_confirmation", "NULL", true) } else { (status, reason, received) };
            let store = if status == "connected" {
                format!("'{}'", stores[self.chance.random_range(0..stores.len())])
            } else {
                "NULL".to_owned()
            };
            let received = if received { at.to_string() } else { "NULL".to_owned() };
            links.push(format!(
                "('{link}', '{link}', 'merchant-{number}', 'read_write', 'browser', 'bench', {at}, {})",
                at + 1_800_000
            ));
            rows.push(format!(
                "('{id}', '{link}', 'merchant-{number}', 'https://new-{number}.example', 'read_write', 'browser', '{id}', '{id}', '{id}',
                  '192.0.2.7', '{status}', {reason}, {at}, {}, {received}, {store})",
                at + 3_600_000
            ));
        }
        let columns = "links (id, fingerprint, user_id, scope, confirm, made_by, created_at, expires_at)";
        self.fill(columns, links).await?;
        self.fill(
            "attempts (id, link_id, user_id, home, scope, confirm, state, callback, browser, begun_from, status, reason,
                       created_at, expires_at, received_at, store_id)",
            rows,
        )
        .await
    }

    /// Maintenance that the databases would do by themselves over time.
    async fn settle(&self) -> anyhow::Result<()> {
        if self.db.is_postgres() {
            self.run("VACUUM ANALYZE".to_owned()).await?;
        }
        self.db.close().await;
        Ok(())
    }

    fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.chance.random_range(0..among.len())]
    }

    fn stand(&mut self) -> (&'static str, &'static str) {
        let mut left = self.chance.random_range(0..1_000_u32);
        for (status, reason, n) in STANDS {
            if left < n {
                return (status, reason);
            }
            left -= n;
        }
        (STANDS[0].0, STANDS[0].1)
    }

    /// Inserts `rows` in one transaction.
    #[expect(clippy::disallowed_methods, reason = "every value was made above")]
    async fn fill(&self, table: &str, rows: Vec<String>) -> anyhow::Result<()> {
        let statements = rows.chunks(AT_ONCE).map(|rows| format!("INSERT INTO {table} VALUES {}", rows.join(", ")));
        match self.db.pools() {
            Pools::Sqlite { write, .. } => {
                let mut tx = write.begin().await?;
                for statement in statements {
                    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
                }
                tx.commit().await?;
            }
            Pools::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                for statement in statements {
                    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "every statement stands above")]
    async fn run(&self, statement: String) -> anyhow::Result<()> {
        match self.db.pools() {
            Pools::Sqlite { write, .. } => sqlx::raw_sql(AssertSqlSafe(statement)).execute(write).await.map(drop)?,
            Pools::Postgres(pool) => sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await.map(drop)?,
        }
        Ok(())
    }
}
