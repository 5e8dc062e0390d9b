//! What tables there are: read from a database in memory that the migrations have just made, so that no list of tables can
//! be out of date.

use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use super::Fault;
use super::value::{Row, Value};
use crate::storage::{Db, Error, Pools};

/// What a column holds: one of the four types that both databases know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    Bytes,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether it names another row of the same table, which may not be there yet when this one is.
    pub(super) is_loop: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key, by their place.
    pub(super) key: Vec<usize>,
    /// The tables that its rows name.
    needs: Vec<String>,
}

impl Table {
    /// Whether a row names another of its own table.
    pub(super) fn is_loop(&self, row: &Row) -> bool {
        self.columns.iter().zip(row).any(|(column, value)| column.is_loop && *value != Value::Nothing)
    }
}

/// The schema, and a database that has it and nothing else.
pub(super) struct Schema {
    /// In an order in which every row that another names comes first.
    pub(super) tables: Vec<Table>,
    /// What the migrations put in: so much and nothing more is in a database that was never used.
    pub(super) fresh: Db,
}

/// Migrations in memory, and what came of them.
pub(super) async fn read() -> Result<Schema, Fault> {
    // One connection: each has a memory of its own.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect("sqlite::memory:")
        .await
        .map_err(Error::from)?;
    sqlx::migrate!("./migrations").run(&pool).await.map_err(|error| Fault::Schema(error.to_string()))?;
    let mut tables = Vec::new();
    for name in names_in(&pool).await? {
        tables.push(table(&pool, name).await?);
    }
    Ok(Schema { tables: in_order(tables)?, fresh: Db::on(Pools::Sqlite { read: pool.clone(), write: pool }) })
}

async fn table(pool: &SqlitePool, name: String) -> Result<Table, Fault> {
    let named: Vec<(String, String)> = sqlx::query_as("SELECT \"table\", \"from\" FROM pragma_foreign_key_list($1)")
        .bind(&name)
        .fetch_all(pool)
        .await
        .map_err(Error::from)?;
    let found: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid")
            .bind(&name)
            .fetch_all(pool)
            .await
            .map_err(Error::from)?;
    let mut key: Vec<(i64, usize)> =
        found.iter().enumerate().map(|(at, (_, _, pk))| (*pk, at)).filter(|(pk, _)| *pk > 0).collect();
    key.sort_unstable();
    let mut columns = Vec::new();
    for (column, kind, _) in found {
        let kind = match kind.as_str() {
            "TEXT" => Kind::Text,
            "BIGINT" => Kind::Number,
            "BOOLEAN" => Kind::Flag,
            "BYTEA" => Kind::Bytes,
            other => return Err(Fault::Schema(format!("{name}.{column} is {other}"))),
        };
        let is_loop = named.iter().any(|(to, from)| *to == name && *from == column);
        columns.push(Column { name: column, kind, is_loop });
    }
    // A table without a primary key is sorted by its first column instead.
    if key.is_empty() {
        key.push((1, 0));
    }
    let needs = named.into_iter().map(|(to, _)| to).filter(|to| *to != name).collect();
    Ok(Table { name, columns, key: key.into_iter().map(|(_, at)| at).collect(), needs })
}

/// Tables that are named before those that name them.
fn in_order(mut waiting: Vec<Table>) -> Result<Vec<Table>, Fault> {
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |table: &Table| table.needs.iter().all(|need| ordered.iter().any(|done| done.name == *need));
        let (ready, rest): (Vec<Table>, Vec<Table>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            let names: Vec<&str> = rest.iter().map(|table| table.name.as_str()).collect();
            return Err(Fault::Schema(format!("these tables reference each other in a circle: {}", names.join(", "))));
        }
        ordered.extend(ready);
        waiting = rest;
    }
    Ok(ordered)
}

/// The names of the tables of a database, without those of the migrations and of SQLite's search index, which follows from
/// the stores.
pub(super) async fn names(db: &Db) -> Result<Vec<String>, Fault> {
    match db.pools() {
        Pools::Sqlite { read, .. } => names_in(read).await,
        Pools::Postgres(pool) => Ok(sqlx::query_scalar(
            "SELECT CAST(table_name AS TEXT)
             FROM information_schema.tables
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations'
             ORDER BY 1",
        )
        .fetch_all(pool)
        .await
        .map_err(Error::from)?),
    }
}

async fn names_in(pool: &SqlitePool) -> Result<Vec<String>, Fault> {
    Ok(sqlx::query_scalar(
        "SELECT name
         FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations'
           AND name NOT LIKE 'store\\_search%' ESCAPE '\\'
         ORDER BY name",
    )
    .fetch_all(pool)
    .await
    .map_err(Error::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, needs: &[&str]) -> Table {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        Table { name: name.to_owned(), columns: Vec::new(), key: vec![0], needs }
    }

    #[test]
    fn what_is_named_comes_before_what_names_it_and_a_circle_is_told() {
        let ordered = in_order(vec![named("c", &["a", "b"]), named("b", &["a"]), named("a", &[])]).unwrap();
        assert_eq!(ordered.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(in_order(vec![named("a", &["b"]), named("b", &["a"])]).is_err());
    }

    #[tokio::test]
    async fn every_table_and_column_is_of_a_kind_that_can_be_carried() {
        let schema = read().await.expect("the schema");
        let stores = schema.tables.iter().find(|table| table.name == "stores").expect("a table of stores");
        assert_eq!(stores.columns[stores.key[0]].name, "id");
        let tokens = schema.tables.iter().find(|table| table.name == "tokens").expect("a table of tokens");
        assert!(tokens.columns.iter().any(|column| column.is_loop && column.name == "successor"));
        assert_eq!(names(&schema.fresh).await.expect("names").len(), schema.tables.len());
    }
}
