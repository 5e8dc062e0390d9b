//! Transfer: copies everything from one database to another or into a backup, and back: one snapshot of the source, in one
//! transaction of the target, in bounded memory, with row counts and checksums of both sides.
//!
//! The only statements in `storage` that are built at run time: from the names of the schema, which come from the migrations.

pub mod file;
mod schema;
mod value;

use std::io::Write;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use tokio::sync::mpsc;

use self::file::{About, FileFault, Installation, Reader, RingKeyNeeded};
use self::schema::{Kind, Schema, Table};
use self::value::{Adding, Row, Value, take_apart};
use super::statement::OfSchema;
use super::{Db, Ended, Error, Tx, seals};

pub use self::value::Sum;

/// Rows written per statement: far below the number of parameters that either database accepts.
const ROWS_AT_ONCE: usize = 400;
/// About the most bytes per statement.
const BYTES_AT_ONCE: usize = 1024 * 1024;
/// Batches read ahead of the writing side.
const AHEAD: usize = 4;
/// How long a batch may wait: an open snapshot keeps the database from cleaning up.
const STALLS_AFTER: Duration = Duration::from_mins(1);
/// How far a restore advances the counters. Changes made between the backup and the restore are lost, but services may have seen
/// their events, and other processes may remember their lending counter: no number may be used twice.
const AHEAD_OF_WHAT_IS_LOST: i64 = 1_000_000_000;

/// Why nothing was copied. The target is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Storage(#[from] Error),
    #[error("the schema cannot be copied: {0}")]
    Schema(String),
    #[error("the {side} does not have the tables of this version: {tables}")]
    Tables {
        side: &'static str,
        /// The missing or unknown tables.
        tables: String,
    },
    #[error("the target is not empty: there are rows in {0}; name an empty database")]
    NotEmpty(String),
    #[error("{0} is not the same on both sides")]
    Differs(String),
    #[error(transparent)]
    File(#[from] FileFault),
    #[error(
        "something was written to the source meanwhile, which the target would lack: stop the service, then try again"
    )]
    InUse,
}

/// A message from the reading side to the writing side.
enum Piece {
    /// The total number of rows, and the installation.
    Begin(u64, Installation),
    /// Rows of the table with this index.
    Rows(usize, Vec<Row>),
    /// Everything was read; the checksums of the tables.
    End(Vec<Sum>),
}

/// Copies everything from `source` to `target`, which must be empty and of the same version. Calls `tell` with the number of rows
/// written and the total. Returns the checksum of each table, which is the same on both sides.
pub async fn copy(source: &Db, target: &Db, tell: impl FnMut(u64, u64)) -> Result<Vec<Sum>, Fault> {
    let schema = schema::read().await?;
    for (side, db) in [("source", source), ("target", target)] {
        check_tables(side, db, &schema).await?;
    }
    let (send, receive) = mpsc::channel(AHEAD);
    let (read, written) =
        tokio::join!(read(source, &schema.tables, send), write(Some(source), target, &schema, receive, tell));
    // When reading fails, writing fails too: the first error is the cause.
    read?;
    written
}

/// Writes a backup of everything in `source` to `out`; returns the checksum of each table, and `out`. Calls `tell` with the number
/// of rows written and the total.
pub async fn back_up<W: Write + Send + 'static>(
    source: &Db,
    about: About,
    out: W,
    tell: impl FnMut(u64, u64) + Send + 'static,
) -> Result<(Vec<Sum>, W), Fault> {
    let schema = schema::read().await?;
    check_tables("database", source, &schema).await?;
    let (send, receive) = mpsc::channel(AHEAD);
    let tables = schema.tables.clone();
    let writing = tokio::task::spawn_blocking(move || file::write(&tables, about, receive, out, tell));
    let read = read(source, &schema.tables, send).await;
    // When writing fails, reading ends without an error; when reading is aborted, so is writing.
    read?;
    Ok(writing.await.map_err(|_| FileFault::Incomplete)??)
}

/// Writes everything in the backup to `target`, which must be empty; ends all sessions and advances the counters. Calls `tell` as
/// [`back_up`] does, and returns the checksum of each table.
pub async fn restore(from: Reader, target: &Db, tell: impl FnMut(u64, u64)) -> Result<Vec<Sum>, Fault> {
    let schema = schema::read().await?;
    check_tables("target", target, &schema).await?;
    let (send, receive) = mpsc::channel(AHEAD);
    let tables = schema.tables.clone();
    let reading = tokio::task::spawn_blocking(move || from.send(&tables, &send));
    let written = write(None, target, &schema, receive, tell).await;
    reading.await.map_err(|_| FileFault::Incomplete)??;
    written
}

/// Checks that the database has exactly the tables of the schema, so that none is forgotten.
async fn check_tables(side: &'static str, db: &Db, schema: &Schema) -> Result<(), Fault> {
    let there = schema::names(db).await?;
    let known: Vec<&String> = schema.tables.iter().map(|table| &table.name).collect();
    let lacks = known.iter().filter(|name| !there.contains(name)).map(|name| format!("no {name}"));
    let more = there.iter().filter(|name| !known.contains(name)).cloned();
    let odd: Vec<String> = lacks.chain(more).collect();
    if odd.is_empty() { Ok(()) } else { Err(Fault::Tables { side, tables: odd.join(", ") }) }
}

async fn count(tx: &mut Tx, table: &Table) -> Result<u64, Error> {
    let rows: i64 = tx.query(OfSchema(format!("SELECT COUNT(*) FROM \"{}\"", table.name))).value().await?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

async fn add_up(tx: &mut Tx, table: &Table) -> Result<Sum, Error> {
    let mut adding = Adding::new(table);
    let sql = select(table, tx.is_postgres());
    let mut rows = tx.query(sql).stream();
    while let Some(row) = rows.try_next().await? {
        adding.add(&take_apart(&row, table)?);
    }
    Ok(adding.sum())
}

/// Writes rows, at first without their references to rows of the same table.
async fn write_rows(tx: &mut Tx, table: &Table, rows: &[Row]) -> Result<(), Error> {
    let mut statement = tx.query(insert(table));
    for (n, row) in rows.iter().enumerate() {
        statement = statement.push(if n == 0 { "(" } else { ", (" });
        for (at, (value, column)) in row.iter().zip(&table.columns).enumerate() {
            let value = if column.is_loop { &Value::Nothing } else { value };
            statement = value.put_in(if at == 0 { statement } else { statement.push(", ") }, column.kind);
        }
        statement = statement.push(")");
    }
    statement.planned_each_time().execute().await?;
    Ok(())
}

/// Writes the references that were left out, now that every row is there.
async fn close_loops(tx: &mut Tx, table: &Table, row: &Row) -> Result<(), Error> {
    for (at, column) in table.columns.iter().enumerate().filter(|(_, column)| column.is_loop) {
        let update = format!("UPDATE \"{}\" SET \"{}\" = ", table.name, column.name);
        let mut statement = row[at].put_in(tx.query(OfSchema(update)), column.kind);
        for (n, key) in table.key.iter().enumerate() {
            let (word, key_column) = (if n == 0 { "WHERE" } else { "AND" }, &table.columns[*key]);
            let condition = OfSchema(format!(" {word} \"{}\" = ", key_column.name));
            statement = row[*key].put_in(statement.push_of_schema(condition), key_column.kind);
        }
        statement.execute().await?;
    }
    Ok(())
}

/// Reads everything in one snapshot.
async fn read(source: &Db, tables: &[Table], to: mpsc::Sender<Piece>) -> Result<(), Fault> {
    let mut tx = source.snapshot().await?;
    let mut total = 0;
    for table in tables {
        total += count(&mut tx, table).await?;
    }
    let installation = installation(&mut tx).await?;
    if !put(&to, Piece::Begin(total, installation)).await? {
        return Ok(());
    }
    let mut sums = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        let Some(sum) = read_table(&mut tx, place, table, &to).await? else { return Ok(()) };
        sums.push(sum);
    }
    put(&to, Piece::End(sums)).await?;
    let Ended(()) = tx.undo(()).await?;
    Ok(())
}

/// The installation and its ring keys.
async fn installation(tx: &mut Tx) -> Result<Installation, Error> {
    let told: Option<(String, Option<String>)> =
        tx.query("SELECT instance, sealing FROM installation WHERE one = 1").optional().await?;
    let (instance, sealing) = told.unwrap_or_default();
    let known: Vec<(String, Vec<u8>)> = tx.query("SELECT id, proof FROM ring_keys ORDER BY id").all().await?;
    let mut ring_keys = Vec::new();
    for (id, proof) in known {
        let values = seals::count_under_in(tx, &id).await?;
        ring_keys.push(RingKeyNeeded::new(id, &proof, values));
    }
    Ok(Installation { instance, sealing, ring_keys })
}

/// Sends a piece; returns false if the writing side has ended.
async fn put(to: &mpsc::Sender<Piece>, piece: Piece) -> Result<bool, Fault> {
    match tokio::time::timeout(STALLS_AFTER, to.send(piece)).await {
        Ok(sent) => Ok(sent.is_ok()),
        Err(_) => Err(FileFault::Stalled(STALLS_AFTER.as_secs()).into()),
    }
}

/// Sends every row of a table; `None` when the writing side has ended.
async fn read_table(tx: &mut Tx, place: usize, table: &Table, to: &mpsc::Sender<Piece>) -> Result<Option<Sum>, Fault> {
    let mut adding = Adding::new(table);
    let sql = select(table, tx.is_postgres());
    let mut rows = tx.query(sql).stream();
    let (mut batch, mut weight) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let row = take_apart(&row, table)?;
        adding.add(&row);
        weight += row.iter().map(Value::weight).sum::<usize>();
        batch.push(row);
        if batch.len() >= ROWS_AT_ONCE || weight >= BYTES_AT_ONCE {
            weight = 0;
            if !put(to, Piece::Rows(place, std::mem::take(&mut batch))).await? {
                return Ok(None);
            }
        }
    }
    if !batch.is_empty() && !put(to, Piece::Rows(place, batch)).await? {
        return Ok(None);
    }
    Ok(Some(adding.sum()))
}

/// Writes everything, computes the checksums again, and commits if they match and the source has not changed. Without a source, the
/// pieces come from a backup. An error leaves the target unchanged.
async fn write(
    source: Option<&Db>,
    target: &Db,
    schema: &Schema,
    mut from: mpsc::Receiver<Piece>,
    mut tell: impl FnMut(u64, u64),
) -> Result<Vec<Sum>, Fault> {
    let (tables, fresh) = (&schema.tables, sums_of(&schema.fresh, &schema.tables).await?);
    let mut tx = target.begin().await?;
    tx.without_timeout().await?;
    for (table, fresh) in tables.iter().zip(&fresh) {
        if count(&mut tx, table).await? != fresh.rows || add_up(&mut tx, table).await? != *fresh {
            return Err(Fault::NotEmpty(table.name.clone()));
        }
    }
    for table in tables.iter().rev() {
        tx.query(OfSchema(format!("DELETE FROM \"{}\"", table.name))).execute().await?;
    }
    let (mut written, mut total, mut told) = (0, 0, None);
    let mut loops: Vec<(usize, Row)> = Vec::new();
    while let Some(piece) = from.recv().await {
        match piece {
            Piece::Begin(rows, _) => total = rows,
            Piece::Rows(place, rows) => {
                write_rows(&mut tx, &tables[place], &rows).await?;
                written += rows.len() as u64;
                loops.extend(rows.into_iter().filter(|row| tables[place].is_loop(row)).map(|row| (place, row)));
                tell(written, total);
            }
            Piece::End(sums) => told = Some(sums),
        }
    }
    // Without an end, reading has failed and returns the cause.
    let Some(sums) = told else { return Err(Fault::InUse) };
    for (place, row) in &loops {
        close_loops(&mut tx, &tables[*place], row).await?;
    }
    for (table, sum) in tables.iter().zip(&sums) {
        if add_up(&mut tx, table).await? != *sum {
            return Err(Fault::Differs(table.name.clone()));
        }
    }
    match source {
        // Any write to the source since it was read makes the copy incomplete.
        Some(source) if sums_of(source, tables).await? != sums => return Err(Fault::InUse),
        Some(_) => {}
        None => begin_again(&mut tx).await?,
    }
    Ok(tx.commit(sums).await?.0)
}

/// Deletes what must not survive a restore: sessions and set-up links, which may have ended since, and processes. Advances the
/// counters.
async fn begin_again(tx: &mut Tx) -> Result<(), Error> {
    tx.query("DELETE FROM sessions").execute().await?;
    tx.query("DELETE FROM setup_links").execute().await?;
    tx.query("DELETE FROM processes").execute().await?;
    tx.query("UPDATE counters SET n = n + $1 WHERE name IN ('event', 'lending')")
        .bind(AHEAD_OF_WHAT_IS_LOST)
        .execute()
        .await?;
    Ok(())
}

/// The current checksum of each table.
async fn sums_of(db: &Db, tables: &[Table]) -> Result<Vec<Sum>, Fault> {
    let mut tx = db.snapshot().await?;
    let mut sums = Vec::new();
    for table in tables {
        sums.push(add_up(&mut tx, table).await?);
    }
    Ok(tx.undo(sums).await?.0)
}

/// Selects every row in the order of its key. `COLLATE "C"` makes PostgreSQL compare texts as bytes, as SQLite does.
fn select(table: &Table, is_postgres: bool) -> OfSchema {
    let names: Vec<String> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let order = table.key.iter().map(|at| {
        let bytewise = if is_postgres && table.columns[*at].kind == Kind::Text { " COLLATE \"C\"" } else { "" };
        format!("{}{bytewise}", names[*at])
    });
    let order: Vec<String> = order.collect();
    OfSchema(format!("SELECT {} FROM \"{}\" ORDER BY {}", names.join(", "), table.name, order.join(", ")))
}

fn insert(table: &Table) -> OfSchema {
    let names: Vec<String> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    OfSchema(format!("INSERT INTO \"{}\" ({}) VALUES ", table.name, names.join(", ")))
}
