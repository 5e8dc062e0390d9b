//! The physical lines of an import file: UTF-8 or UTF-16 text, each line ended by CR, LF or CRLF, read one at a time.

use std::io::{self, BufRead, Chain, Cursor, Read as _};

/// The longest line, in bytes (in UTF-16, in code units).
pub(super) const LINE_AT_MOST: usize = 16 * 1024;

const CR: u16 = 0x0d;
const LF: u16 = 0x0a;

/// How the file stores its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// The encoding that the first four bytes of a file suggest, and the length of its byte order mark. `None` is UTF-32.
    const fn of(head: &[u8]) -> Option<(Self, usize)> {
        match head {
            [0xff, 0xfe, 0, 0] | [_, 0, 0, 0] | [0, 0, ..] => None,
            [0xef, 0xbb, 0xbf, ..] => Some((Self::Utf8, 3)),
            [0xff, 0xfe, ..] => Some((Self::Utf16Le, 2)),
            [0xfe, 0xff, ..] => Some((Self::Utf16Be, 2)),
            // Without a mark: the first character is ASCII, so one of its two bytes is zero.
            [0, _, ..] => Some((Self::Utf16Be, 0)),
            [_, 0, ..] => Some((Self::Utf16Le, 0)),
            _ => Some((Self::Utf8, 0)),
        }
    }

    /// The bytes of a code unit.
    const fn width(self) -> u64 {
        match self {
            Self::Utf8 => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
        }
    }
}

pub(super) struct PhysicalLine {
    /// Its number, as an editor shows it.
    pub(super) number: u64,
    /// The file offset of its end, in bytes.
    pub(super) end: u64,
    /// Its content as UTF-8, without the line end; bytes that are not UTF-8 are kept as they are. `None` if it is too long.
    pub(super) text: Option<Vec<u8>>,
}

/// A file being read line by line.
pub(super) struct Lines<R> {
    input: Chain<Cursor<Vec<u8>>, R>,
    encoding: Encoding,
    /// The unit after a CR, if it was not LF.
    ahead: Option<u16>,
    number: u64,
    end: u64,
    /// Line ends in all that was read from the input, counted separately from `number` to verify it.
    ends: u64,
    last: Option<u16>,
}

impl<R: BufRead> Lines<R> {
    /// Detects the encoding. `None` if the file is UTF-32, which is not supported.
    pub(super) fn open(mut input: R) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        input.by_ref().take(4).read_to_end(&mut head)?;
        let Some((encoding, mark)) = Encoding::of(&head) else { return Ok(None) };
        head.drain(..mark);
        let input = Cursor::new(head).chain(input);
        Ok(Some(Self { input, encoding, ahead: None, number: 0, end: mark as u64, ends: 0, last: None }))
    }

    /// The next line, also if it is empty. `None` at the end of the file.
    pub(super) fn line(&mut self) -> io::Result<Option<PhysicalLine>> {
        let mut units = Vec::new();
        let (mut is_begun, mut is_long) = (false, false);
        while let Some(unit) = self.unit()? {
            is_begun = true;
            match unit {
                LF => break,
                CR => {
                    self.skip_lf()?;
                    break;
                }
                unit if units.len() < LINE_AT_MOST => units.push(unit),
                _ => is_long = true,
            }
        }
        if !is_begun {
            return Ok(None);
        }
        self.number += 1;
        let text = (!is_long).then(|| self.decoded(units));
        Ok(Some(PhysicalLine { number: self.number, end: self.end, text }))
    }

    /// The number of lines in what was returned, counted by the line ends in the input.
    pub(super) fn counted(&self) -> u64 {
        let is_unended = self.last.is_some_and(|last| last != CR && last != LF);
        self.ends + u64::from(is_unended) - u64::from(self.ahead.is_some())
    }

    fn decoded(&self, units: Vec<u16>) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 => units.into_iter().filter_map(|unit| u8::try_from(unit).ok()).collect(),
            Encoding::Utf16Le | Encoding::Utf16Be => {
                let decoded = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
                decoded.collect::<String>().into_bytes()
            }
        }
    }

    /// Takes the LF of a CRLF.
    fn skip_lf(&mut self) -> io::Result<()> {
        match self.fetch()? {
            Some(LF) => self.end += self.encoding.width(),
            other => self.ahead = other,
        }
        Ok(())
    }

    fn unit(&mut self) -> io::Result<Option<u16>> {
        let unit = match self.ahead.take() {
            Some(unit) => Some(unit),
            None => self.fetch()?,
        };
        if unit.is_some() {
            self.end += self.encoding.width();
        }
        Ok(unit)
    }

    /// The next unit of the input.
    fn fetch(&mut self) -> io::Result<Option<u16>> {
        let Some(first) = self.byte()? else { return Ok(None) };
        // Half a unit at the end of a file is not text.
        let half = u16::MAX;
        let unit = match self.encoding {
            Encoding::Utf8 => u16::from(first),
            Encoding::Utf16Le => self.byte()?.map_or(half, |second| u16::from_le_bytes([first, second])),
            Encoding::Utf16Be => self.byte()?.map_or(half, |second| u16::from_be_bytes([first, second])),
        };
        if unit == CR || (unit == LF && self.last != Some(CR)) {
            self.ends += 1;
        }
        self.last = Some(unit);
        Ok(Some(unit))
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        self.input.by_ref().bytes().next().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Number, end and text of each line.
    fn lines(bytes: &[u8]) -> Vec<(u64, u64, String)> {
        // A buffer of one byte: nothing depends on where the input's pieces end.
        let mut lines = Lines::open(BufReader::with_capacity(1, bytes)).unwrap().unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.line().unwrap() {
            assert_eq!(lines.counted(), line.number);
            let text = line.text.map_or("too long".to_owned(), |text| String::from_utf8(text).unwrap());
            found.push((line.number, line.end, text));
        }
        found
    }

    #[test]
    fn every_kind_of_line_end_ends_a_line() {
        let found = lines(b"a\rb\nc\r\nd\r\r\n\n\re");
        let texts: Vec<&str> = found.iter().map(|(_, _, text)| text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "d", "", "", "", "e"]);
        let ends: Vec<u64> = found.iter().map(|(_, end, _)| *end).collect();
        assert_eq!(ends, [2, 4, 7, 9, 11, 12, 13, 14]);
        for whole in [&b"a\n"[..], b"a\r", b"a\r\n", b"a"] {
            assert_eq!(lines(whole), [(1, whole.len() as u64, "a".to_owned())]);
        }
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [(1, 1, String::new())]);
    }

    #[test]
    fn utf_16_is_read_with_and_without_its_mark() {
        for mark in ["\u{feff}", ""] {
            let text = format!("{mark}a\u{20ac}\u{1f600}\r\nb\rc");
            let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            for bytes in [le, be] {
                let found = lines(&bytes);
                let texts: Vec<&str> = found.iter().map(|(_, _, text)| text.as_str()).collect();
                assert_eq!(texts, ["a\u{20ac}\u{1f600}", "b", "c"]);
                assert_eq!(found[2].1, bytes.len() as u64);
            }
        }
        assert_eq!(lines(b"\xff\xfea\0\n\0b")[1].2, "\u{ffff}", "half a character at the end is not passed over");
        assert_eq!(lines(b"\xff\xfe\x00\xd8\n\0")[0].2, "\u{fffd}");
        let utf32 = Lines::open(&b"\xff\xfe\0\0a\0\0\0"[..]).unwrap();
        assert!(utf32.is_none());
    }

    #[test]
    fn a_long_line_takes_no_memory_and_ends_where_it_ends() {
        for end in ["\n", "\r", "\r\n"] {
            let found = lines(format!("{}{end}b", "x".repeat(LINE_AT_MOST + 1)).as_bytes());
            assert_eq!((found[0].2.as_str(), found[1].2.as_str()), ("too long", "b"));
        }
        assert_eq!(lines("x".repeat(LINE_AT_MOST).as_bytes())[0].2.len(), LINE_AT_MOST);
    }
}
