//! Asks a database what the dashboard's lists ask it, prints the plan of every statement, and fails when one of them reads
//! a big table from end to end: `bench_dashboard_plans` with Cartkey's environment and a store's id. For
//! `scripts/bench-dashboard`.
//!
//! SQLite plans without looking at values. PostgreSQL is asked for a plan for any values, without reading whole tables where
//! it can do without; what it makes of real values shows in how long pages take.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use cartkey::app::App;
use cartkey::config::Config;
use cartkey::domain::activity::Position;
use cartkey::domain::scope::Scope;
use cartkey::domain::store::StoreStatus;
use cartkey::domain::verdict::Verdict;
use cartkey::flow::store_list::{self, Filter, Order, Reason};
use cartkey::flow::{activity, history, links, overview, reads};
use cartkey::serve;
use cartkey::storage::{Db, Pools};
use sqlx::AssertSqlSafe;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Tables with a row for each store or more.
const BIG: [&str; 8] = ["stores", "store_words", "keys", "key_reads", "events", "attempts", "links", "check_spans"];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "what it was asked for")]
async fn main() -> anyhow::Result<()> {
    let store = std::env::args().nth(1).context("usage: bench_dashboard_plans STORE_ID")?;
    let app = serve::open(&Config::load()?).await?;
    let heard = Heard::default();
    tracing_subscriber::registry().with(heard.clone()).init();
    look(&app, &store).await?;
    let statements = heard.statements();
    let mut wrong = Vec::new();
    for statement in &statements {
        let short: String = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        println!("\n{}", short.chars().take(400).collect::<String>());
        for line in plan(&app.db, statement).await? {
            println!("    {line}");
            if scans(&line) {
                wrong.push(format!("{short}\n    {line}"));
            }
        }
    }
    println!("\n{} statements", statements.len());
    app.db.close().await;
    if statements.len() < 20 {
        bail!("too few statements were heard");
    }
    if !wrong.is_empty() {
        bail!("a big table is read from end to end:\n{}", wrong.join("\n"));
    }
    Ok(())
}

/// Everything that the dashboard's pages of stores and figures ask.
async fn look(app: &App, store: &str) -> anyhow::Result<()> {
    let text = |q: &str| Filter { q: Some(q.to_owned()), ..Filter::default() };
    let filters = [
        Filter::default(),
        text("shop"),
        text("merchant-4711"),
        text("harbour coffee"),
        Filter { status: Some(StoreStatus::Connected), ..Filter::default() },
        Filter { status: Some(StoreStatus::Unauthorized), ..Filter::default() },
        Filter { status: Some(StoreStatus::Connected), reason: Some(Reason::Any), ..Filter::default() },
        Filter { reason: Some(Reason::Is(Verdict::KeyRejected)), ..Filter::default() },
        Filter { scope: Some(Scope::Write), ..Filter::default() },
        Filter { scope: Some(Scope::Read), ..Filter::default() },
        Filter { user_id: Some("merchant-7".parse()?), ..Filter::default() },
    ];
    for filter in filters {
        for order in [Order::Id, Order::Changed, Order::Connected, Order::Address, Order::Unchecked] {
            let (first, _) = store_list::part(app, &filter, order, None, 2).await?;
            let Some(next) = first.next else { continue };
            let (second, _) = store_list::part(app, &filter, order, Some(&next), 2).await?;
            store_list::part(app, &filter, order, second.previous.as_ref(), 1).await?;
        }
    }
    overview::look(app).await?;
    reads::of_tokens(app, app.now()).await?;
    history::of_store(app, &store.parse()?, 30).await?;
    activity::list(app, &activity::Filter::default(), &Position::newest(), 50).await?;
    links::list(app, &links::Filter::default(), 50).await?;
    Ok(())
}

/// Hears every statement that is run.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<BTreeSet<String>>>);

impl Heard {
    /// Those that read, each once.
    fn statements(&self) -> BTreeSet<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|text| text.starts_with("SELECT") && !text.ends_with('…')).cloned().collect()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut Statement(self));
        }
    }
}

struct Statement<'a>(&'a Heard);

impl Visit for Statement<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if matches!(field.name(), "db.statement" | "summary") {
            self.0.0.lock().unwrap_or_else(PoisonError::into_inner).insert(value.trim().to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Whether a line of a plan reads a big table without an index whose order is wanted or that says where to begin.
fn scans(line: &str) -> bool {
    let line = line.trim();
    BIG.iter().any(|table| line.contains(&format!("Seq Scan on {table} ")) || line == format!("SCAN {table}"))
}

#[expect(clippy::disallowed_methods, reason = "statements of our own")]
async fn plan(db: &Db, statement: &str) -> anyhow::Result<Vec<String>> {
    match db.pools() {
        Pools::Sqlite { write, .. } => {
            let sql = format!("EXPLAIN QUERY PLAN {statement}");
            let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(write).await?;
            Ok(rows.into_iter().map(|(.., line)| line).collect())
        }
        Pools::Postgres(pool) => {
            let mut tx = pool.begin().await?;
            for set in ["SET LOCAL plan_cache_mode = force_generic_plan", "SET LOCAL enable_seqscan = off"] {
                sqlx::raw_sql(set).execute(&mut *tx).await?;
            }
            let prepare = format!("PREPARE asked AS {}", typed(statement));
            sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *tx).await.with_context(|| statement.to_owned())?;
            let nothing = vec!["NULL"; parameters(statement)].join(", ");
            let brackets = if nothing.is_empty() { String::new() } else { format!("({nothing})") };
            let sql = format!("EXPLAIN EXECUTE asked{brackets}");
            let plan: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false).fetch_all(&mut *tx).await?;
            sqlx::raw_sql("DEALLOCATE asked").execute(&mut *tx).await?;
            tx.rollback().await?;
            Ok(plan)
        }
    }
}

/// PostgreSQL cannot tell what a parameter is of which it only hears whether it is NULL.
fn typed(statement: &str) -> String {
    (1..=parameters(statement)).fold(statement.to_owned(), |text, n| {
        // Times are numbers; all else that may be left out is text.
        let is_time = [" at >= ", " at < "].iter().any(|than| statement.contains(&format!("{than}${n})")));
        let kind = if is_time { "BIGINT" } else { "TEXT" };
        text.replace(&format!("${n} IS NULL"), &format!("CAST(${n} AS {kind}) IS NULL"))
    })
}

/// How many parameters a statement has.
fn parameters(statement: &str) -> usize {
    (1..=99).take_while(|n| statement.contains(&format!("${n}"))).count()
}
