//! JSON as PHP writes it: fields in the given order, `/` and non-ASCII characters escaped.

use std::fmt::{self, Write as _};

/// A JSON value that preserves field order, because tests compare WordPress' error bodies byte by byte.
#[derive(Debug, Clone)]
pub(super) enum Json {
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn object<const N: usize>(fields: [(&str, Json); N]) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(super) fn texts(texts: &[&str]) -> Self {
        Self::List(texts.iter().map(|text| Self::text(*text)).collect())
    }

    /// Applies `_fields`: comma-separated names, with dots for nested fields; lists are filtered item by item.
    pub(super) fn keep(self, fields: &str) -> Self {
        let paths: Vec<&str> = fields.split(',').map(str::trim).filter(|path| !path.is_empty()).collect();
        if paths.is_empty() { self } else { self.keep_paths(&paths) }
    }

    fn keep_paths(self, paths: &[&str]) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(|item| item.keep_paths(paths)).collect()),
            Self::Object(fields) => {
                Self::Object(fields.into_iter().filter_map(|(name, value)| keep_field(name, value, paths)).collect())
            }
            other => other,
        }
    }
}

fn keep_field(name: String, value: Json, paths: &[&str]) -> Option<(String, Json)> {
    if paths.contains(&name.as_str()) {
        return Some((name, value));
    }
    let inner: Vec<&str> = paths
        .iter()
        .filter_map(|path| path.split_once('.').filter(|(head, _)| *head == name).map(|(_, rest)| rest))
        .collect();
    if inner.is_empty() { None } else { Some((name, value.keep_paths(&inner))) }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(text) => write_text(f, text),
            Self::List(items) => {
                f.write_char('[')?;
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Self::Object(fields) => {
                f.write_char('{')?;
                for (n, (name, value)) in fields.iter().enumerate() {
                    if n > 0 {
                        f.write_char(',')?;
                    }
                    write_text(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' | '/' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            ' '..='~' => f.write_char(c)?,
            _ => {
                let mut units = [0_u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(f, "\\u{unit:04x}")?;
                }
            }
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_php_writes_it() {
        let json =
            Json::object([("z", Json::text("a/ä\"😀")), ("a", Json::List(vec![Json::Bool(true), Json::Number(1)]))]);
        assert_eq!(json.to_string(), r#"{"z":"a\/\u00e4\"\ud83d\ude00","a":[true,1]}"#);
    }

    #[test]
    fn fields_are_kept_by_path() {
        let inner = Json::object([("version", Json::text("1")), ("home_url", Json::text("h")), ("x", Json::Number(0))]);
        let json = Json::object([("environment", inner), ("database", Json::Number(0))]);
        assert_eq!(json.keep("environment.version").to_string(), r#"{"environment":{"version":"1"}}"#);
    }
}
