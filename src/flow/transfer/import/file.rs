//! The file of an import: comma-separated, one store per line, read line by line.
//!
//! Our values contain no line breaks, so an unclosed quote spoils only its own line, and a file of any length needs little memory.

use std::io::{self, BufRead, Read as _};

use crate::domain::scope::Scope;
use crate::domain::store_url::{Network, StoreUrl};
use crate::domain::typed_key::{self, NotAHalf};
use crate::domain::user_id::UserId;
use crate::flow::transfer::add_by_keys::NewKeys;

/// The longest line, in bytes.
const LINE_AT_MOST: u64 = 16 * 1024;

/// A column of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    UserId,
    StoreUrl,
    ConsumerKey,
    ConsumerSecret,
    Scope,
    /// An ignored column.
    Unknown,
}

impl Column {
    const NAMED: [(Self, &'static str); 5] = [
        (Self::UserId, "user_id"),
        (Self::StoreUrl, "store_url"),
        (Self::ConsumerKey, "consumer_key"),
        (Self::ConsumerSecret, "consumer_secret"),
        (Self::Scope, "scope"),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::StoreUrl => "store_url",
            Self::ConsumerKey => "consumer_key",
            Self::ConsumerSecret => "consumer_secret",
            Self::Scope => "scope",
            Self::Unknown => "",
        }
    }
}

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum NotAnImport {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// The file is empty.
    #[error(
        "the file is empty: its first line must name the columns user_id,store_url,consumer_key,consumer_secret,scope"
    )]
    Empty,
    /// The file is not UTF-8 text.
    #[error("the file is not UTF-8 text: save it as “CSV UTF-8”")]
    NotText,
    /// A required column is missing.
    #[error(
        "the first line must name the columns: {0} is missing (user_id,store_url,consumer_key,consumer_secret are required, scope is optional)"
    )]
    Missing(&'static str),
    /// A column is named twice.
    #[error("the first line names {0} twice: keep one")]
    Twice(&'static str),
}

/// A line of the file.
pub struct Line {
    /// Its number; the header is line 1.
    pub number: u64,
    /// The file offset of its end, in bytes.
    pub end: u64,
    /// The store it names, or all its faults, each with its fix. Faults never contain a value, which may be a key.
    pub row: Result<NewKeys, Vec<String>>,
}

/// An import file being read.
pub struct File<R> {
    input: R,
    columns: Vec<Column>,
    separator: u8,
    scope: Scope,
    network: Network,
    number: u64,
    end: u64,
    /// The names of ignored columns.
    pub unknown: Vec<String>,
}

impl<R: BufRead> File<R> {
    /// Reads the header. `scope` applies to rows without one; `network` states which addresses a store may have.
    pub fn open(input: R, scope: Scope, network: Network) -> Result<Self, NotAnImport> {
        let separator = b',';
        let (columns, unknown) = (Vec::new(), Vec::new());
        let mut file = Self { input, columns, separator, scope, network, number: 0, end: 0, unknown };
        let line = file.next_line()?.ok_or(NotAnImport::Empty)?;
        let line = line.map_err(|()| NotAnImport::NotText)?;
        let text = std::str::from_utf8(&line).map_err(|_| NotAnImport::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.contains('\0') {
            return Err(NotAnImport::NotText);
        }
        // Spreadsheets write semicolons where the decimal mark is a comma; others write tabs.
        let is_in = |mark: char| text.contains(mark);
        file.separator = match (is_in(','), is_in(';'), is_in('\t')) {
            (false, true, _) => b';',
            (false, false, true) => b'\t',
            _ => b',',
        };
        file.name_columns(text)?;
        Ok(file)
    }

    fn name_columns(&mut self, header: &str) -> Result<(), NotAnImport> {
        for name in self.fields(header.as_bytes()) {
            let name = String::from_utf8_lossy(&name).trim().to_lowercase();
            let known = Column::NAMED.iter().find(|(_, known)| *known == name).map(|(column, _)| *column);
            if let Some(column) = known.filter(|column| self.columns.contains(column)) {
                return Err(NotAnImport::Twice(column.name()));
            }
            if known.is_none() && !name.is_empty() {
                self.unknown.push(name.chars().filter(|c| !c.is_control()).take(40).collect());
            }
            self.columns.push(known.unwrap_or(Column::Unknown));
        }
        let needed = [Column::UserId, Column::StoreUrl, Column::ConsumerKey, Column::ConsumerSecret];
        match needed.into_iter().find(|column| !self.columns.contains(column)) {
            Some(missing) => Err(NotAnImport::Missing(missing.name())),
            None => Ok(()),
        }
    }

    /// The next non-empty line, without its line ending. The inner error is a line that is too long.
    fn next_line(&mut self) -> io::Result<Option<Result<Vec<u8>, ()>>> {
        loop {
            let mut line = Vec::new();
            let mut taken = self.input.by_ref().take(LINE_AT_MOST).read_until(b'\n', &mut line)? as u64;
            if taken == 0 {
                return Ok(None);
            }
            let is_long = taken == LINE_AT_MOST && line.last() != Some(&b'\n');
            if is_long {
                taken += skip_line(&mut self.input)?;
            }
            self.number += 1;
            self.end += taken;
            if is_long {
                return Ok(Some(Err(())));
            }
            while matches!(line.last(), Some(b'\n' | b'\r')) {
                line.pop();
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Ok(line)));
            }
        }
    }

    /// The fields of a line.
    fn fields(&self, line: &[u8]) -> Vec<Vec<u8>> {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.separator).buffer_capacity(line.len().max(64));
        let mut record = csv::ByteRecord::new();
        // Reading from memory cannot fail, and any bytes form a record.
        let _ = builder.from_reader(line).read_byte_record(&mut record);
        record.iter().map(<[u8]>::to_vec).collect()
    }

    fn row(&self, line: &[u8]) -> Result<NewKeys, Vec<String>> {
        let fields = self.fields(line);
        if fields.len() != self.columns.len() {
            let (has, wanted) = (fields.len(), self.columns.len());
            return Err(vec![format!(
                "it has {has} fields, but the first line names {wanted} columns: look for a missing separator, or a quote that is not closed"
            )]);
        }
        let value = |wanted: Column| {
            let at = self.columns.iter().position(|column| *column == wanted)?;
            Some(std::str::from_utf8(&fields[at]).map(str::trim).map_err(|_| ()))
        };
        self.wish(|column| match value(column) {
            None => Ok(""),
            Some(text) => {
                text.map_err(|()| format!("{}: it is not UTF-8 text: save the file as “CSV UTF-8”", column.name()))
            }
        })
    }

    fn wish<'a>(&self, value: impl Fn(Column) -> Result<&'a str, String>) -> Result<NewKeys, Vec<String>> {
        let mut faults = Vec::new();
        let mut read = |column| value(column).map_err(|fault| faults.push(fault)).ok();
        let texts = [Column::UserId, Column::StoreUrl, Column::ConsumerKey, Column::ConsumerSecret, Column::Scope];
        let [user_id, store_url, key, secret, scope] = texts.map(&mut read);
        let (Some(user_id), Some(store_url), Some(key), Some(secret), Some(scope)) =
            (user_id, store_url, key, secret, scope)
        else {
            return Err(faults);
        };
        let user_id = UserId::of_a_file(user_id);
        if user_id.is_none() {
            faults.push("user_id: it must be 1 to 128 visible ASCII characters, without spaces".to_owned());
        }
        let typed =
            StoreUrl::parse(store_url, self.network).map_err(|fault| faults.push(format!("store_url: {fault}"))).ok();
        let pair = typed_key::read(key, secret).map_err(|both| faults.extend(both.into_iter().map(say))).ok();
        let scope = read_scope(scope, self.scope);
        if scope.is_none() {
            faults.push("scope: it must be read, write or read_write, or nothing".to_owned());
        }
        match (user_id, typed, pair, scope) {
            (Some(user_id), Some(typed), Some(pair), Some(scope)) => Ok(NewKeys { user_id, typed, pair, scope }),
            _ => Err(faults),
        }
    }
}

impl<R: BufRead> Iterator for File<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        let line = match self.next_line() {
            Ok(line) => line?,
            Err(error) => return Some(Err(error)),
        };
        let too_long = |()| vec![format!("it is longer than {LINE_AT_MOST} bytes")];
        let row = line.map_err(too_long).and_then(|line| self.row(&line));
        Some(Ok(Line { number: self.number, end: self.end, row }))
    }
}

/// Skips the rest of a line; returns the number of bytes skipped.
fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let used = end.unwrap_or(buffer.len());
        input.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

fn say(fault: NotAHalf) -> String {
    format!("{}: {fault}", fault.half().name())
}

/// Parses a scope in our spelling or in that of WooCommerce's pages (“Read/Write”).
fn read_scope(text: &str, usual: Scope) -> Option<Scope> {
    match text.to_lowercase().replace(['/', ' ', '-'], "_").as_str() {
        "" => Some(usual),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ck_0123456789abcdef0123456789abcdef01234567";
    const SECRET: &str = "cs_0123456789abcdef0123456789abcdef01234567";

    /// The result of each line: the merchant, store and scope, or the faults.
    fn lines(text: &[u8]) -> Vec<(u64, String)> {
        let file = File::open(text, Scope::Read, Network::Public).unwrap();
        let say = |line: Line| match line.row {
            Ok(wish) => (line.number, format!("{} {} {}", wish.user_id, wish.typed, wish.scope)),
            Err(faults) => (line.number, faults.join("; ")),
        };
        file.map(|line| say(line.unwrap())).collect()
    }

    fn refused(text: &[u8]) -> String {
        File::open(text, Scope::Read, Network::Public).err().map(|fault| fault.to_string()).unwrap_or_default()
    }

    #[test]
    fn files_as_programs_and_spreadsheets_write_them_are_read() {
        let fine = [(2, "m1 https://a.example read_write".to_owned()), (3, "m2 https://b.example read".to_owned())];
        for (separator, end, quote) in [(",", "\n", ""), (";", "\r\n", "\""), ("\t", "\r\n", ""), (",", "\r\n", "\"")] {
            let line = |fields: [&str; 5]| fields.map(|field| format!("{quote}{field}{quote}")).join(separator) + end;
            let text = [
                line(["Scope", "consumer_secret", " store_url ", "user_id", "consumer_key"]),
                line(["Read/Write", SECRET, "A.example/wp-admin/", "m1", KEY]),
                line(["", SECRET, "http://b.example/", " m2 ", KEY]),
            ];
            for bom in ["", "\u{feff}"] {
                assert_eq!(lines(format!("{bom}{}", text.concat()).as_bytes()), fine, "{separator:?} {end:?}");
            }
        }
        let bare = format!("user_id,store_url,consumer_key,consumer_secret\n\n\nm,a.example,{KEY},{SECRET}");
        assert_eq!(lines(bare.as_bytes()), [(4, "m https://a.example read".to_owned())], "no scope, no last line end");
        let more =
            format!("note,user_id,store_url,consumer_key,consumer_secret\n\"a, b\",m,a.example,{KEY},{SECRET}\n");
        assert_eq!(lines(more.as_bytes()).len(), 1);
        assert_eq!(File::open(more.as_bytes(), Scope::Read, Network::Public).unwrap().unknown, ["note"]);
    }

    #[test]
    fn a_bad_line_is_named_with_every_fault_and_spoils_no_other() {
        let header = "user_id,store_url,consumer_key,consumer_secret,scope\n";
        let good = format!("m,a.example,{KEY},{SECRET},read\n");
        let cases: [(Vec<u8>, &str); 9] = [
            (format!("a b,a.example,{KEY},{SECRET},\n").into(), "user_id: it must be"),
            (format!("m,,{KEY},{SECRET},\n").into(), "store_url: Type the address"),
            (format!("m,a.example,{SECRET},{KEY},\n").into(), "consumer_key: That is the consumer secret"),
            (format!("m,a.example,{KEY},,\n").into(), "consumer_secret: Copy the consumer secret"),
            (format!("m,a.example,{KEY},{SECRET},admin\n").into(), "scope: it must be read"),
            (format!("m,a.example,{KEY}\n").into(), "it has 3 fields, but the first line names 5 columns"),
            (format!("m,a.example,{KEY},\"{SECRET},read\n").into(), "a quote that is not closed"),
            (
                [b"\xff\xfe,a.example,".as_slice(), KEY.as_bytes(), b",", SECRET.as_bytes(), b",\n"].concat(),
                "not UTF-8",
            ),
            ([vec![b'x'; 40_000], b"\n".to_vec()].concat(), "longer than 16384 bytes"),
        ];
        for (bad, says) in cases {
            let text = [header.as_bytes(), good.as_bytes(), &bad, good.as_bytes()].concat();
            let found = lines(&text);
            let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [2, 3, 4], "{says}");
            assert!(found[1].1.contains(says), "{says}: {}", found[1].1);
            assert!(!found[1].1.contains("abcdef"), "a fault repeats nothing");
            assert!(found[2].1.starts_with("m https://a.example"), "{says}");
        }
        let all = format!("{header},,,,x\n");
        assert_eq!(lines(all.as_bytes())[0].1.matches(": ").count(), 5, "every fault at once");
    }

    #[test]
    fn a_file_without_its_columns_is_refused_with_the_one_that_is_missing() {
        assert!(refused(b"").contains("is empty"));
        assert!(refused(b"m,a.example\n").contains("user_id is missing"));
        assert!(refused(b"user_id,store_url,consumer_key\n").contains("consumer_secret is missing"));
        assert!(refused(b"user_id,user_id,consumer_key\n").contains("user_id twice"));
        let utf16: Vec<u8> = "\u{feff}user_id,store_url\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(refused(&utf16).contains("not UTF-8 text"));
    }
}
