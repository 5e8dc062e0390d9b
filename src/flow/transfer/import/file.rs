//! The file of an import: one store per row, as programs and spreadsheets write it, read row by row.
//!
//! No value of ours contains a line break, so a forgotten quote spoils only its own line, and a file of any length needs little
//! memory. Every line is accounted for: it is the heading, part of a row that is returned, or empty and counted.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::cells::{self, Cells, is_blank, is_blank_cell};
use super::columns::{self, Column, Heading};
use super::lines::{LINE_AT_MOST, Lines, PhysicalLine};
use crate::domain::invisible::is_invisible;
use crate::domain::typed_key::{self};
use crate::domain::{Granted, Network, NotAHalf, Scope, StoreUrl, UserId};
use crate::flow::transfer::add_by_keys::NewKeys;

pub use super::columns::NotAnImport;

/// The most lines that the names of the columns may span.
const HEADING_LINES: usize = 16;

/// What programs write in place of a value that is missing, in lower case.
const MISSING: [&str; 8] = ["null", "(null)", "none", "nan", "n/a", "undefined", "\\n", "(blank)"];

/// What a spreadsheet writes in place of a value that it could not compute.
const SPREADSHEET_ERRORS: [&str; 7] = ["#NAME?", "#VALUE!", "#REF!", "#N/A", "#NUM!", "#DIV/0!", "#NULL!"];

pub struct Line {
    /// The number of its first line, as an editor shows it.
    pub number: u64,
    /// The file offset of its end, in bytes.
    pub end: u64,
    /// The store it names, or all its faults, each with its fix. Faults never contain a value, which may be a key.
    pub row: Result<NewKeys, Vec<String>>,
}

/// What was read of a file so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that were returned.
    pub rows: u64,
    /// Empty rows, which are skipped.
    pub empty: u64,
    /// The lines of the heading, of those rows, and the empty ones.
    pub lines: u64,
    /// The same lines, counted by the line ends alone.
    pub line_ends: u64,
}

/// An import file being read.
pub struct File<R> {
    lines: Lines<R>,
    /// Lines read in search of the end of a quote.
    ahead: VecDeque<PhysicalLine>,
    separator: u8,
    columns: Vec<Column>,
    scope: Scope,
    network: Network,
    counts: Counts,
    /// The names of ignored columns.
    pub unknown: Vec<String>,
}

impl<R: BufRead> File<R> {
    /// Reads the heading. `scope` applies to rows without one; `network` states which addresses a store may have.
    pub fn open(input: R, scope: Scope, network: Network) -> Result<Self, NotAnImport> {
        let mut lines = Lines::open(input)?.ok_or(NotAnImport::NotText)?;
        let mut counts = Counts::default();
        let heading = read_heading(&mut lines, &mut counts)?;
        let Heading { separator, columns, unknown } = Heading::of(&heading)?;
        Ok(Self { lines, ahead: VecDeque::new(), separator, columns, scope, network, counts, unknown })
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        Counts { line_ends: self.lines.counted() - self.ahead.len() as u64, ..self.counts }
    }

    /// The next row that is not empty.
    fn next_row(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(PhysicalLine { number, mut end, text }) = self.next_line()? else { return Ok(None) };
            self.counts.lines += 1;
            let Some(text) = text else {
                self.counts.rows += 1;
                let row = Err(vec![format!("the row is longer than {LINE_AT_MOST} bytes")]);
                return Ok(Some(Line { number, end, row }));
            };
            let mut cells = Cells::of(&text, self.separator);
            // A spreadsheet that had each row in one cell writes it within quotes.
            if let [row] = &cells.all[..]
                && self.columns.len() > 1
                && !cells.is_open()
            {
                cells = Cells::of(&row.clone(), self.separator);
            }
            if cells.is_open()
                && let Some((whole, its_end)) = self.continued(&text)?
            {
                (cells, end) = (whole, its_end);
            }
            if cells.are_blank() && !cells.is_open() {
                self.counts.empty += 1;
                continue;
            }
            self.counts.rows += 1;
            return Ok(Some(Line { number, end, row: self.row(&cells) }));
        }
    }

    fn next_line(&mut self) -> io::Result<Option<PhysicalLine>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.line(),
        }
    }

    /// The whole row of a line that ends within quotes, and its end. `None` if nothing closes the quote properly, or if one of our
    /// values would contain a line break: then somebody forgot a quote, and the lines below are rows of their own.
    fn continued(&mut self, text: &[u8]) -> io::Result<Option<(Cells, u64)>> {
        let mut cells = Cells::of(text, self.separator);
        let mut length = text.len();
        let mut taken = 0;
        while cells.is_open() && !cells.is_malformed {
            if taken == self.ahead.len() {
                let Some(line) = self.lines.line()? else { return Ok(None) };
                self.ahead.push_back(line);
            }
            let Some(more) = &self.ahead[taken].text else { return Ok(None) };
            length += more.len() + 1;
            if length > LINE_AT_MOST {
                return Ok(None);
            }
            cells.continue_with(more);
            taken += 1;
        }
        if cells.is_malformed || self.wrong_width(&cells).is_some() || self.breaks_a_value(&cells) {
            return Ok(None);
        }
        let end = self.ahead.drain(..taken).next_back().map_or(0, |line| line.end);
        self.counts.lines += taken as u64;
        Ok(Some((cells, end)))
    }

    /// Whether one of our values contains a line break, or an ignored one whole rows.
    fn breaks_a_value(&self, cells: &Cells) -> bool {
        self.columns.iter().zip(&cells.all).any(|(column, cell)| {
            let text = String::from_utf8_lossy(cell);
            let text = text.trim_matches(is_blank);
            text.contains('\n') && (*column != Column::Unknown || text.contains("ck_"))
        })
    }

    /// The fault of a row with too few or too many cells. Spreadsheets leave out empty cells at the end of a row, or add some.
    fn wrong_width(&self, cells: &Cells) -> Option<String> {
        let (has, wanted) = (cells.all.len(), self.columns.len());
        let fields = if has == 1 { "field" } else { "fields" };
        let says = format!("it has {has} {fields}, but the first line names {wanted} columns");
        let missing = self.columns.iter().skip(has).filter(|column| column.is_required());
        let missing: Vec<&str> = missing.map(|column| column.name()).collect();
        if !missing.is_empty() {
            let are = if missing.len() == 1 { "is" } else { "are" };
            return Some(format!(
                "{says}, so {} {are} missing: look for a missing separator, or a quote that is not closed",
                missing.join(", ")
            ));
        }
        let is_long = cells.all.iter().skip(wanted).any(|cell| !is_blank_cell(cell));
        is_long.then(|| format!("{says}: look for a separator inside a value that is not in quotes"))
    }

    fn row(&self, cells: &Cells) -> Result<NewKeys, Vec<String>> {
        if let Some(fault) = self.wrong_width(cells) {
            return Err(vec![fault]);
        }
        if cells.is_open() {
            return Err(vec!["it has a quote that is not closed".to_owned()]);
        }
        self.new_keys(|column| self.value(cells, column))
    }

    /// The value of a column, empty if the row or the file lacks it.
    fn value<'a>(&self, cells: &'a Cells, wanted: Column) -> Result<&'a str, String> {
        let at = self.columns.iter().position(|column| *column == wanted);
        let Some(cell) = at.and_then(|at| cells.all.get(at)) else { return Ok("") };
        let name = wanted.name();
        let Some(text) = cells::text(cell) else {
            return Err(format!("{name}: it is not UTF-8 text: save the file as “CSV UTF-8”"));
        };
        match text.chars().find(|c| is_invisible(*c)) {
            Some(c) => {
                Err(format!("{name}: it contains an invisible character (U+{:04X}): type it again", u32::from(c)))
            }
            None => Ok(text),
        }
    }

    fn new_keys<'a>(&self, value: impl Fn(Column) -> Result<&'a str, String>) -> Result<NewKeys, Vec<String>> {
        let mut faults = Vec::new();
        let mut read = |column| value(column).map_err(|fault| faults.push(fault)).ok();
        let texts = [Column::UserId, Column::StoreUrl, Column::ConsumerKey, Column::ConsumerSecret, Column::Scope];
        let [user_id, store_url, key, secret, scope] = texts.map(&mut read);
        let (Some(user_id), Some(store_url), Some(key), Some(secret), Some(scope)) =
            (user_id, store_url, key, secret, scope)
        else {
            return Err(faults);
        };
        let user_id = read_user_id(user_id).map_err(|fault| faults.push(format!("user_id: {fault}"))).ok();
        let typed =
            StoreUrl::typed(store_url, self.network).map_err(|fault| faults.push(format!("store_url: {fault}"))).ok();
        // As an export writes it: user name and application password stand in the places of key and secret.
        let is_password = scope == Granted::Owner.as_str();
        let pair = if is_password {
            let pair = typed_key::read_password(key, secret);
            if pair.is_none() {
                faults.push(
                    "consumer_key, consumer_secret: they are not a user name and an application password".to_owned(),
                );
            }
            pair
        } else {
            typed_key::read(key, secret).map_err(|both| faults.extend(both.into_iter().map(say))).ok()
        };
        let scope = if is_password { Some(Scope::ReadWrite) } else { read_scope(scope, self.scope) };
        if scope.is_none() {
            faults.push("scope: it must be read, write, read_write, owner or empty".to_owned());
        }
        match (user_id, typed, pair, scope) {
            (Some(user_id), Some(typed), Some(pair), Some(scope)) => {
                Ok(NewKeys { user_id, typed, pair, scope, is_password })
            }
            _ => Err(faults),
        }
    }
}

impl<R: BufRead> Iterator for File<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        self.next_row().transpose()
    }
}

/// The cells of the first line that names something, below a line `sep=;` if there is one.
fn read_heading<R: BufRead>(lines: &mut Lines<R>, counts: &mut Counts) -> Result<Cells, NotAnImport> {
    let mut stated = None;
    let mut text = loop {
        let text = heading_line(lines, counts)?.ok_or(NotAnImport::Empty)?;
        if columns::is_blank_line(&text) {
            counts.empty += 1;
            continue;
        }
        if stated.is_none() {
            stated = columns::stated_separator(&text);
            if stated.is_some() {
                continue;
            }
        }
        break text;
    };
    // A name may contain a line break.
    for _ in 0..HEADING_LINES {
        let cells = columns::divide(&text, stated);
        if !cells.is_open() {
            return Ok(cells);
        }
        let more = heading_line(lines, counts)?.ok_or(NotAnImport::OpenQuote)?;
        text.push('\n');
        text.push_str(&more);
    }
    Err(NotAnImport::OpenQuote)
}

fn heading_line<R: BufRead>(lines: &mut Lines<R>, counts: &mut Counts) -> Result<Option<String>, NotAnImport> {
    let Some(line) = lines.line()? else { return Ok(None) };
    counts.lines += 1;
    let text = line.text.and_then(|text| String::from_utf8(text).ok()).filter(|text| !text.contains('\0'));
    text.map(Some).ok_or(NotAnImport::NotText)
}

fn say(fault: NotAHalf) -> String {
    format!("{}: {fault}", fault.half().name())
}

/// Parses a `user_id`; rejects what a spreadsheet made of another one.
fn read_user_id(text: &str) -> Result<UserId, &'static str> {
    if is_rounded(text) {
        return Err(
            "a spreadsheet shortened this number, as in 1.23457E+11, and its other digits are lost: format the column as text, enter the number again, and export the file again",
        );
    }
    let is_too_narrow = text.len() > 1 && text.bytes().all(|byte| byte == b'#');
    if is_too_narrow || SPREADSHEET_ERRORS.contains(&text) {
        return Err(
            "a spreadsheet wrote an error in place of the value: format the column as text and wide enough, check the value, and export the file again",
        );
    }
    if MISSING.contains(&text.to_ascii_lowercase().as_str()) {
        return Err(
            "a program wrote this word in place of a missing value: give the merchant's ID, and export the file again",
        );
    }
    if text.strip_suffix(".0").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
        return Err("a program added “.0” to this number: format the column as text, and export the file again");
    }
    UserId::of_a_file(text).ok_or("it must be 1 to 128 visible ASCII characters, without spaces")
}

/// Whether a text is a number as spreadsheets and programs shorten long ones: `1.23457E+11`, with a comma in many languages, or
/// `1.23457E11`.
fn is_rounded(text: &str) -> bool {
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((number, exponent)) = text.trim_start_matches(['-', '+']).split_once(['E', 'e']) else { return false };
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
    // Without a fraction, only the sign tells it from an ID of letters and digits.
    let exponent = match exponent.strip_prefix('+') {
        Some(exponent) => exponent,
        None if fraction.is_empty() => return false,
        None => exponent.trim_start_matches('-'),
    };
    !whole.is_empty() && are_digits(whole) && are_digits(fraction) && !exponent.is_empty() && are_digits(exponent)
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
    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "user_id,store_url,consumer_key,consumer_secret";
    const KEY: &str = "ck_0123456789abcdef0123456789abcdef01234567";
    const SECRET: &str = "cs_0123456789abcdef0123456789abcdef01234567";

    /// The result of each line: the merchant, store and scope, or the faults.
    fn lines(text: &[u8]) -> Vec<(u64, String)> {
        let file = File::open(text, Scope::Read, Network::Public).unwrap();
        let say = |line: Line| match line.row {
            Ok(keys) => (line.number, format!("{} {} {}", keys.user_id, keys.typed, keys.scope)),
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
            (format!("m,a.example,{KEY},,\n").into(), "consumer_secret: Paste the consumer secret"),
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
        assert!(refused(b"\n\r\n,,\nsep=;\n").contains("is empty"));
        assert!(refused(b"m,a.example\n").contains("user_id is missing"));
        assert!(refused(b"user_id,store_url,consumer_key\n").contains("consumer_secret is missing"));
        assert!(refused(b"user_id,user_id,consumer_key\n").contains("user_id twice"));
        assert!(refused(b"user_id,store_url,consumer_key,consumer_secret,\"scope\nm,,,,\n").contains("not closed"));
        let swallowed = format!("{HEADER},\"note\nm,a.example,{KEY},{SECRET},x\"\n");
        assert!(refused(swallowed.as_bytes()).contains("a line break in the name"));
        let utf16: Vec<u8> = "\u{feff}user_id,store_url\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(refused(&utf16).contains("consumer_key is missing; found user_id, store_url ("));
        let utf32: Vec<u8> = "\u{feff}user_id\n".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert!(refused(&utf32).contains("not UTF-8 text"));
        assert!(refused(b"user_id,store_url,consumer_key,consumer_secret,\xff\n").contains("not UTF-8 text"));
        assert!(refused(b"PK\x03\x04user_id\0\0\0").contains("not UTF-8 text"), "a workbook");
    }

    /// A file of two rows in lines 2 and 3, or wherever `numbers` says.
    fn two_rows(text: &[u8], numbers: [u64; 2]) {
        let fine = |n: usize, says: &str| (numbers[n], says.to_owned());
        let wanted = [fine(0, "m1 https://a.example read"), fine(1, "m2 https://b.example read")];
        assert_eq!(lines(text), wanted, "{}", String::from_utf8_lossy(text));
    }

    #[test]
    fn every_kind_of_line_end_and_encoding_is_read() {
        let text = format!("{HEADER}\nm1,a.example,{KEY},{SECRET}\nm2,b.example,{KEY},{SECRET}\n");
        for end in ["\n", "\r", "\r\n"] {
            for separator in [",", ";", "\t", "|"] {
                for mark in ["", "\u{feff}"] {
                    let text = format!("{mark}{}", text.replace(',', separator).replace('\n', end));
                    two_rows(text.as_bytes(), [2, 3]);
                    two_rows(text.trim_end().as_bytes(), [2, 3]);
                    two_rows(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(), [2, 3]);
                    two_rows(&text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>(), [2, 3]);
                }
            }
        }
        let mixed = format!("{HEADER}\rm1,a.example,{KEY},{SECRET}\r\n\n\rm2,b.example,{KEY},{SECRET}\r");
        two_rows(mixed.as_bytes(), [2, 5]);
    }

    #[test]
    fn what_spreadsheets_add_around_rows_and_values_is_read() {
        let sep = format!("sep=;\r\n{HEADER}\r\nm1,a.example,{KEY},{SECRET}\r\nm2,b.example,{KEY},{SECRET}\r\n");
        for mark in ["", "\u{feff}"] {
            two_rows(format!("{mark}{}", sep.replace(',', ";")).as_bytes(), [3, 4]);
            two_rows(format!("{mark}{sep}").as_bytes(), [3, 4]);
        }
        let long = format!("{HEADER}\nm1,a.example,{KEY},{SECRET},,,\nm2,b.example,{KEY},{SECRET}, ,\u{a0}\n");
        two_rows(long.as_bytes(), [2, 3]);
        let short = format!("{HEADER},scope,note\nm1,a.example,{KEY},{SECRET}\nm2,b.example,{KEY},{SECRET},read\n");
        two_rows(short.as_bytes(), [2, 3]);
        let blanks = format!(
            "{HEADER}\n\u{a0}m1\u{200b},\u{feff}a.example\u{200e},\u{a0}{KEY}\u{a0},\u{2060}{SECRET}\t\n,,,\n\n \u{200b},\n\
             \"m2\", \"b.example\" ,\"{KEY}\r\n\",\"{SECRET}\"\n"
        );
        two_rows(blanks.as_bytes(), [2, 6]);
        let order = format!(
            "\n;;;\nConsumer-Secret;Note;USER ID;\"Consumer key\";Store URL;;\n\
             {SECRET};\"two\r\nlines; \"\"quoted\"\"\";m1;{KEY};a.example;;\n{SECRET};;m2;{KEY};b.example\n"
        );
        two_rows(order.as_bytes(), [4, 6]);
        let one_cell = format!("\"{HEADER}\"\n\"m1,a.example,{KEY},{SECRET}\"\nm2,b.example,{KEY},{SECRET}\n");
        two_rows(one_cell.as_bytes(), [2, 3]);
    }

    #[test]
    fn what_a_spreadsheet_made_of_a_user_id_is_refused_with_the_reason() {
        for (id, says) in [
            ("1.23457E+11", Some("shortened this number")),
            ("\"1.23457E+11\"", Some("shortened this number")),
            ("\"1,23E+11\"", Some("shortened this number")),
            ("1E+15", Some("shortened this number")),
            ("-1.5e+08", Some("shortened this number")),
            ("1.E+011", Some("shortened this number")),
            ("######", Some("wrote an error")),
            ("#NAME?", Some("wrote an error")),
            ("#N/A", Some("wrote an error")),
            ("\"123456789012345\"", None),
            ("1.23457E11", Some("shortened this number")),
            ("1.5E-05", Some("shortened this number")),
            ("123.0", Some("added “.0”")),
            ("NULL", Some("missing value")),
            ("NaN", Some("missing value")),
            ("1E11", None),
            ("1.0.0", None),
            ("user+1e+x", None),
            ("E+11", None),
            ("a1E+11", None),
            ("#", None),
            ("#42", None),
        ] {
            let found = lines(format!("{HEADER}\n{id},a.example,{KEY},{SECRET}\n").as_bytes());
            let wanted = says.map_or_else(|| format!("{} https", id.trim_matches('"')), str::to_owned);
            assert!(found.len() == 1 && found[0].1.contains(&wanted), "{id}: {found:?}");
        }
    }

    #[test]
    fn short_and_long_rows_and_invisible_characters_are_named() {
        for (row, says) in [
            (
                "m",
                "it has 1 field, but the first line names 5 columns, so store_url, consumer_key, consumer_secret are",
            ),
            ("m,a.example,{KEY}", "so consumer_secret is missing"),
            (
                "m,a.example,{KEY},{SECRET},read,,x",
                "it has 7 fields, but the first line names 5 columns: look for a separator",
            ),
            ("m,a.example,{KEY},{SECRET},\"read", "a quote that is not closed"),
            ("\"", "it has 1 field"),
            ("m\u{200b}1,a.example,{KEY},{SECRET},", "user_id: it contains an invisible character (U+200B)"),
            ("m,a.ex\u{ad}ample,{KEY},{SECRET},", "store_url: it contains an invisible character (U+00AD)"),
            ("m,a.example,ck_0123\u{a0}4567,{SECRET},", "consumer_key: That is not a complete"),
        ] {
            let row = row.replace("{KEY}", KEY).replace("{SECRET}", SECRET);
            let good = format!("m9,b.example,{KEY},{SECRET},read\n");
            let found = lines(format!("{HEADER},scope\n{row}\n{good}").as_bytes());
            assert!(found[0].0 == 2 && found[0].1.contains(says), "{row}: {found:?}");
            assert!(found.len() == 2 && found[1].1.starts_with("m9 https://b.example"), "{row}: {found:?}");
        }
    }

    #[test]
    fn a_forgotten_quote_spoils_its_own_line_whatever_follows() {
        let head = format!("{HEADER},note\n");
        let good = |n: u64| format!("m{n},b.example,{KEY},{SECRET},\"a \"\"b\"\"\"\n");
        for bad in [
            format!("m,a.example,{KEY},\"{SECRET},x\n"),
            format!("m,a.example,{KEY},{SECRET},\"x\n"),
            format!("\"m,a.example,{KEY},{SECRET},x\n"),
            format!("m,a.example,\"{KEY},{SECRET},x\n"),
        ] {
            let text = format!("{head}{bad}{}{bad}{bad}{}", good(1), good(2));
            let found = lines(text.as_bytes());
            let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [2, 3, 4, 5, 6], "{bad}");
            for (at, is_good) in [false, true, false, false, true].into_iter().enumerate() {
                assert_eq!(found[at].1.contains("https://b.example"), is_good, "{bad}: {found:?}");
            }
        }
        // Both halves of a row that is cut in a value are named.
        let cut = format!("{head}m,a.example,{KEY},\"{}\n{}\",x\n{}", &SECRET[..9], &SECRET[9..], good(1));
        let numbers: Vec<u64> = lines(cut.as_bytes()).iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [2, 3, 4]);
        // A note that would contain a row is none.
        let notes = format!("{head}m,a.example,{KEY},{SECRET},\"x\nm,b.example,{KEY},{SECRET},24\"\n");
        let found = lines(notes.as_bytes());
        assert!(found.len() == 2 && found[0].1.contains("not closed") && found[1].1.contains("b.example"), "{found:?}");
    }

    proptest! {
        #[test]
        fn every_line_is_accounted_for_whatever_the_file(pieces in collection::vec(0..PIECES.len(), 0..60), wide in any::<bool>()) {
            let body: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
            let text = format!("{HEADER}\n{body}");
            let bytes: Vec<u8> =
                if wide { text.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { text.into_bytes() };
            let mut file = File::open(bytes.as_slice(), Scope::Read, Network::Public).unwrap();
            let (mut rows, mut last) = (0, 1);
            while let Some(line) = file.next() {
                let line = line.unwrap();
                prop_assert!(line.number > last && line.end <= bytes.len() as u64);
                (rows, last) = (rows + 1, line.number);
                let counts = file.counts();
                prop_assert!(counts.rows == rows && counts.lines == counts.line_ends, "{counts:?}");
            }
            let physical = body.replace("\r\n", "\n").replace('\r', "\n");
            let counts = file.counts();
            prop_assert_eq!(counts.lines, 1 + physical.lines().count() as u64);
            prop_assert_eq!(counts.lines, counts.line_ends);
            // A row of several lines has quotes; without any, each line is a row or empty.
            if !body.contains('"') {
                prop_assert_eq!(counts.rows + counts.empty + 1, counts.lines);
            }
        }
    }

    const PIECES: [&str; 12] =
        ["\n", "\r", "\r\n", "\"", "\"\"", ",", ",,,", "m", " ", "\u{a0}", "\u{200b}", "\u{20ac}"];
}
