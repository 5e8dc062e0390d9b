//! Search: the text under which a store is found, and what a typed search requires of it.
//!
//! Both are flattened alike: lower case, only letters and digits, with one space in place of everything else; a slash
//! stays, as a word of its own. So punctuation and wildcards have no effect. Each typed word must occur in the store's name,
//! address or `user_id`:
//!
//! - a word of three characters or more anywhere, also inside a word;
//! - a word of two characters at the beginning of a word;
//! - a single character and a number only as a whole word: `42` does not find `421`.
//!
//! An address with a path or a scheme finds the store whose page it is.

use super::store_url::{Network, StoreUrl};
use super::user_id::UserId;

/// The maximum length of a field of the text, and of a typed word, in characters.
const LONGEST: usize = 200;
/// The maximum number of typed words considered.
const MOST_WORDS: usize = 12;
/// The maximum number of parent directories of a pasted address considered.
const MOST_PARENTS: usize = 6;

/// A requirement: the text must contain at least one of these. Each has at least three characters: lower-case letters,
/// digits, spaces, slashes.
pub type AnyOf = Vec<String>;

/// The text under which a store is found. Two spaces stand before and after each of its fields.
pub fn text(user_id: &UserId, home: &StoreUrl, name: Option<&str>) -> String {
    let fields = [user_id.as_str(), without_www(home.shown()), name.unwrap_or_default()];
    fields
        .into_iter()
        .map(flat)
        .filter(|field| !field.is_empty())
        .fold("  ".to_owned(), |text, field| text + &field + "  ")
}

/// What the typed text requires: a store must meet all of these. Empty if nothing was typed.
pub fn requirements(typed: &str) -> Vec<AnyOf> {
    let mut words = typed.split_whitespace().map(required).filter(|any| !any.is_empty()).take(MOST_WORDS).peekable();
    if words.peek().is_none() && !typed.trim().is_empty() {
        // Only punctuation: no text has three spaces.
        return vec![vec!["   ".to_owned()]];
    }
    words.collect()
}

fn required(word: &str) -> AnyOf {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    let mut any = Vec::from_iter(bounded(&flat(without_www(inner))));
    if let Ok(url) = StoreUrl::parse(word, Network::PrivateToo)
        && (word.contains("://") || (url.host().contains('.') && (word.contains('/') || !word.is_ascii())))
    {
        if url.parent().is_none() {
            any.push(format!("  {} / ", flat(without_www(url.shown()))));
        }
        let parents = std::iter::successors(Some(url), StoreUrl::parent).take(MOST_PARENTS);
        any.extend(parents.map(|url| format!("  {}  ", flat(without_www(url.shown())))));
    }
    any
}

/// Adds the spaces without which a short word or a number would be found inside other words.
fn bounded(flat: &str) -> Option<String> {
    let is_number = |word: &str| word.chars().all(char::is_numeric);
    let (first, last) = (flat.split(' ').next()?, flat.rsplit(' ').next()?);
    let length = flat.chars().count();
    let before = if length < 3 || is_number(first) { " " } else { "" };
    let after = if length < 2 || is_number(last) { " " } else { "" };
    (length > 0).then(|| format!("{before}{flat}{after}"))
}

fn flat(text: &str) -> String {
    let mut flat = String::new();
    let mut gap = "";
    for c in text.chars().take(LONGEST).flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            if !flat.is_empty() {
                flat.push_str(gap);
            }
            flat.push(c);
            gap = "";
        } else if c == '/' {
            gap = " / ";
        } else if gap.is_empty() {
            gap = " ";
        }
    }
    flat
}

fn without_www(host: &str) -> &str {
    match host.split_at_checked(4) {
        Some((www, rest)) if www.eq_ignore_ascii_case("www.") && !rest.is_empty() => rest,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn store(user_id: &str, home: &str, name: &str) -> String {
        let home = StoreUrl::parse(home, Network::PrivateToo).expect("an address");
        text(&user_id.parse().expect("a user_id"), &home, Some(name))
    }

    /// As both databases search.
    fn finds(text: &str, typed: &str) -> bool {
        requirements(typed).iter().all(|any| any.iter().any(|part| text.contains(part)))
    }

    #[test]
    fn a_store_is_found_by_every_word_of_it_and_by_the_addresses_of_its_pages() {
        let shop = store("Merchant:42/eu", "https://www.shop.example/de", "Cups & Plates O’Brien GmbH 7");
        for typed in [
            "cups",
            "CUP",
            "ups",
            "plates cups",
            "Cups & Plates",
            "cups&plates",
            "o'brien",
            "O’Bri",
            "gm",
            "“Cups",
            "7",
            "merchant:42/eu",
            "MERCHANT:42",
            "42",
            "shop.example",
            "www.shop.example",
            "WWW.shop",
            "shop-exa",
            "de",
            "www.shop.example/de/",
            "https://www.shop.example/de/wp-admin",
            "http://shop.example/de/?p=1",
            "https://www.shop.example/wp-admin",
            "https://shop.example/de/product/blue-cup/",
            "shop.example/de/cart",
            "cups shop.example 42",
            "plates & %",
            " ",
            "",
        ] {
            assert!(finds(&shop, typed), "{typed}");
        }
        for typed in [
            "cups saucers",
            "shop.example.org",
            "https://other.example",
            "https://hop.example",
            "https://shop.example.org/de",
            "https://shop.example/en",
            "4",
            "2",
            "merchant:4",
            "mb",
            "c",
            "%",
            "_",
            "\"",
            "*",
        ] {
            assert!(!finds(&shop, typed), "{typed}");
        }
        assert!(!finds(&store("u", "https://shop.example.org", "Shop"), "https://shop.example"));
        assert!(finds(&store("u", "https://xn--mller-kva.example", ""), "www.müller.example"));
        assert!(finds(&store("u", "https://a.example", "Café ÉMILE"), "émile CAFÉ"));
        assert!(finds(&store("u", "http://localhost:8081/shop", ""), "http://localhost:8081/shop/wp-admin"));
        assert!(finds(&store("https://app.example/u/1", "https://a.example", ""), "https://app.example/u/1"));
    }

    #[test]
    fn a_search_is_bounded_and_holds_no_sign_that_a_database_would_interpret() {
        let long = format!("https://{}.example/{}", "a".repeat(60), "b/".repeat(500));
        assert!(store(&"x".repeat(128), &long, &"ä ö".repeat(100)).chars().count() < 5 * LONGEST);
        let all = requirements(&"a% \"'\\_ https://shop.example/a/b/c/d/e/f/g/h ".repeat(10_000));
        assert!(all.len() == MOST_WORDS && all.iter().all(|any| (1..=1 + MOST_PARENTS).contains(&any.len())));
        let plain = |c: char| c.is_alphanumeric() || c == ' ' || c == '/';
        assert!(all.iter().flatten().all(|part| part.chars().count() >= 3 && part.chars().all(plain)));
    }

    proptest! {
        #[test]
        fn every_store_is_found_by_what_it_is_called(
            name in "\\PC{0,40}", user_id in "[!-~]{1,20}", host in "[a-z]{1,8}(\\.[a-z]{2,8}){1,2}", path in "(/[a-z0-9-]{1,5}){0,2}",
        ) {
            let home = format!("https://{host}{path}");
            let text = store(&user_id, &home, &name);
            prop_assert!(finds(&text, &home), "{home}");
            for piece in name.split_whitespace().chain([user_id.as_str()]) {
                prop_assert!(finds(&text, piece) || flat(piece).is_empty(), "{piece:?}");
            }
        }
    }
}
