//! Search: the words under which a store is found, and the parsing of what is typed into the search.
//!
//! A store is found by the beginnings of the words in its name, address and `user_id`, ignoring case. Text that looks
//! like an address finds the store at that address, whichever of its pages was pasted.

use std::collections::BTreeSet;

use super::store_url::{Network, StoreUrl};
use super::user_id::UserId;

/// The maximum length of a word, in bytes: a whole `user_id`.
const LONGEST: usize = 128;
/// The maximum number of words stored for one store: a name has at most 200 characters.
const MOST_WORDS: usize = 64;
/// The maximum number of typed words considered.
const MOST_PIECES: usize = 12;
/// The maximum number of parent directories of a pasted address considered.
const MOST_PARENTS: usize = 6;

/// A word, or the beginning of one, that a store must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    text: String,
    whole: bool,
}

impl Word {
    fn beginning(text: &str) -> Self {
        Self { text: cut(text), whole: false }
    }

    fn whole(text: &str) -> Self {
        Self { text: cut(text), whole: true }
    }

    /// The smallest matching word, in byte order.
    pub fn from(&self) -> Vec<u8> {
        self.text.as_bytes().to_vec()
    }

    /// An upper bound of the matching words, in byte order: 0xFF never occurs in a word and sorts last.
    pub fn to(&self) -> Vec<u8> {
        let mut bytes = self.from();
        bytes.push(if self.whole { 0 } else { 0xFF });
        bytes
    }
}

/// The words under which a store is found.
pub fn words(user_id: &UserId, home: &StoreUrl, name: Option<&str>) -> BTreeSet<String> {
    let mut all = BTreeSet::from([cut(&lower(user_id.as_str())), cut(without_www(home.host()))]);
    all.insert(cut(without_www(&lower(home.shown()))));
    for text in [home.shown(), user_id.as_str(), name.unwrap_or_default()] {
        for piece in lower(text).split_whitespace() {
            all.insert(cut(trimmed(piece)));
            all.extend(runs(without_www(piece)).map(cut));
        }
    }
    all.remove("");
    all.into_iter().take(MOST_WORDS).collect()
}

/// The typed text, piece by piece. Each piece can be interpreted in several ways, the likeliest first; each way is a
/// set of words that a store must all have. Empty if nothing was typed.
pub fn ways(typed: &str) -> Vec<Vec<Vec<Word>>> {
    let typed = lower(typed);
    let mut pieces: Vec<&str> = typed.split_whitespace().take(MOST_PIECES).collect();
    // The “&” of “Cups & Plates” is not a word; alone, it may be somebody's whole `user_id`.
    if pieces.iter().any(|piece| !trimmed(piece).is_empty()) {
        pieces.retain(|piece| !trimmed(piece).is_empty());
    }
    pieces.into_iter().map(ways_of).collect()
}

fn ways_of(piece: &str) -> Vec<Vec<Word>> {
    let mut ways = vec![vec![Word::beginning(piece)]];
    let inner = trimmed(piece);
    for other in [inner, without_www(inner)] {
        if !other.is_empty() {
            ways.push(vec![Word::beginning(other)]);
        }
    }
    if let Ok(url) = StoreUrl::parse(piece, Network::PrivateToo)
        && (url.host().contains('.') || piece.contains("://"))
    {
        let parents = std::iter::successors(Some(url.clone()), StoreUrl::parent).take(MOST_PARENTS);
        ways.extend(parents.map(|url| vec![Word::whole(without_www(&lower(url.shown())))]));
        ways.push(vec![Word::whole(without_www(url.host()))]);
        ways.push(vec![Word::beginning(without_www(url.host()))]);
    }
    let parts: Vec<Word> = runs(without_www(inner)).map(Word::beginning).collect();
    if parts.len() > 1 {
        ways.push(parts);
    }
    ways.dedup();
    ways
}

/// Lower-cases the text and unifies apostrophes.
fn lower(text: &str) -> String {
    text.to_lowercase().replace('’', "'")
}

fn trimmed(piece: &str) -> &str {
    piece.trim_matches(|c: char| !c.is_alphanumeric())
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| !rest.is_empty()).unwrap_or(host)
}

fn runs(piece: &str) -> impl Iterator<Item = &str> {
    piece.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty())
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // PostgreSQL's bytes may contain NUL, but no stored word does.
    text[..end].replace('\0', "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn store(user_id: &str, home: &str, name: &str) -> BTreeSet<String> {
        let home = StoreUrl::parse(home, Network::PrivateToo).expect("an address");
        words(&user_id.parse().expect("a user_id"), &home, Some(name))
    }

    /// Mirrors the search in storage: for each piece, the first way whose words are all present.
    fn finds(words: &BTreeSet<String>, typed: &str) -> bool {
        let has = |word: &Word| words.iter().any(|w| w.as_bytes() >= &word.from()[..] && w.as_bytes() < &word.to()[..]);
        ways(typed).iter().all(|ways| ways.iter().any(|way| way.iter().all(has)))
    }

    #[test]
    fn a_store_is_found_by_words_and_beginnings_of_words_and_pasted_addresses() {
        let shop = store("Merchant:42/eu", "https://www.shop.example/de", "Cups & Plates O’Brien GmbH");
        for typed in [
            "cups",
            "CUP",
            "plates cups",
            "Cups & Plates",
            "o'brien",
            "O’Bri",
            "gmbh",
            "“Cups",
            "merchant:42/eu",
            "merchant",
            "42",
            "MERCHANT:42",
            "shop.example",
            "www.shop.example",
            "www.shop",
            "shop.exa",
            "shop",
            "de",
            "www.shop.example/de/",
            "https://www.shop.example/de/wp-admin",
            "http://shop.example/de/?p=1",
            "https://www.shop.example/wp-admin",
            "https://shop.example/de/product/blue-cup/",
            "cups shop.example 42",
            "shop-example",
            "cups&plates",
            " ",
        ] {
            assert!(finds(&shop, typed), "{typed}");
        }
        for typed in
            ["ups", "cups saucers", "shop.example.org", "https://other.example", "1", "https://hop.example", "%", "_"]
        {
            assert!(!finds(&shop, typed), "{typed}");
        }
        assert!(finds(&store("!!", "https://a.example", ""), "!!"));
        assert!(finds(&store("u", "https://xn--mller-kva.example", ""), "www.müller.example"));
        assert!(finds(&store("u", "https://a.example", "Café ÉMILE"), "émile CAFÉ"));
        assert!(finds(&store("u", "http://localhost:8081/shop", ""), "http://localhost:8081/shop/wp-admin"));
    }

    #[test]
    fn a_pasted_address_is_first_meant_exactly() {
        let ways = ways("https://www.shop.example/de/cup?x");
        let exact: Vec<&str> = ways[0].iter().filter(|way| way[0].whole).map(|way| way[0].text.as_str()).collect();
        assert_eq!(exact, ["shop.example/de/cup", "shop.example/de", "shop.example"]);
        assert!(finds(&store("u", "https://shop.example", ""), "https://shop.example/de"));
    }

    #[test]
    fn words_are_bounded() {
        let long = store(
            &"x".repeat(128),
            &format!("https://{}.example/{}", "a".repeat(60), "b/".repeat(500)),
            &"ä ö".repeat(100),
        );
        assert!(long.len() <= MOST_WORDS && long.iter().all(|word| (1..=LONGEST).contains(&word.len())));
        assert_eq!(ways(&"a ".repeat(10_000)).len(), MOST_PIECES);
    }

    proptest! {
        #[test]
        fn every_store_is_found_by_what_it_is_called(
            name in "\\PC{0,40}", user_id in "[!-~]{1,20}", host in "[a-z]{1,8}(\\.[a-z]{2,8}){1,2}", path in "(/[a-z0-9-]{1,5}){0,2}",
        ) {
            let home = format!("https://{host}{path}");
            let words = store(&user_id, &home, &name);
            prop_assert!(finds(&words, &user_id) && finds(&words, &home), "{user_id} {home}");
            for piece in name.split_whitespace() {
                prop_assert!(finds(&words, piece) || trimmed(&lower(piece)).is_empty(), "{piece:?} of {name:?}");
            }
        }
    }
}
