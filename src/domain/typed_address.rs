//! A typed address: what people paste around a store's address, and how they mistype its scheme.

use std::net::Ipv6Addr;

use super::invisible::is_invisible;

/// The most characters that are read; an address has at most half as many.
const MOST: usize = 4_000;

/// Percent-encoded white space, quotation marks and angle brackets, as programs attach them to an address.
const ENCODED: [&str; 9] = ["%20", "%09", "%0A", "%0D", "%22", "%3C", "%3E", "%C2%A0", "%E2%80%8B"];

/// The address in the text that a person typed or pasted, for `StoreUrl::parse` to judge: without invisible characters, marks
/// around it, a query and a second copy, and with one scheme where one or more were meant. Changes no host to another, and
/// leaves credentials, ports, numbers and other schemes to the judge.
pub(super) fn tidied(pasted: &str) -> String {
    let text: String = pasted.chars().filter(|c| !is_residue(*c)).map(narrow).take(MOST).collect();
    let text = decoded(text);
    let whole = from_scheme(without_lead(&text));
    // In a sentence, the word with a scheme, or else the one that is a name.
    let names_one = |word: &&str| without_scheme(word).is_some_and(|(_, rest)| !rest.is_empty());
    let words = || whole.split_whitespace().map(without_lead);
    let mut rest = words().find(names_one).or_else(|| words().find(|word| is_name(word))).unwrap_or(whole);
    let mut scheme = None;
    while let Some((next, after)) = without_scheme(rest) {
        (scheme, rest) = (Some(next), without_lead(after));
    }
    if scheme.is_some() {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>');
        rest = rest.split(is_end).next().unwrap_or_default();
    }
    let rest = rest.split(['?', '#', '&']).next().unwrap_or_default();
    let rest = without_tail(first_copy(rest));
    match scheme {
        Some(scheme) if !names_another_scheme(rest) => format!("{scheme}://{rest}"),
        _ => rest.to_owned(),
    }
}

/// Invisible characters that programs and keyboards leave in a text. Joiners are not among them, because in some languages they
/// make a different name, nor are characters that change the direction of the text after them.
const fn is_residue(c: char) -> bool {
    is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{202a}'..='\u{202e}' | '\u{2065}'..='\u{206f}')
}

/// Full-width letters and marks, as Japanese and Chinese keyboards write them, in their usual width; every space as a space.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{3000}' => ' ',
        '。' => '.',
        c => c,
    }
}

/// An address as it stands in a parameter of another: `https%3A%2F%2Fshop.com`.
fn decoded(text: String) -> String {
    let start = text.trim_start().get(..8).unwrap_or_default().to_ascii_lowercase();
    if !start.starts_with("http%3a") && !start.starts_with("https%3a") {
        return text;
    }
    [("%3A", ":"), ("%3a", ":"), ("%2F", "/"), ("%2f", "/")].iter().fold(text, |text, (code, c)| text.replace(code, c))
}

/// The text from its first scheme on, if what stands before it is no name: `href="https://…`, `view-source:https://…`.
fn from_scheme(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let first = ["http://", "https://"].iter().filter_map(|scheme| lower.find(scheme)).min();
    first.filter(|first| !text[..*first].contains('.')).map_or(text, |first| &text[first..])
}

/// Whether a word of a sentence is a host name with a domain: `shop.com/de`, but neither an email address nor the end of a sentence.
fn is_name(word: &str) -> bool {
    let host = without_tail(word).split(['/', '?', '#', ':']).next().unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
    let is_domain = |last: &str| last.chars().count() >= 2 && last.chars().all(|c| c.is_alphabetic() || c == '-');
    host.chars().all(is_part) && host.rsplit_once('.').is_some_and(|(name, last)| !name.is_empty() && is_domain(last))
}

/// Splits off a scheme, complete or mistyped (`https//`, `http:`, `htttp://`, `https;//`), and everything up to the host. `None` if
/// the text begins with something else, such as a host or the scheme of something that is no shop.
fn without_scheme(text: &str) -> Option<(&'static str, &str)> {
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, after) = text.split_at(letters);
    let rest = after.trim_start_matches(|c: char| matches!(c, ':' | ';' | '.' | '/' | '\\') || c.is_whitespace());
    let marks = &after[..after.len() - rest.len()];
    let slashes = marks.matches(['/', '\\']).count();
    let colon = marks.contains([':', ';']);
    let word = word.to_ascii_lowercase();
    let is_scheme = match word.as_str() {
        "http" | "https" => colon || slashes > 0 || marks.starts_with(char::is_whitespace),
        near => is_nearly_http(near) && (slashes > 1 || (colon && slashes > 0)),
    };
    is_scheme.then(|| (if word.contains('s') { "https" } else { "http" }, rest))
}

/// Whether a word is `http` or `https` with letters missing, doubled or swapped. No other scheme in use looks like that.
fn is_nearly_http(word: &str) -> bool {
    let of_its_letters = word.bytes().all(|b| b"htps".contains(&b)) && word.contains('t') && word.contains('p');
    let with_another = (word.starts_with("ht") || word.starts_with("hx")) && word.contains('p');
    (3..=8).contains(&word.len()) && (of_its_letters || with_another)
}

/// Whether what follows http(s):// begins with the scheme of something else.
fn names_another_scheme(rest: &str) -> bool {
    let is_scheme = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'));
    rest.split_once("://").is_some_and(|(before, _)| is_scheme(before))
}

/// The text up to the scheme of a second copy: `shop.comhttps://shop.com`.
fn first_copy(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let second = ["http://", "https://"].iter().filter_map(|scheme| lower.find(scheme)).min();
    &text[..second.unwrap_or(text.len())]
}

/// Marks that stand before or after an address and are never part of one.
const fn is_mark(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '´' | '«' | '»' | '‘'..='‟' | '′' | '″' | '‹' | '›' | '<' | '>' | '*' | '|' | '•' | '…' | '→' | '–'
            | '—' | '.' | ',' | ':' | ';' | '!' | '=' | '&' | '/' | '\\' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '、' | '〈'..='】' | '〝' | '〞'
    )
}

fn without_lead(mut text: &str) -> &str {
    loop {
        let Some(first) = text.chars().next() else { return text };
        let leads = match first {
            '(' | '{' => true,
            '[' => !is_ip_in_brackets(text),
            c => c.is_whitespace() || is_mark(c),
        };
        if !leads {
            return text;
        }
        text = &text[first.len_utf8()..];
    }
}

fn without_tail(mut text: &str) -> &str {
    loop {
        let Some(last) = text.chars().next_back() else { return text };
        let trails = match last {
            '(' | '[' | '{' => true,
            ')' => !text.contains('('),
            ']' => !text.contains('['),
            '}' => !text.contains('{'),
            c => c.is_whitespace() || is_mark(c),
        };
        let encoded = ENCODED.iter().find(|code| ends_with(text, code)).map(|code| code.len());
        let Some(length) = trails.then_some(last.len_utf8()).or(encoded) else { return text };
        text = &text[..text.len() - length];
    }
}

/// Whether the text ends with `code` in any case.
fn ends_with(text: &str, code: &str) -> bool {
    let at = text.len().checked_sub(code.len());
    at.and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(code))
}

fn is_ip_in_brackets(text: &str) -> bool {
    let inside = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    inside.is_some_and(|(ip, _)| ip.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::store_url::{Network, NotAStoreUrl as No, StoreUrl};

    fn typed(text: &str) -> Result<String, No> {
        StoreUrl::typed(text, Network::Public).map(|url| url.as_str().to_owned())
    }

    #[test]
    fn what_is_around_an_address_and_before_it_is_not_the_address() {
        for text in [
            "https://https://SHOP",
            "http://https://SHOP",
            "https://http://www.SHOP",
            "https//SHOP",
            "https:/SHOP",
            "https:SHOP",
            "https/SHOP",
            "https:// SHOP",
            "https SHOP",
            "https;//SHOP",
            "https:\\\\SHOP",
            "htttp://SHOP",
            "htps://SHOP",
            "ttps://SHOP",
            "hxxps://SHOP",
            "http:////SHOP",
            "://SHOP",
            "ｈｔｔｐｓ：／／SHOP",
            "SHOP)",
            "(SHOP)",
            "(https://SHOP/).",
            "[SHOP]",
            "<https://SHOP>",
            "SHOP,",
            "SHOP;",
            "SHOP!",
            "SHOP:",
            "SHOP。",
            "**SHOP**",
            "https://SHOP/.",
            "https://SHOP/…",
            "“SHOP”",
            "„https://SHOP/“",
            "«SHOP»",
            "「SHOP」",
            "'SHOP'.",
            "https://SHOP%20",
            "https://SHOP/%3E",
            "\u{feff}https://\u{200b}SHOP\u{a0}",
            "\u{2068}SHOP\u{2069}",
            "s\u{ad}h\u{200b}op.example.com",
            "SHOPhttps://SHOP",
            "https://SHOP/ https://SHOP/",
            "My shop: https://SHOP, thanks",
            "https://SHOP/?redirect_to=https://SHOP/my-account/",
            "https://SHOP/wp-admin/admin.php?page=wc-settings)",
            "https://SHOP&utm_source=mail",
            "https://SHOP=",
            "=https://SHOP",
            "view-source:https://SHOP/",
            "URL=https://SHOP",
            "href=\"https://SHOP\"",
            "<a href=\"https://SHOP\">My shop</a>",
            "[my shop](https://SHOP)",
            "[https://SHOP](https://SHOP)",
            "https%3A%2F%2FSHOP%2F",
            "Shop: SHOP",
            "store_url: SHOP",
            "www SHOP",
            "My shop is SHOP. Thanks!",
        ] {
            let text = text.replace("SHOP", "shop.example.com");
            let found = typed(&text).map(|home| home.replace("://www.", "://"));
            assert_eq!(found.as_deref(), Ok("https://shop.example.com"), "{text}");
        }
        assert_eq!(typed("www.shop.com/de/)").as_deref(), Ok("https://www.shop.com/de"));
        assert_eq!(typed("http.cat").as_deref(), Ok("https://http.cat"));
        let dev = |text: &str| StoreUrl::typed(text, Network::PrivateToo).map(|url| url.as_str().to_owned());
        assert_eq!(dev("http://localhost:8081/.").as_deref(), Ok("http://localhost:8081"));
        assert_eq!(dev("https:localhost:8081").as_deref(), Ok("https://localhost:8081"));
        assert_eq!(dev("(http://[::1]:9)").as_deref(), Ok("http://[::1]:9"));
    }

    #[test]
    fn what_is_no_shops_address_is_judged_as_before() {
        for (text, why) in [
            ("", No::Empty),
            ("\u{200b} ()", No::Empty),
            ("https://", No::Unreadable),
            ("https://https://", No::Unreadable),
            ("hello world", No::Unreadable),
            ("shop .com", No::Unreadable),
            ("call 127.0.0.1", No::Unreadable),
            ("me me@shop.com", No::Userinfo),
            ("https://shop.com\\.evil.com", No::Unreadable),
            ("ftp://shop.com", No::Scheme),
            ("https://ftp://shop.com", No::Scheme),
            ("javascript:alert(1)", No::Scheme),
            ("https:me@shop.com", No::Userinfo),
            ("https://shop.com\\@evil.com", No::Userinfo),
            ("https:127.0.0.1", No::IpAddress),
            ("(127.0.\u{200b}0.1).", No::IpAddress),
            ("１２７．１", No::IpAddress),
            ("https:/[::1]", No::IpAddress),
            ("http:localhost", No::PrivateName),
            ("https//shop.com:22,", No::Port),
        ] {
            assert_eq!(typed(text), Err(why), "{text}");
        }
        let vectors = include_str!("../../tests/ssrf_vectors.txt").lines().filter_map(|line| line.split_once(", "));
        for (_, number) in vectors.filter(|(verdict, _)| ["deny", "allow"].contains(verdict)) {
            for text in [number.to_owned(), format!("(https:{number})."), format!("https://http://{number}/")] {
                assert!(typed(&text).is_err(), "{text}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn reading_never_panics_and_ends_in_an_address_that_is_one(text in "(https?[:;]?[/\\\\]{0,3}){0,3}\\PC{0,30}", private in any::<bool>()) {
            let network = if private { Network::PrivateToo } else { Network::Public };
            if let Ok(url) = StoreUrl::typed(&text, network) {
                prop_assert_eq!(StoreUrl::parse(url.as_str(), network), Ok(url.clone()), "{}", text);
            }
        }
    }
}
