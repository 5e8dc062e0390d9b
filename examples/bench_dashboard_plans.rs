//! Runs the queries of the dashboard's lists, prints the plan of every statement, and fails if one of them scans a whole large
//! table: `bench_dashboard_plans STORE_ID`, with Cartkey's environment. Used by `scripts/bench-dashboard`.
//!
//! SQLite plans without looking at values. PostgreSQL is asked for a generic plan that avoids sequential scans where possible;
//! its plans for real values show in the page times.

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
use cartkey::flow::dashboard::store_list::{self, Filter, Order, Reason};
use cartkey::flow::{
    connecting::links,
    dashboard::{activity, history, overview},
    lending::key_reads,
};
use cartkey::serve;
use cartkey::storage::{Db, Pools};
use sqlx::AssertSqlSafe;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Tables with at least one row per store.
const BIG: [&str; 7] = ["stores", "keys", "read_chunks", "events", "attempts", "links", "check_spans"];

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
        bail!("too few statements were recorded");
    }
    if !wrong.is_empty() {
        bail!("a large table is scanned as a whole:\n{}", wrong.join("\n"));
    }
    Ok(())
}

/// Runs all queries of the dashboard's store and statistics pages.
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
    key_reads::of_tokens(app, app.now()).await?;
    history::of_store(app, &store.parse()?, 30).await?;
    activity::list(app, &activity::Filter::default(), &Position::newest(), 50).await?;
    links::list(app, &links::Filter::default(), 50).await?;
    Ok(())
}

/// Records every statement that runs.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<BTreeSet<String>>>);

impl Heard {
    /// The reading statements, each once.
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

/// Whether a line of a plan reads a large table without an index for its order or starting point.
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

/// PostgreSQL cannot infer the type of a parameter that is only tested for NULL.
fn typed(statement: &str) -> String {
    (1..=parameters(statement)).fold(statement.to_owned(), |text, n| {
        // Times are numbers; all other optional parameters are text.
        let is_time = [" at >= ", " at < "].iter().any(|than| statement.contains(&format!("{than}${n})")));
        let kind = if is_time { "BIGINT" } else { "TEXT" };
        text.replace(&format!("${n} IS NULL"), &format!("CAST(${n} AS {kind}) IS NULL"))
    })
}

/// The number of parameters of a statement.
fn parameters(statement: &str) -> usize {
    (1..=99).take_while(|n| statement.contains(&format!("${n}"))).count()
}
