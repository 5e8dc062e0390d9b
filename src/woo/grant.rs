//! Parses the body that a store posts to our callback, strictly and without ever repeating its content.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub use crate::domain::grant::Grant;
use crate::domain::{Half, Secret};

/// What is wrong with a callback's body. Names the field, never its value, which may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not a JSON object, or followed by something else.
    #[error("the body is not a JSON object")]
    NotAnObject,
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The field occurs more than once, so two parsers could see different values.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// The field's value does not have the format that WooCommerce sends; the second part describes that format.
    #[error("{0} is not {1}")]
    Wrong(&'static str, &'static str),
}

/// The maximum length of a state, in bytes; ours has 43.
const STATE_AT_MOST: usize = 200;

/// Parses the body whatever its `Content-Type` (old stores say XML). Accepts numbers and strings for `key_id` and
/// `user_id`; ignores unknown fields, however deeply nested, without recursion (docs/protocol/wc-auth.md §3.2, §7.3).
pub fn parse(body: &[u8]) -> Result<Grant, Malformed> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Fields { key_id, user_id, consumer_key, consumer_secret, key_permissions, twice } =
        serde_json::from_slice(body).map_err(|_| Malformed::NotAnObject)?;
    if let Some(field) = twice {
        return Err(Malformed::Twice(field));
    }
    Ok(Grant {
        state: state(user_id)?,
        key_id: number(key_id)?,
        consumer_key: half(consumer_key, Half::ConsumerKey)?,
        consumer_secret: half(consumer_secret, Half::ConsumerSecret)?,
        scope: match key_permissions.ok_or(Malformed::Missing("key_permissions"))? {
            Scalar::Text(text) => text.to_ascii_lowercase().parse().ok(),
            _ => None,
        }
        .ok_or(Malformed::Wrong("key_permissions", "read, write or read_write"))?,
    })
}

fn state(value: Option<Scalar>) -> Result<Secret, Malformed> {
    match value.ok_or(Malformed::Missing("user_id"))? {
        Scalar::Text(text) if (1..=STATE_AT_MOST).contains(&text.len()) => Ok(Secret::new(text)),
        Scalar::Number(number) => Ok(Secret::new(number.to_string())),
        _ => Err(Malformed::Wrong("user_id", "a text of 1 to 200 bytes or a number")),
    }
}

fn number(value: Option<Scalar>) -> Result<i64, Malformed> {
    match value.ok_or(Malformed::Missing("key_id"))? {
        Scalar::Number(number) => i64::try_from(number).ok(),
        Scalar::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
    .ok_or(Malformed::Wrong("key_id", "a whole number from 0 up"))
}

fn half(value: Option<Scalar>, half: Half) -> Result<Secret, Malformed> {
    match value.ok_or(Malformed::Missing(half.name()))? {
        Scalar::Text(text) if half.fits(&text) => Ok(Secret::new(text)),
        _ => Err(Malformed::Wrong(half.name(), "its prefix and 20 to 128 letters or digits")),
    }
}

/// The five fields as in the body.
#[derive(Default)]
struct Fields {
    key_id: Option<Scalar>,
    user_id: Option<Scalar>,
    consumer_key: Option<Scalar>,
    consumer_secret: Option<Scalar>,
    key_permissions: Option<Scalar>,
    twice: Option<&'static str>,
}

impl Fields {
    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Option<Scalar>)> {
        Some(match name {
            "key_id" => ("key_id", &mut self.key_id),
            "user_id" => ("user_id", &mut self.user_id),
            "consumer_key" => ("consumer_key", &mut self.consumer_key),
            "consumer_secret" => ("consumer_secret", &mut self.consumer_secret),
            "key_permissions" => ("key_permissions", &mut self.key_permissions),
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            let Some((known, slot)) = fields.slot(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if slot.replace(map.next_value()?).is_some() {
                fields.twice = Some(known);
            }
        }
        Ok(fields)
    }
}

enum Scalar {
    Text(String),
    Number(u64),
    Other,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::scope::Scope;

    const KEY: &str = "ck_0123456789abcdef0123456789abcdef01234567";
    const SECRET: &str = "cs_0123456789abcdef0123456789abcdef01234567";

    /// The body in docs/protocol/store-answers.md §1, with one field's JSON replaced.
    fn body(field: &str, json: &str) -> Vec<u8> {
        let fields = [
            ("key_id", "139".to_owned()),
            ("user_id", "\"abc123\"".to_owned()),
            ("consumer_key", format!("\"{KEY}\"")),
            ("consumer_secret", format!("\"{SECRET}\"")),
            ("key_permissions", "\"read_write\"".to_owned()),
        ];
        let parts = fields.map(|(name, value)| format!("\"{name}\":{}", if name == field { json } else { &value }));
        format!("{{{}}}", parts.join(",")).into_bytes()
    }

    fn fault(bytes: &[u8]) -> String {
        parse(bytes).map_or_else(|e| e.to_string(), |_| "fine".to_owned())
    }

    #[test]
    fn what_woocommerce_sends_is_read() {
        let grant = parse(&body("", "")).unwrap();
        assert_eq!((grant.key_id, grant.scope), (139, Scope::ReadWrite));
        assert_eq!(grant.consumer_key.last7(), "1234567");
        assert_eq!(grant.state.last7(), "abc123");
    }

    #[test]
    fn a_bom_numbers_as_text_and_unknown_fields_are_taken() {
        let with_bom = [b"\xef\xbb\xbf".as_slice(), &body("key_id", "\"139\"")].concat();
        assert_eq!(parse(&with_bom).unwrap().key_id, 139);
        assert_eq!(parse(&body("user_id", "123")).unwrap().state.last7(), "123");
        assert_eq!(parse(&body("key_id", "0")).unwrap().key_id, 0);
        assert_eq!(parse(&body("key_permissions", "\"Read_Write\"")).unwrap().scope, Scope::ReadWrite);
        assert_eq!(parse(&body("key_id", "1,\"more\":{\"a\":[1,null,{}]},\"x\":[]")).unwrap().key_id, 1);
    }

    #[test]
    fn what_is_wrong_is_named_and_never_repeated() {
        for (field, json, says) in [
            ("key_id", "-1", "key_id is not a whole number from 0 up"),
            ("key_id", "1.5", "key_id is not a whole number from 0 up"),
            ("key_id", "99999999999999999999", "key_id is not a whole number from 0 up"),
            ("key_id", "\"\"", "key_id is not a whole number from 0 up"),
            ("key_id", "[1]", "key_id is not a whole number from 0 up"),
            ("key_id", "1,\"key_id\":2", "key_id is given twice"),
            ("user_id", "\"\"", "user_id is not a text of 1 to 200 bytes or a number"),
            ("user_id", "{\"a\":1}", "user_id is not a text of 1 to 200 bytes or a number"),
            ("user_id", "\"a\",\"user_id\":\"b\"", "user_id is given twice"),
            (
                "consumer_key",
                "\"cs_0123456789abcdef0123\"",
                "consumer_key is not its prefix and 20 to 128 letters or digits",
            ),
            ("consumer_key", "\"ck_short\"", "consumer_key is not its prefix and 20 to 128 letters or digits"),
            (
                "consumer_secret",
                "\"cs_0123456789 abcdef0123\"",
                "consumer_secret is not its prefix and 20 to 128 letters or digits",
            ),
            ("consumer_secret", "null", "consumer_secret is not its prefix and 20 to 128 letters or digits"),
            ("key_permissions", "\"admin\"", "key_permissions is not read, write or read_write"),
            ("key_permissions", "true", "key_permissions is not read, write or read_write"),
        ] {
            assert_eq!(fault(&body(field, json)), says, "{field} {json}");
        }
        assert_eq!(fault(b"{}"), "user_id is missing");
        for not_one in ["", "[]", "null", "\"x\"", "{", "{} {}", "a=1&b=2", "{\"key_id\":1,}", "{'key_id':1}"] {
            assert_eq!(fault(not_one.as_bytes()), "the body is not a JSON object", "{not_one}");
        }
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(fault(&body("user_id", &deep)), "user_id is not a text of 1 to 200 bytes or a number");
        assert_eq!(fault(format!("{{\"x\":{deep}}}").as_bytes()), "user_id is missing");
        assert_eq!(fault(b"{\"user_id\":\"\xff\"}"), "the body is not a JSON object");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse(&bytes));
        }

        #[test]
        fn no_value_is_ever_said(value in "[a-z]{12}") {
            for field in ["key_id", "consumer_key", "consumer_secret", "key_permissions"] {
                let says = fault(&body(field, &format!("\"{value}\"")));
                prop_assert!(says != "fine" && !says.contains(&value), "{}", says);
            }
        }
    }
}
