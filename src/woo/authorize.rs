//! The address of the store's approval page.

use super::encode;
use crate::domain::{Scope, Secret, StoreUrl};

/// The maximum length of the application's name: stores before 5.9 append date and scope to it in a column of 200
/// characters, and lose the key if the text is too long (docs/protocol/wc-auth.md §3.3).
const APP_NAME_AT_MOST: usize = 60;

/// The parameters of an approval. The store decodes addresses again at every redirect and re-inserts the other values
/// without encoding (docs/protocol/wc-auth.md §1.2), so the state and the addresses may contain only `A–Z a–z 0–9 - . _
/// ~` and what an address needs: no `%`, no `+`, no `&`.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The name shown to the merchant; [`app_name`] is applied to it.
    pub app_name: &'a str,
    pub scope: Scope,
    /// The attempt's single-use state, sent as WooCommerce's `user_id`.
    pub state: &'a Secret,
    /// Where the store sends the browser back.
    pub return_url: &'a str,
    /// Where the store posts the key; the last segment is a token.
    pub callback_url: &'a Secret,
}

/// `{home}/wc-auth/v1/authorize?…`. A secret: it contains the state and the callback token.
pub fn url(home: &StoreUrl, ask: &Ask<'_>) -> Secret {
    let query = encode::query([
        ("app_name", app_name(ask.app_name).as_str()),
        ("scope", ask.scope.as_str()),
        ("user_id", ask.state.expose()),
        ("return_url", ask.return_url),
        ("callback_url", ask.callback_url.expose()),
    ]);
    Secret::new(home.at(&format!("/wc-auth/v1/authorize?{query}")))
}

/// The address of `page`, where WordPress lets its user approve an application password (docs/protocol/application-passwords.md §1).
/// The answer comes back in the browser, to `back`: a secret, because it contains the state.
pub fn password_url(page: &str, name: &str, app_id: &str, back: &Secret) -> Secret {
    let rejected = Secret::new(format!("{}?success=false", back.expose()));
    let query = encode::query([
        ("app_name", app_name(name).as_str()),
        ("app_id", app_id),
        ("success_url", back.expose()),
        ("reject_url", rejected.expose()),
    ]);
    let join = if page.contains('?') { '&' } else { '?' };
    Secret::new(format!("{page}{join}{query}"))
}

/// A name that WooCommerce displays and stores unchanged: 1 to 60 ASCII letters, digits, spaces and hyphens, never `0`,
/// which PHP treats as empty (docs/protocol/wc-auth.md §1.3).
pub fn app_name(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '\'' | '’'))
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { ' ' })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(APP_NAME_AT_MOST).collect();
    match name.trim() {
        "" | "0" => "Cartkey".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::store_url::Network;

    /// Parses a query as PHP does: `+` is a space, `#` ends it, `%xx` is decoded.
    fn php_query(query: &str) -> Vec<(String, String)> {
        let query = query.split('#').next().unwrap_or_default();
        let decode = |s: &str| percent_decode_str(&s.replace('+', " ")).decode_utf8_lossy().into_owned();
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(n, v)| (decode(n), decode(v)))
            .collect()
    }

    /// `sanitize_text_field`, as far as it alters values: removes tags and `%xx`, trims and collapses white space.
    fn clean(value: &str) -> String {
        let mut kept = String::new();
        let mut rest = value.split('<').next().unwrap_or_default().chars().peekable();
        while let Some(c) = rest.next() {
            let ahead: String = rest.clone().take(2).collect();
            if c == '%' && ahead.len() == 2 && ahead.bytes().all(|b| b.is_ascii_hexdigit()) {
                rest.nth(1);
            } else {
                kept.push(c);
            }
        }
        kept.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// One redirect of the store: decodes addresses again and encodes them once, re-inserts the others without
    /// encoding, loses `=` before `&`.
    fn hop(query: &str) -> String {
        let pairs = php_query(query).into_iter().map(|(name, value)| {
            if name.ends_with("_url") {
                let again = percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned();
                format!("{name}={}", encode::encode(&again))
            } else {
                format!("{name}={}", clean(&value).trim_end_matches('='))
            }
        });
        pairs.collect::<Vec<_>>().join("&").replace(['\'', '$', '|'], "").replace(' ', "%20")
    }

    fn after_two_hops(ask: &Ask<'_>) -> Vec<(String, String)> {
        let home = StoreUrl::parse("shop.example.com/de", Network::Public).unwrap();
        let url = url(&home, ask);
        let query = url.expose().strip_prefix("https://shop.example.com/de/wc-auth/v1/authorize?").unwrap();
        php_query(&hop(&hop(query)))
    }

    fn value(pairs: &[(String, String)], name: &str) -> String {
        pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default()
    }

    #[test]
    fn names_are_made_harmless() {
        for (text, name) in [
            ("Cartkey", "Cartkey"),
            ("Tom & Jerry", "Tom Jerry"),
            ("App #1", "App 1"),
            ("C++ Shop", "C Shop"),
            ("O'Brien", "OBrien"),
            ("  50% off <b>!</b> ", "50 off b b"),
            ("0", "Cartkey"),
            ("", "Cartkey"),
            ("店 🛒", "Cartkey"),
            ("Click-and-go", "Click-and-go"),
        ] {
            assert_eq!(app_name(text), name, "{text}");
        }
        assert_eq!(app_name(&"long name ".repeat(20)).len(), 59);
    }

    #[test]
    fn the_simulation_does_damage_careless_values() {
        let [careless, callback] = ["a+b/c==", "https://x.example/a%2Fb"].map(|s| Secret::new(s.to_owned()));
        let ask = Ask {
            app_name: "x",
            scope: Scope::Read,
            state: &careless,
            return_url: "https://x.example/r",
            callback_url: &callback,
        };
        let seen = after_two_hops(&ask);
        assert_ne!(value(&seen, "user_id"), "a+b/c==");
        assert_eq!(value(&seen, "callback_url"), "https://x.example/a/b");
    }

    proptest! {
        #[test]
        fn all_five_values_survive_two_hops(seed in any::<u64>(), name in "\\PC{0,80}", writes in any::<bool>()) {
            let entropy = Entropy::seeded(seed);
            let state = entropy.secret();
            let callback = Secret::new(format!("https://keys.example.com/wc-auth/callback/{}", entropy.secret().expose()));
            let scope = if writes { Scope::ReadWrite } else { Scope::Read };
            let return_url = "https://keys.example.com/connect/return/at_01JD0000000000000000000000";
            let seen = after_two_hops(&Ask { app_name: &name, scope, state: &state, return_url, callback_url: &callback });
            prop_assert_eq!(value(&seen, "user_id"), state.expose());
            prop_assert_eq!(value(&seen, "callback_url"), callback.expose());
            prop_assert_eq!(value(&seen, "return_url"), return_url);
            prop_assert_eq!(value(&seen, "scope"), scope.as_str());
            prop_assert_eq!(value(&seen, "app_name"), app_name(&name));
        }

        #[test]
        fn a_name_is_always_one_that_stores_take(text in "\\PC{0,100}") {
            let name = app_name(&text);
            prop_assert!((1..=60).contains(&name.len()) && name != "0");
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-'));
            prop_assert_eq!(app_name(&name), name.clone());
        }
    }
}
