//! A value on its way from one database to the other, and the one form in which both sides count it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize, Serializer};

use super::schema::{Column, Kind, Table};
use crate::storage::Error;
use crate::storage::statement::{self, Statement};

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
pub(super) fn take_apart(row: &statement::Row, table: &Table) -> Result<Row, Error> {
    let value = |(at, column): (usize, &Column)| {
        Ok(match column.kind {
            Kind::Text => row.get::<Option<String>>(at)?.map_or(Value::Nothing, Value::Text),
            Kind::Number => row.get::<Option<i64>>(at)?.map_or(Value::Nothing, Value::Number),
            Kind::Flag => row.get::<Option<bool>>(at)?.map_or(Value::Nothing, Value::Flag),
            Kind::Bytes => row.get::<Option<Vec<u8>>>(at)?.map_or(Value::Nothing, Value::Bytes),
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Bytes(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
        }
    }
}

impl Value {
    /// Puts the value into a statement; nothing is put in as a nothing of the column's kind.
    pub(super) fn put_in<'t>(&self, statement: Statement<'t>, kind: Kind) -> Statement<'t> {
        match (self, kind) {
            (Self::Text(text), _) => statement.push_bind(text),
            (Self::Number(number), _) => statement.push_bind(*number),
            (Self::Flag(flag), _) => statement.push_bind(*flag),
            (Self::Bytes(bytes), _) => statement.push_bind(bytes),
            (Self::Nothing, Kind::Text) => statement.push_bind(None::<String>),
            (Self::Nothing, Kind::Number) => statement.push_bind(None::<i64>),
            (Self::Nothing, Kind::Flag) => statement.push_bind(None::<bool>),
            (Self::Nothing, Kind::Bytes) => statement.push_bind(None::<Vec<u8>>),
        }
    }

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub table: String,
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
        Sum { table: self.table.name.clone(), rows: self.rows, sha256: hex(self.hash.finish().as_ref()) }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
