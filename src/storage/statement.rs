//! A statement: text plus values, for either database.

use std::borrow::Cow;
use std::future::ready;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Decode, Encode, Postgres, Row as _, Sqlite, Type};
use tokio::time::Instant;

use super::db::Db;
use super::error::Error;
use super::text::Values;
use super::tx::{Connection, Lease, Tx, Writer};

/// The text of a statement: a literal, or several joined. `$1` may appear more than once.
pub trait Sql {
    fn text(self) -> Cow<'static, str>;
}

impl Sql for &'static str {
    fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(self)
    }
}

/// SQL text built from the schema's own names, which come from the migrations. Only a transfer does this.
pub(super) struct OfSchema(pub String);

impl Sql for OfSchema {
    fn text(self) -> Cow<'static, str> {
        Cow::Owned(self.0)
    }
}

impl<const N: usize> Sql for [&'static str; N] {
    fn text(self) -> Cow<'static, str> {
        Cow::Owned(self.concat())
    }
}

#[expect(clippy::disallowed_methods, reason = "`Sql` is made of literals, and of names of the schema in a transfer")]
const fn safe(sql: Cow<'static, str>) -> AssertSqlSafe<Cow<'static, str>> {
    AssertSqlSafe(sql)
}

/// What can be bound on both databases.
pub trait Value<'v>: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres> {}
impl<'v, T> Value<'v> for T where T: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres> {}

/// What can be read from a row of both databases: a struct that derives `sqlx::FromRow`, or a tuple.
pub trait FromRow: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> {}
impl<T> FromRow for T where T: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> {}

/// Where a statement runs.
#[derive(Debug)]
pub(super) enum Target<'t> {
    Read(&'t Db),
    /// On the connection that writes, as a transaction of its own.
    Write(&'t Db),
    /// On a connection that is held, as a transaction of its own.
    Writer(&'t mut Writer),
    Tx(&'t mut Tx),
}

/// A statement with its values, ready to run.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is executed or fetched"]
pub struct Statement<'t> {
    sql: Cow<'static, str>,
    arguments: Arguments,
    /// The first value that could not be encoded.
    fault: Option<BoxDynError>,
    prepared: bool,
    target: Target<'t>,
}

#[derive(Debug, Clone)]
enum Arguments {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

impl Arguments {
    fn len(&self) -> usize {
        match self {
            Self::Sqlite(arguments) => arguments.len(),
            Self::Postgres(arguments) => arguments.len(),
        }
    }
}

#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of the column at this index.
    pub(super) fn get<T>(&self, at: usize) -> Result<T, Error>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(at),
            Self::Postgres(row) => row.try_get(at),
        }
        .map_err(Error::Broken)
    }
}

fn misused() -> Error {
    Error::Broken(sqlx::Error::Configuration("only a statement in a transaction can be streamed".into()))
}

enum Done {
    Changed(u64),
    Sqlite(Vec<SqliteRow>),
    Postgres(Vec<PgRow>),
}

impl<'t> Statement<'t> {
    pub(super) fn new(sql: impl Sql, target: Target<'t>) -> Self {
        let is_postgres = match &target {
            Target::Read(db) | Target::Write(db) => db.is_postgres(),
            Target::Writer(held) => held.db.is_postgres(),
            Target::Tx(tx) => tx.is_postgres(),
        };
        let arguments = if is_postgres {
            Arguments::Postgres(PgArguments::default())
        } else {
            Arguments::Sqlite(SqliteArguments::default())
        };
        Self { sql: sql.text(), arguments, fault: None, prepared: true, target }
    }

    /// Binds the next value: the first is `$1`.
    pub fn bind<'v>(mut self, value: impl Value<'v>) -> Self {
        let bound = match &mut self.arguments {
            Arguments::Sqlite(arguments) => arguments.add(value),
            Arguments::Postgres(arguments) => arguments.add(value),
        };
        if let Err(error) = bound {
            self.fault.get_or_insert(error);
        }
        self
    }

    /// Binds the next values, given as a tuple.
    pub fn binds<'v>(self, values: impl Values<'v>) -> Self {
        values.bind_to(self)
    }

    /// Appends to the text. With [`Self::push_bind`], builds statements with optional filters. `sqlx::QueryBuilder` is for one
    /// kind of database, so each list would be built twice, and it accepts any string as SQL.
    pub fn push(mut self, sql: &'static str) -> Self {
        self.sql.to_mut().push_str(sql);
        self
    }

    /// Appends schema names to the text, for a transfer.
    pub(super) fn push_of_schema(mut self, OfSchema(sql): OfSchema) -> Self {
        self.sql.to_mut().push_str(&sql);
        self
    }

    /// Binds the next value, and appends its placeholder to the text.
    pub fn push_bind<'v>(self, value: impl Value<'v>) -> Self {
        let mut bound = self.bind(value);
        let placeholder = format!("${}", bound.arguments.len());
        bound.sql.to_mut().push_str(&placeholder);
        bound
    }

    /// Binds the next values, and appends their placeholders in brackets, for `IN`.
    pub fn push_bind_all<'v, V: Value<'v>>(self, values: impl IntoIterator<Item = V>) -> Self {
        let list = |statement: Self, value| statement.push(", ").push_bind(value);
        values.into_iter().fold(self.push("(NULL"), list).push(")")
    }

    /// Plans the statement for its values each time it runs: for statements whose best plan depends on them.
    pub const fn planned_each_time(mut self) -> Self {
        self.prepared = false;
        self
    }

    /// Runs it; returns how many rows it changed.
    pub async fn execute(self) -> Result<u64, Error> {
        match self.run(false).await? {
            Done::Changed(rows) => Ok(rows),
            Done::Sqlite(_) | Done::Postgres(_) => Ok(0),
        }
    }

    /// Runs it; returns every row.
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>, Error> {
        let rows: Result<Vec<T>, sqlx::Error> = match self.run(true).await? {
            Done::Sqlite(rows) => rows.iter().map(|row| sqlx::FromRow::from_row(row)).collect(),
            Done::Postgres(rows) => rows.iter().map(|row| sqlx::FromRow::from_row(row)).collect(),
            Done::Changed(_) => Ok(Vec::new()),
        };
        rows.map_err(Error::Broken)
    }

    /// Runs it; returns the first row, if there is one.
    pub async fn optional<T: FromRow>(self) -> Result<Option<T>, Error> {
        Ok(self.all().await?.into_iter().next())
    }

    /// Runs it; returns its one row. [`Error::Broken`] when there is none.
    pub async fn one<T: FromRow>(self) -> Result<T, Error> {
        self.optional().await?.ok_or(Error::Broken(sqlx::Error::RowNotFound))
    }

    /// Runs it; returns the first column of every row.
    pub async fn values<V>(self) -> Result<Vec<V>, Error>
    where
        (V,): FromRow,
    {
        Ok(self.all::<(V,)>().await?.into_iter().map(|(value,)| value).collect())
    }

    /// Runs it; returns the first column of the first row, if there is one.
    pub async fn optional_value<V>(self) -> Result<Option<V>, Error>
    where
        (V,): FromRow,
    {
        Ok(self.optional::<(V,)>().await?.map(|(value,)| value))
    }

    /// Runs it; returns the first column of its one row. [`Error::Broken`] when there is none.
    pub async fn value<V>(self) -> Result<V, Error>
    where
        (V,): FromRow,
    {
        Ok(self.one::<(V,)>().await?.0)
    }

    /// Runs it in its transaction; streams the rows.
    pub(super) fn stream(self) -> BoxStream<'t, Result<Row, Error>> {
        if let Some(fault) = self.fault {
            return stream::once(ready(Err(Error::Broken(sqlx::Error::Encode(fault))))).boxed();
        }
        let sql = safe(self.sql);
        let Target::Tx(tx) = self.target else { return stream::once(ready(Err(misused()))).boxed() };
        match (tx.lease.raw(), self.arguments) {
            (Connection::Sqlite(connection), Arguments::Sqlite(arguments)) => {
                let rows = sqlx::query_with(sql, arguments).persistent(false).fetch(&mut **connection);
                rows.map(|row| row.map(Row::Sqlite).map_err(Error::before_commit)).boxed()
            }
            (Connection::Postgres(connection), Arguments::Postgres(arguments)) => {
                let rows = sqlx::query_with(sql, arguments).persistent(false).fetch(&mut **connection);
                rows.map(|row| row.map(Row::Postgres).map_err(Error::before_commit)).boxed()
            }
            _ => stream::once(ready(Err(misused()))).boxed(),
        }
    }

    /// On the heap: futures of callers stay small, however deep they are nested.
    fn run(self, rows: bool) -> BoxFuture<'t, Result<Done, Error>> {
        Box::pin(self.run_through(rows))
    }

    async fn run_through(self, rows: bool) -> Result<Done, Error> {
        if let Some(fault) = self.fault {
            return Err(Error::Broken(sqlx::Error::Encode(fault)));
        }
        let Self { sql, arguments, prepared, target, .. } = self;
        match target {
            Target::Tx(tx) => {
                tx.has_failed = true;
                let done = send(&mut tx.lease, sql, arguments, prepared, rows, Error::before_commit).await?;
                tx.has_failed = false;
                Ok(done)
            }
            Target::Writer(Writer { lease, db }) => {
                let begun = Instant::now();
                let sent = send(lease, sql, arguments, prepared, rows, Error::of_write).await;
                sent.and_then(|done| db.wrote(begun, done)).inspect_err(|error| db.gave_up(error))
            }
            Target::Read(db) => {
                let mut tries = db.tries();
                loop {
                    let sent = async {
                        let mut lease = db.reading().await?;
                        send(&mut lease, sql.clone(), arguments.clone(), prepared, rows, Error::before_commit).await
                    };
                    match sent.await {
                        Err(error) if error.may_pass() && tries.pause().await => {}
                        outcome => return outcome,
                    }
                }
            }
            Target::Write(db) => {
                let (mut tries, begun) = (db.tries(), Instant::now());
                loop {
                    let sent = async {
                        let mut lease = db.writing().await?;
                        send(&mut lease, sql.clone(), arguments.clone(), prepared, rows, Error::of_write).await
                    };
                    match sent.await.inspect_err(|error| db.tried(error)) {
                        Err(error) if error.may_pass() && tries.pause().await => {}
                        outcome => {
                            let kept = outcome.and_then(|done| db.wrote(begun, done));
                            return kept.inspect_err(|error| db.gave_up(error));
                        }
                    }
                }
            }
        }
    }
}

async fn send(
    lease: &mut Lease,
    sql: Cow<'static, str>,
    arguments: Arguments,
    prepared: bool,
    rows: bool,
    fault: fn(sqlx::Error) -> Error,
) -> Result<Done, Error> {
    let sql = safe(sql);
    let send = async move |connection: &mut Connection| match (connection, arguments) {
        (Connection::Sqlite(connection), Arguments::Sqlite(arguments)) => {
            let query = sqlx::query_with(sql, arguments).persistent(prepared);
            if rows {
                query.fetch_all(&mut **connection).await.map(Done::Sqlite)
            } else {
                query.execute(&mut **connection).await.map(|done| Done::Changed(done.rows_affected()))
            }
        }
        (Connection::Postgres(connection), Arguments::Postgres(arguments)) => {
            let query = sqlx::query_with(sql, arguments).persistent(prepared);
            if rows {
                query.fetch_all(&mut **connection).await.map(Done::Postgres)
            } else {
                query.execute(&mut **connection).await.map(|done| Done::Changed(done.rows_affected()))
            }
        }
        _ => Err(sqlx::Error::Configuration("a statement was made for the other database".into())),
    };
    lease.run(send, fault).await
}
