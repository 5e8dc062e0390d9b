//! JSON as PHP writes it: `/` and non-ASCII characters escaped. Tests compare WordPress' error bodies byte by byte.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

pub(super) fn text(value: &Value) -> String {
    let mut text = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, Php));
    debug_assert!(written.is_ok(), "a value can be written into memory");
    String::from_utf8(text).unwrap_or_default()
}

struct Php;

impl Formatter for Php {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            match c {
                '/' => out.write_all(b"\\/")?,
                c if c.is_ascii() => write!(out, "{c}")?,
                c => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?,
            }
        }
        Ok(())
    }
}

/// Applies `_fields`: comma-separated names, with dots for nested fields; lists are filtered item by item.
pub(super) fn keep(mut value: Value, fields: &str) -> Value {
    let paths: Vec<&str> = fields.split(',').map(str::trim).filter(|path| !path.is_empty()).collect();
    if !paths.is_empty() {
        keep_paths(&mut value, &paths);
    }
    value
}

fn keep_paths(value: &mut Value, paths: &[&str]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| keep_paths(item, paths)),
        Value::Object(fields) => fields.retain(|name, value| {
            let nested = paths.iter().filter_map(|path| path.split_once('.'));
            let inner: Vec<&str> = nested.filter(|(head, _)| head == name).map(|(_, rest)| rest).collect();
            let whole = paths.contains(&name.as_str());
            if !whole {
                keep_paths(value, &inner);
            }
            whole || !inner.is_empty()
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn is_written_as_php_writes_it() {
        let value = json!({"z": "a/ä\"😀", "a": [true, 1]});
        assert_eq!(text(&value), r#"{"z":"a\/\u00e4\"\ud83d\ude00","a":[true,1]}"#);
    }

    #[test]
    fn fields_are_kept_by_path() {
        let value = json!({"environment": {"version": "1", "home_url": "h", "x": 0}, "database": 0});
        assert_eq!(text(&keep(value, "environment.version")), r#"{"environment":{"version":"1"}}"#);
    }
}
