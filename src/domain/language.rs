//! Language: the languages of the merchant's pages, and how one is chosen.

/// The languages of the merchant's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, also used where another language lacks a sentence.
    English,
    German,
    French,
    Spanish,
    /// Portuguese: Brazilian spelling, acceptable in Portugal.
    Portuguese,
    Japanese,
}

/// The maximum number of `Accept-Language` entries considered; browsers send a handful.
const PREFERENCES_AT_MOST: usize = 32;

impl Language {
    /// All languages, in the order of the language switch.
    pub const ALL: [Self; 6] =
        [Self::English, Self::German, Self::French, Self::Spanish, Self::Portuguese, Self::Japanese];

    /// The language tag (BCP 47), as in pages and headers.
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

    /// The language's name in the language itself.
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

    /// The language of a tag such as `pt-BR`; only the first subtag counts.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The supported language with the highest weight in `Accept-Language`; the first if several are equal. `*` and
    /// unsupported languages are ignored.
    pub fn wanted(accept_language: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for preference in accept_language.split(',').take(PREFERENCES_AT_MOST) {
            let mut parts = preference.split(';');
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

/// Parses a weight such as `0.85` as thousandths; `None` if invalid (RFC 9110 §12.4.2).
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
            // Unsupported languages are skipped.
            ("nl-NL,nl;q=0.9,de;q=0.8,en;q=0.7", Some(German)),
            ("nl", None),
            ("*", None),
            ("", None),
            // The first of equal weights.
            ("en,de", Some(English)),
            ("de;q=0.8,fr;q=0.8", Some(German)),
            // Zero excludes a language. Entries with invalid weights are ignored.
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
        fn reading_a_preference_never_panics(text in "\\PC{0,80}") {
            let _ = Language::wanted(&text);
        }
    }
}
