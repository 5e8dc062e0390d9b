//! The cells of a row, quoted as spreadsheets quote them (RFC 4180), and the characters that count as blank.

use crate::domain::invisible::is_invisible;

/// Where the next character falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// Behind a quote that either ends the quoted text or is the first of two that stand for one.
    AfterQuote,
}

/// A row divided into its cells.
pub(super) struct Cells {
    pub(super) separator: u8,
    /// The content of each cell, without the quotes around it. There is always one.
    pub(super) all: Vec<Vec<u8>>,
    /// Whether a closing quote is followed by text, which no spreadsheet writes.
    pub(super) is_malformed: bool,
    place: Place,
}

impl Cells {
    pub(super) fn of(line: &[u8], separator: u8) -> Self {
        let mut cells = Self { separator, all: vec![Vec::new()], is_malformed: false, place: Place::Start };
        cells.add_all(line);
        cells
    }

    /// Continues with the next line of the same row.
    pub(super) fn continue_with(&mut self, line: &[u8]) {
        self.add(b'\n');
        self.add_all(line);
    }

    /// Whether a quote is open at the end.
    pub(super) fn is_open(&self) -> bool {
        self.place == Place::Quoted
    }

    pub(super) fn are_blank(&self) -> bool {
        self.all.iter().all(|cell| is_blank_cell(cell))
    }

    fn add_all(&mut self, line: &[u8]) {
        for byte in line {
            self.add(*byte);
        }
    }

    fn add(&mut self, byte: u8) {
        self.place = match (self.place, byte) {
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::Start, b'"') => Place::Quoted,
            (Place::Quoted, _) | (Place::AfterQuote, b'"') => {
                self.push(byte);
                Place::Quoted
            }
            (_, byte) if byte == self.separator => {
                self.all.push(Vec::new());
                Place::Start
            }
            // Spaces around quotes do not count.
            (Place::Start, b' ') => Place::Start,
            (place, byte) => {
                self.is_malformed |= place == Place::AfterQuote && byte != b' ';
                self.push(byte);
                Place::Plain
            }
        };
    }

    fn push(&mut self, byte: u8) {
        if let Some(cell) = self.all.last_mut() {
            cell.push(byte);
        }
    }
}

/// The text of a cell without blanks around it; `None` if it is not UTF-8.
pub(super) fn text(cell: &[u8]) -> Option<&str> {
    std::str::from_utf8(cell).ok().map(|text| text.trim_matches(is_blank))
}

/// Whether a cell contains nothing that people can see.
pub(super) fn is_blank_cell(cell: &[u8]) -> bool {
    text(cell).is_some_and(str::is_empty)
}

/// Whether a character is white space or invisible: copying from web pages leaves both around values.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<String> {
        Cells::of(line.as_bytes(), b',').all.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect()
    }

    #[test]
    fn quotes_are_read_as_spreadsheets_write_them() {
        let cases: [(&str, &[&str]); 7] = [
            ("", &[""]),
            ("a,b", &["a", "b"]),
            (",", &["", ""]),
            ("\"a,b\",\"c \"\"d\"\"\"", &["a,b", "c \"d\""]),
            ("\"\",\"\"\"\"", &["", "\""]),
            ("a \"b\",5\" x", &["a \"b\"", "5\" x"]),
            ("\"a\", \"b,c\" ,d", &["a", "b,c ", "d"]),
        ];
        for (line, wanted) in cases {
            assert_eq!(cells(line), wanted, "{line}");
        }
    }

    #[test]
    fn an_open_quote_and_text_behind_a_quote_are_noticed() {
        let of = |line: &str| {
            let cells = Cells::of(line.as_bytes(), b',');
            (cells.is_open(), cells.is_malformed)
        };
        assert_eq!(of("a,\"b"), (true, false));
        assert_eq!(of("a,\"b\"\""), (true, false));
        assert_eq!(of("a,\"b\"c"), (false, true));
        assert_eq!(of("\"a\" ,\"b\""), (false, false));
        let mut cells = Cells::of(b"a,\"b", b',');
        cells.continue_with(b"c\",d");
        assert_eq!((cells.all.len(), cells.all[1].as_slice(), cells.is_open()), (3, &b"b\nc"[..], false));
    }
}
