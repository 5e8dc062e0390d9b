//! Language: in which tongue a merchant is spoken to.

/// The languages of the merchant's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, which also stands in where another language lacks a sentence.
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Portuguese, as Brazil writes it and Portugal reads it.
    Portuguese,
    /// Japanese.
    Japanese,
}

/// Entries of an `Accept-Language` that are looked at; browsers send a handful.
const WISHES_AT_MOST: usize = 32;

impl Language {
    /// Every language, in the order in which the switch shows them.
    pub const ALL: [Self; 6] =
        [Self::English, Self::German, Self::French, Self::Spanish, Self::Portuguese, Self::Japanese];

    /// Its tag (BCP 47), as pages and headers name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::Japanese => "ja",
        }
    }

    /// Its name in itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::French => "Français",
            Self::Spanish => "Español",
            Self::Portuguese => "Português",
            Self::Japanese => "日本語",
        }
    }

    /// The language of a tag such as `pt-BR`; what follows the first part does not matter.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The language that an `Accept-Language` wants most among ours; the first of equals. `*` and languages that we
    /// lack are passed over.
    pub fn wanted(accept_language: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for wish in accept_language.split(',').take(WISHES_AT_MOST) {
            let mut parts = wish.split(';');
            let Some(language) = parts.next().and_then(Self::of_tag) else { continue };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1000), thousandths);
            let Some(weight) = weight.filter(|weight| *weight > 0) else { continue };
            if best.is_none_or(|(least, _)| weight > least) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// A weight such as `0.85` in thousandths; `None` for what is not one (RFC 9110 §12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if rest.len() > 3 || !rest.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u16 = if rest.is_empty() { 0 } else { format!("{rest:0<3}").parse().ok()? };
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Language::{English, French, German, Japanese, Portuguese, Spanish};
    use super::*;

    #[test]
    fn the_weightiest_of_our_languages_is_taken() {
        for (header, wanted) in [
            ("de", Some(German)),
            ("pt-BR", Some(Portuguese)),
            ("pt-PT,pt;q=0.9,en;q=0.8", Some(Portuguese)),
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", Some(French)),
            ("en;q=0.5, ja;q=0.9", Some(Japanese)),
            ("es-419", Some(Spanish)),
            ("ES", Some(Spanish)),
            // What we lack gives way to the next.
            ("nl-NL,nl;q=0.9,de;q=0.8,en;q=0.7", Some(German)),
            ("nl", None),
            ("*", None),
            ("", None),
            // The first of equals.
            ("en,de", Some(English)),
            ("de;q=0.8,fr;q=0.8", Some(German)),
            // Zero says: not this one. What is no weight counts for nothing.
            ("de;q=0,fr;q=0.1", Some(French)),
            ("de;q=0.000", None),
            ("de;q=2,fr;q=0.1", Some(French)),
            ("de;q=high,fr;q=0.1", Some(French)),
            ("de;q=0.1234,fr;q=0.1", Some(French)),
            ("de; q=0.3 , fr ;q=0.4", Some(French)),
            ("deutsch", None),
        ] {
            assert_eq!(Language::wanted(header), wanted, "{header}");
        }
    }

    #[test]
    fn a_tag_reads_back() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.code()), Some(language));
        }
    }

    proptest! {
        #[test]
        fn reading_a_wish_never_panics(text in "\\PC{0,80}") {
            let _ = Language::wanted(&text);
        }
    }
}
