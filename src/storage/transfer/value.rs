//! A value on its way from one database to the other, and the one form in which both sides count it.

use ring::digest::{Context, SHA256};

use super::schema::Table;

/// A value of a column; what is not there has no kind of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Nothing,
    Text(String),
    Number(i64),
    Flag(bool),
    Bytes(Vec<u8>),
}

/// A row, in the order of its table's columns.
pub(super) type Row = Vec<Value>;

/// Takes a row of either database apart.
macro_rules! take_apart {
    ($row:expr, $table:expr) => {{
        let (row, table): (_, &$crate::storage::transfer::schema::Table) = ($row, $table);
        let mut values = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            values.push(match column.kind {
                Kind::Text => row.try_get::<Option<String>, _>(at)?.map_or(Value::Nothing, Value::Text),
                Kind::Number => row.try_get::<Option<i64>, _>(at)?.map_or(Value::Nothing, Value::Number),
                Kind::Flag => row.try_get::<Option<bool>, _>(at)?.map_or(Value::Nothing, Value::Flag),
                Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map_or(Value::Nothing, Value::Bytes),
            });
        }
        values
    }};
}

/// Puts a value into a statement for either database; nothing is put in as a nothing of the column's kind.
macro_rules! put_in {
    ($into:expr, $value:expr, $kind:expr) => {
        match ($value, $kind) {
            (Value::Text(text), _) => $into.push_bind(text.clone()),
            (Value::Number(number), _) => $into.push_bind(*number),
            (Value::Flag(flag), _) => $into.push_bind(*flag),
            (Value::Bytes(bytes), _) => $into.push_bind(bytes.clone()),
            (Value::Nothing, Kind::Text) => $into.push_bind(None::<String>),
            (Value::Nothing, Kind::Number) => $into.push_bind(None::<i64>),
            (Value::Nothing, Kind::Flag) => $into.push_bind(None::<bool>),
            (Value::Nothing, Kind::Bytes) => $into.push_bind(None::<Vec<u8>>),
        }
    };
}
pub(super) use {put_in, take_apart};

impl Value {
    /// About how many bytes it takes.
    pub(super) const fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 24,
            Self::Bytes(bytes) => bytes.len() + 24,
            _ => 32,
        }
    }
}

/// The rows of one table as one side has them: how many, and the SHA-256 over all of them in the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// Adds rows up.
pub(super) struct Adding<'a> {
    table: &'a Table,
    rows: u64,
    hash: Context,
}

impl<'a> Adding<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Self { table, rows: 0, hash: Context::new(&SHA256) }
    }

    /// Every value behind its kind and its length, so that no two rows read alike.
    pub(super) fn add(&mut self, row: &Row) {
        self.rows += 1;
        for value in row {
            let number;
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Nothing => (0, &[]),
                Value::Text(text) => (1, text.as_bytes()),
                Value::Number(n) => {
                    number = n.to_le_bytes();
                    (2, &number)
                }
                Value::Flag(false) => (3, &[0]),
                Value::Flag(true) => (3, &[1]),
                Value::Bytes(bytes) => (4, bytes),
            };
            self.hash.update(&[kind]);
            self.hash.update(&(bytes.len() as u64).to_le_bytes());
            self.hash.update(bytes);
        }
    }

    pub(super) fn sum(self) -> Sum {
        let digest = self.hash.finish();
        let sha256 = digest.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        Sum { table: self.table.name.clone(), rows: self.rows, sha256 }
    }
}
