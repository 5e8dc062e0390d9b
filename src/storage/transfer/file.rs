//! The backup file: everything in one database, for restoring into SQLite or PostgreSQL.
//!
//! Lines of JSON in UTF-8, each ended by a line feed. The first is the [`Head`]. Then, for each table, one line with its name,
//! columns and kinds, and one array per row, in key order: text as strings, numbers and booleans as they are, bytes in base64,
//! `null` for NULL. A table comes after the tables that it references. The last line has the row count of each table and a SHA-256
//! over its values, and ends with the SHA-256 of all bytes before it. A file without that line is incomplete.

use std::io::{self, BufRead, Read as _, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::mpsc;

use super::schema::{Kind, Table};
use super::value::{Adding, Row, Sum, Value, hex};
use super::{BYTES_AT_ONCE, Piece, ROWS_AT_ONCE};
use crate::domain::Secret;

/// The format's version. It is increased when older programs cannot read the new format.
const FORMAT: u32 = 1;
/// The longest line that is read, in bytes: far above any row.
const LINE_AT_MOST: u64 = 16 * 1024 * 1024;

/// Why a backup cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    #[error("this is not a backup of Cartkey")]
    NotABackup,
    #[error("this backup was made by a newer version of Cartkey ({version}): restore it with that version")]
    Newer { version: String },
    #[error(
        "this backup was made by Cartkey {version}, which has other tables than this version: restore it with that version, then upgrade"
    )]
    OtherTables { version: String },
    #[error("this backup is incomplete: it ends too early; use another one")]
    Incomplete,
    #[error("this backup is damaged at line {line}: use another one")]
    Damaged {
        /// Counted from 1.
        line: u64,
    },
    #[error("the backup cannot be read or written")]
    Io(#[from] io::Error),
    #[error("the reader of the backup stalled for {0} seconds: the database cannot keep a snapshot that long")]
    Stalled(u64),
}

/// The first line: what must be known before the rows are read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    cartkey_backup: u32,
    /// The version of Cartkey that wrote it.
    pub version: String,
    /// The time, as RFC 3339 in UTC.
    pub made_at: String,
    /// The database that it was made from, with its version.
    pub database: String,
    /// The installation's random name, which is bound into every sealed value.
    pub instance: String,
    /// The ring key that seals.
    pub sealing: Option<String>,
    pub ring_keys: Vec<RingKeyNeeded>,
    pub rows: u64,
    /// The key ring in the format of its file, if it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub key_ring: Option<Secret>,
}

/// A ring key of the backed-up database.
#[derive(Debug, Serialize, Deserialize)]
pub struct RingKeyNeeded {
    pub id: String,
    /// A value that it sealed, in base64.
    proof: String,
    /// The number of values in the backup that are sealed under it.
    pub values: u64,
}

impl RingKeyNeeded {
    pub(super) fn new(id: String, proof: &[u8], values: u64) -> Self {
        Self { id, proof: STANDARD.encode(proof), values }
    }

    /// A value that it sealed; empty if that is damaged.
    pub fn proof(&self) -> Vec<u8> {
        STANDARD.decode(&self.proof).unwrap_or_default()
    }
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn exposed<S: Serializer>(ring: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match ring {
        Some(ring) => serializer.serialize_some(ring.expose()),
        None => serializer.serialize_none(),
    }
}

/// What a backup contains besides the rows.
#[derive(Debug)]
pub struct About {
    /// When it is made, as RFC 3339 in UTC.
    pub made_at: String,
    /// The database's name and version.
    pub database: String,
    /// The key ring, if it is to be included.
    pub key_ring: Option<Secret>,
}

/// The installation and its ring keys, as of the snapshot.
#[derive(Debug)]
pub(super) struct Installation {
    pub(super) instance: String,
    pub(super) sealing: Option<String>,
    pub(super) ring_keys: Vec<RingKeyNeeded>,
}

#[derive(Serialize, Deserialize)]
struct TableLine {
    table: String,
    columns: Vec<(String, Kind)>,
}

impl TableLine {
    fn of(table: &Table) -> Self {
        let columns = table.columns.iter().map(|column| (column.name.clone(), column.kind)).collect();
        Self { table: table.name.clone(), columns }
    }
}

#[derive(Serialize, Deserialize)]
struct End {
    end: Vec<Sum>,
    sha256: String,
}

/// Writes lines, and includes their bytes in the checksum.
struct Lines<W> {
    out: W,
    hash: Context,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, line: &impl Serialize) -> Result<(), FileFault> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::from)?;
        text.push(b'\n');
        self.hash.update(&text);
        Ok(self.out.write_all(&text)?)
    }
}

/// Writes the pieces that come `from` the reading side to `out`, and returns `out`. Blocks.
pub(super) fn write<W: Write>(
    tables: &[Table],
    about: About,
    mut from: mpsc::Receiver<Piece>,
    out: W,
    mut tell: impl FnMut(u64, u64),
) -> Result<(Vec<Sum>, W), FileFault> {
    let About { made_at, database, key_ring } = about;
    let mut lines = Lines { out, hash: Context::new(&SHA256) };
    let (mut written, mut total, mut begun) = (0, 0, 0);
    while let Some(piece) = from.blocking_recv() {
        match piece {
            Piece::Begin(rows, installation) => {
                total = rows;
                lines.write(&Head {
                    cartkey_backup: FORMAT,
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    made_at: made_at.clone(),
                    database: database.clone(),
                    instance: installation.instance,
                    sealing: installation.sealing,
                    ring_keys: installation.ring_keys,
                    rows,
                    key_ring: key_ring.clone(),
                })?;
            }
            Piece::Rows(place, rows) => {
                // Tables without rows are listed too.
                for table in tables.iter().take(place + 1).skip(begun) {
                    lines.write(&TableLine::of(table))?;
                }
                begun = place + 1;
                for row in &rows {
                    lines.write(row)?;
                }
                written += rows.len() as u64;
                tell(written, total);
            }
            Piece::End(sums) => {
                for table in tables.iter().skip(begun) {
                    lines.write(&TableLine::of(table))?;
                }
                let sha256 = hex(lines.hash.clone().finish().as_ref());
                lines.write(&End { end: sums.clone(), sha256 })?;
                lines.out.flush()?;
                return Ok((sums, lines.out));
            }
        }
    }
    Err(FileFault::Incomplete)
}

/// A backup that is read.
pub struct Reader {
    from: Box<dyn BufRead + Send>,
    hash: Context,
    line: u64,
    text: Vec<u8>,
    /// Its first line.
    pub head: Head,
}

impl Reader {
    /// Reads the first line.
    ///
    /// Errors: [`FileFault::NotABackup`], [`FileFault::Newer`], [`FileFault::Incomplete`], [`FileFault::Io`].
    pub fn open(mut from: impl BufRead + Send + 'static) -> Result<Self, FileFault> {
        #[derive(Deserialize)]
        struct Any {
            cartkey_backup: u32,
            #[serde(default)]
            version: String,
        }
        let mut text = Vec::new();
        if !next_line(&mut from, &mut text)? {
            return Err(if text.is_empty() { FileFault::NotABackup } else { incomplete_or(&text) });
        }
        let any: Any = serde_json::from_slice(&text).map_err(|_| FileFault::NotABackup)?;
        if any.cartkey_backup > FORMAT {
            return Err(FileFault::Newer { version: any.version });
        }
        let head = serde_json::from_slice(&text).map_err(|_| FileFault::Damaged { line: 1 })?;
        let mut hash = Context::new(&SHA256);
        hash.update(&text);
        Ok(Self { from: Box::new(from), hash, line: 1, text, head })
    }

    fn next(&mut self) -> Result<(), FileFault> {
        self.line += 1;
        if next_line(&mut self.from, &mut self.text)? { Ok(()) } else { Err(FileFault::Incomplete) }
    }

    const fn damaged(&self) -> FileFault {
        FileFault::Damaged { line: self.line }
    }

    /// Sends everything `to` the writing side, and checks the file's counts and checksums. Blocks.
    pub(super) fn send(mut self, tables: &[Table], to: &mpsc::Sender<Piece>) -> Result<(), FileFault> {
        let installation = Installation { instance: String::new(), sealing: None, ring_keys: Vec::new() };
        let mut goes_on = to.blocking_send(Piece::Begin(self.head.rows, installation)).is_ok();
        let mut sums: Vec<Sum> = Vec::new();
        self.next()?;
        for (place, table) in tables.iter().enumerate() {
            let line: TableLine = serde_json::from_slice(&self.text).map_err(|_| self.damaged())?;
            if serde_json::to_value(&line).ok() != serde_json::to_value(TableLine::of(table)).ok() {
                return Err(FileFault::OtherTables { version: self.head.version });
            }
            self.hash.update(&self.text);
            let mut adding = Adding::new(table);
            let (mut batch, mut weight) = (Vec::new(), 0);
            loop {
                self.next()?;
                let is_row = self.text.first() == Some(&b'[');
                if is_row {
                    let row = parse(&self.text, table).ok_or_else(|| self.damaged())?;
                    self.hash.update(&self.text);
                    adding.add(&row);
                    weight += row.iter().map(Value::weight).sum::<usize>();
                    batch.push(row);
                }
                if (!is_row && !batch.is_empty()) || batch.len() >= ROWS_AT_ONCE || weight >= BYTES_AT_ONCE {
                    weight = 0;
                    // If the writing side has failed, it returns the error.
                    goes_on = goes_on && to.blocking_send(Piece::Rows(place, std::mem::take(&mut batch))).is_ok();
                    if !goes_on {
                        return Ok(());
                    }
                }
                if !is_row {
                    break;
                }
            }
            sums.push(adding.sum());
        }
        let end: End = serde_json::from_slice(&self.text)
            .map_err(|_| FileFault::OtherTables { version: self.head.version.clone() })?;
        if end.sha256 != hex(self.hash.clone().finish().as_ref()) || end.end != sums {
            return Err(self.damaged());
        }
        if !matches!(self.next(), Err(FileFault::Incomplete)) || !self.text.is_empty() {
            return Err(self.damaged());
        }
        let _ = to.blocking_send(Piece::End(sums));
        Ok(())
    }
}

/// The fault of a first line without an end: a truncated backup, or another file.
fn incomplete_or(text: &[u8]) -> FileFault {
    if text.starts_with(b"{\"cartkey_backup\":") { FileFault::Incomplete } else { FileFault::NotABackup }
}

/// Reads a whole line; false at the end of the file, or where a line has no end.
fn next_line(from: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<bool> {
    text.clear();
    from.take(LINE_AT_MOST).read_until(b'\n', text)?;
    Ok(text.ends_with(b"\n"))
}

fn parse(text: &[u8], table: &Table) -> Option<Row> {
    use serde_json::Value as Json;
    let values: Vec<Json> = serde_json::from_slice(text).ok()?;
    let value = |(value, kind): (Json, Kind)| {
        Some(match (kind, value) {
            (_, Json::Null) => Value::Nothing,
            (Kind::Text, Json::String(text)) => Value::Text(text),
            (Kind::Number, Json::Number(number)) => Value::Number(number.as_i64()?),
            (Kind::Flag, Json::Bool(flag)) => Value::Flag(flag),
            (Kind::Bytes, Json::String(text)) => Value::Bytes(STANDARD.decode(text).ok()?),
            _ => return None,
        })
    };
    let kinds = table.columns.iter().map(|column| column.kind);
    (values.len() == table.columns.len()).then(|| values.into_iter().zip(kinds).map(value).collect())?
}
