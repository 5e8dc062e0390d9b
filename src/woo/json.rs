//! Parses JSON from stores, in bounded memory and time, even when other output surrounds it.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The most values that are kept of one text. Parsed, a megabyte of brackets would take a hundred megabytes; what we need is at the
/// beginning of each answer.
const KEPT_AT_MOST: usize = 20_000;
/// The maximum size of a text, in bytes, in which JSON is searched for among other output: that of the largest index we read.
const SEARCHED_AT_MOST: usize = 4 * 1024 * 1024;
/// How many bytes a search may read in all: each bracket may cost another try.
const READ_AT_MOST: usize = 1024 * 1024;
/// How the parts of a page begin and end that may contain JSON of their own: scripts, styles, and the comments of caches.
const NOT_SEARCHED: [(&[u8], &[u8]); 3] = [(b"<script", b"</script"), (b"<style", b"</style"), (b"<!--", b"-->")];

/// Parses the whole text as one value. Beyond [`KEPT_AT_MOST`], values are checked and dropped.
pub(super) fn whole(text: &[u8]) -> Option<Value> {
    let kept = Cell::new(KEPT_AT_MOST);
    let mut from = serde_json::Deserializer::from_slice(text);
    let value = Keep(&kept).deserialize(&mut from).ok()?;
    from.end().ok()?;
    Some(value)
}

/// Whether the whole text is one value, whatever its size. Of an object or array only the brackets and strings are checked: full
/// parsing would take several times as long.
pub(super) fn is_whole(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return serde_json::from_slice::<IgnoredAny>(text).is_ok();
    }
    // `{` and `[`, and `}` and `]`, differ by one bit.
    let matters = |byte: &u8| matches!(byte | 0x20, b'{' | b'}') || *byte == b'"';
    let (mut depth, mut rest) = (0_usize, text);
    while let Some(at) = rest.iter().position(matters) {
        let byte = rest[at];
        rest = &rest[at + 1..];
        match byte {
            b'"' => loop {
                let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else { return false };
                let byte = rest[at];
                rest = &rest[at + 1..];
                if byte == b'"' {
                    break;
                }
                rest = rest.get(1..).unwrap_or_default();
            },
            b'{' | b'[' => depth += 1,
            _ => {
                depth -= 1;
                if depth == 0 {
                    return rest.is_empty();
                }
            }
        }
    }
    false
}

/// The longest object or array in the text, and its position. `None` if the text is too large, or if too much of it looks like the
/// beginning of one.
pub(super) fn longest(text: &[u8]) -> Option<(Range<usize>, Value)> {
    let longest = longest_range(text, SEARCHED_AT_MOST)?;
    let value = whole(&text[longest.clone()])?;
    Some((longest, value))
}

/// The position of the longest object or array in a text of up to `at_most` bytes, outside scripts, styles and comments.
pub(super) fn longest_range(text: &[u8], at_most: usize) -> Option<Range<usize>> {
    if text.len() > at_most {
        return None;
    }
    let (mut longest, mut at, mut read) = (0..0, 0, 0);
    let mut unclosed = [false; NOT_SEARCHED.len()];
    while let Some(open) = text[at..].iter().position(|byte| matches!(byte, b'{' | b'[' | b'<')) {
        at += open;
        let rest = &text[at..];
        if rest[0] == b'<' {
            at += length_not_searched(rest, &mut unclosed).max(1);
            continue;
        }
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        let length = match values.next()? {
            Ok(_) => values.byte_offset(),
            Err(error) => {
                read += offset(rest, &error);
                0
            }
        };
        read += length;
        if length > longest.len() {
            longest = at..at + length;
        }
        if read > READ_AT_MOST.max(text.len() * 2) {
            return None;
        }
        at += length.max(1);
    }
    (!longest.is_empty()).then_some(longest)
}

/// The length of the script, style or comment with which the text begins, or 0. Each kind is searched for its end until it has none.
fn length_not_searched(text: &[u8], unclosed: &mut [bool; NOT_SEARCHED.len()]) -> usize {
    let begins = |part: &[u8]| text.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part));
    let Some(kind) = NOT_SEARCHED.iter().position(|(start, _)| begins(start)) else { return 0 };
    let end = NOT_SEARCHED[kind].1;
    let found = if unclosed[kind] { None } else { text.windows(end.len()).position(|at| at.eq_ignore_ascii_case(end)) };
    unclosed[kind] = found.is_none();
    found.unwrap_or(0)
}

/// The position of an error in the text.
fn offset(text: &[u8], error: &serde_json::Error) -> usize {
    let before = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len);
    before.sum::<usize>() + error.column()
}

/// Keeps values until the limit is used up.
struct Keep<'a>(&'a Cell<usize>);

impl Keep<'_> {
    fn may(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

impl<'de> DeserializeSeed<'de> for Keep<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keep<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        loop {
            if self.may() {
                let Some(value) = values.next_element_seed(Keep(self.0))? else { return Ok(kept.into()) };
                kept.push(value);
            } else if values.next_element::<IgnoredAny>()?.is_none() {
                return Ok(kept.into());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if self.may() {
                kept.insert(name, members.next_value_seed(Keep(self.0))?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kept.into())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Add as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_needed_is_kept_of_a_text_of_brackets() {
        let text = format!(r#"{{"home":"h","routes":[{}[]]}}"#, "[0],".repeat(1_000_000));
        let value = whole(text.as_bytes()).unwrap();
        assert_eq!(value["home"], "h");
        assert!(value["routes"].as_array().unwrap().len() < KEPT_AT_MOST);
        assert_eq!(whole(b"{\"a\":1} x"), None);
    }

    #[test]
    fn a_search_reads_so_much_and_no_more() {
        for text in ["[", "{\"a\":[", "[\"[\",", "[[[[[[[0],"] {
            assert_eq!(longest(text.repeat(SEARCHED_AT_MOST / text.len()).as_bytes()), None, "{text}");
        }
        let (range, value) = longest(b"$a[3] in {closure}() {\"b\": [1, 2]} \xff [4]").unwrap();
        assert_eq!((range, value["b"][1].as_u64()), (21..34, Some(2)));
        assert_eq!(longest(b"no JSON"), None);
        let around = br#"<script>a={"b":"long enough"}</script>{"c":1}<!-- {"d":"long enough"} --><STYLE>[1,2,3]</STYLE><!-- [4]"#;
        assert_eq!(longest(around).map(|(range, _)| range), Some(38..45));
        assert_eq!(longest("<!--<script".repeat(SEARCHED_AT_MOST / 11).as_bytes()), None);
    }

    #[test]
    fn a_text_is_whole_if_its_brackets_and_strings_end_where_it_does() {
        for text in [
            "{}",
            " [1]\n",
            r#"{"a":"}\"","b":[{}]}"#,
            "1",
            "null",
            r#""text""#,
            &"[".repeat(500).add(&"]".repeat(500)),
        ] {
            assert!(is_whole(text.as_bytes()), "{text}");
        }
        for text in ["", "{", "[]]", "{}{}", r#"{"a":"b}"#, r#"{"a":"\"#, "{} x", "x {}", "[1] {\"a\":1}", "\u{feff}{}"]
        {
            assert!(!is_whole(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_serde_reads_is_whole(text in "[\\[\\]{}:,\"a1 .\\-eE\n]{0,40}") {
            prop_assert!(serde_json::from_str::<IgnoredAny>(&text).is_err() || is_whole(text.as_bytes()));
        }

        #[test]
        fn it_reads_what_serde_reads(text in "[\\[\\]{}:,\"a1 .\\-eE\\n]{0,40}") {
            prop_assert_eq!(whole(text.as_bytes()), serde_json::from_str(&text).ok());
        }
    }
}
