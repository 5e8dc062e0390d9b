//! The first line of an import file: which columns it names, in which spelling and with which separator.

use std::io;

use super::cells::{Cells, is_blank, text};
use crate::domain::invisible::is_invisible;

/// The separators to look for, the usual one first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The most names that an error lists.
const LISTED: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    UserId,
    StoreUrl,
    ConsumerKey,
    ConsumerSecret,
    Scope,
    Unknown,
}

impl Column {
    const KNOWN: [Self; 5] = [Self::UserId, Self::StoreUrl, Self::ConsumerKey, Self::ConsumerSecret, Self::Scope];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::StoreUrl => "store_url",
            Self::ConsumerKey => "consumer_key",
            Self::ConsumerSecret => "consumer_secret",
            Self::Scope => "scope",
            Self::Unknown => "",
        }
    }

    /// Other names that can mean nothing else. They count only if no column has the name itself.
    const fn synonyms(self) -> &'static [&'static str] {
        match self {
            Self::UserId => &["userid", "merchant_id", "merchantid"],
            Self::StoreUrl => &["storeurl", "store_address", "store", "url", "site", "site_url", "shop_url"],
            Self::ConsumerKey => &["consumerkey", "key", "ck"],
            Self::ConsumerSecret => &["consumersecret", "secret", "cs"],
            Self::Scope => &["scopes", "permission", "permissions"],
            Self::Unknown => &[],
        }
    }

    /// Whether every row needs a value.
    pub(super) const fn is_required(self) -> bool {
        !matches!(self, Self::Scope | Self::Unknown)
    }

    /// Its places among the normalised names.
    fn places(self, names: &[String]) -> Vec<usize> {
        let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| wanted(name.as_str())).map(|(at, _)| at).collect()
        };
        let exact = of(&|name| name == self.name());
        if exact.is_empty() { of(&|name| self.synonyms().contains(&name)) } else { exact }
    }
}

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum NotAnImport {
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    #[error(
        "the file is empty: its first line must name the columns user_id,store_url,consumer_key,consumer_secret,scope"
    )]
    Empty,
    /// The file is neither UTF-8 nor UTF-16 text.
    #[error("the file is not UTF-8 text: save it as “CSV UTF-8”")]
    NotText,
    #[error("the first line has a quote that is not closed, or a line break in the name of a column")]
    OpenQuote,
    #[error(
        "the first line must name the columns: {column} is missing; found {found} (user_id,store_url,consumer_key,consumer_secret are required, scope is optional)"
    )]
    Missing { column: &'static str, found: String },
    #[error("the first line names {column} twice: keep one; found {found}")]
    Twice { column: &'static str, found: String },
}

pub(super) struct Heading {
    pub(super) separator: u8,
    pub(super) columns: Vec<Column>,
    /// The names of ignored columns.
    pub(super) unknown: Vec<String>,
}

impl Heading {
    /// Finds the columns in the cells of the first line.
    pub(super) fn of(cells: &Cells) -> Result<Self, NotAnImport> {
        let names = normalised(cells);
        let mut columns = vec![Column::Unknown; names.len()];
        for column in Column::KNOWN {
            match column.places(&names)[..] {
                [] if column.is_required() => {
                    return Err(NotAnImport::Missing { column: column.name(), found: listed(cells) });
                }
                [] => {}
                [at] => columns[at] = column,
                _ => return Err(NotAnImport::Twice { column: column.name(), found: listed(cells) }),
            }
        }
        let others = columns.iter().zip(&cells.all).filter(|(column, _)| **column == Column::Unknown);
        let others: Vec<&Vec<u8>> = others.map(|(_, cell)| cell).collect();
        // A name of several lines may contain whole rows, behind a quote that somebody forgot to close.
        if others.iter().any(|cell| cell.contains(&b'\n')) {
            return Err(NotAnImport::OpenQuote);
        }
        let unknown = others.into_iter().map(|cell| shown(cell)).filter(|name| !name.is_empty()).collect();
        Ok(Self { separator: cells.separator, columns, unknown })
    }
}

/// Divides the first line by the separator that makes the most of it: the one that the file states, or the usual ones.
pub(super) fn divide(line: &str, stated: Option<u8>) -> Cells {
    // A spreadsheet that had each row in one cell writes it within quotes.
    let inside = line.trim_matches(is_blank).strip_prefix('"').and_then(|line| line.strip_suffix('"'));
    let texts = || std::iter::once(line).chain(inside.filter(|line| !line.contains('"')));
    let separators = stated.into_iter().chain(SEPARATORS);
    let candidates = separators.flat_map(|separator| texts().map(move |text| Cells::of(text.as_bytes(), separator)));
    let known = |cells: &Cells| {
        let names = normalised(cells);
        Column::KNOWN.iter().filter(|column| !column.places(&names).is_empty()).count()
    };
    let best = candidates.reduce(|best, other| if known(&other) > known(&best) { other } else { best });
    best.unwrap_or_else(|| Cells::of(line.as_bytes(), SEPARATORS[0]))
}

/// The separator in a line `sep=;`, with which Excel begins a file.
pub(super) fn stated_separator(line: &str) -> Option<u8> {
    let line = line.trim_start_matches(|c: char| c == '"' || is_blank(c));
    let (word, rest) = line.split_at_checked(4)?;
    let mut rest = rest.chars();
    let mark = rest.next().filter(|c| c.is_ascii_punctuation() || *c == '\t')?;
    let is_stated = word.eq_ignore_ascii_case("sep=") && mark != '"' && mark != '_';
    let is_whole = rest.all(|c| c == mark || c == '"' || is_blank(c));
    (is_stated && is_whole).then(|| u8::try_from(mark).ok()).flatten()
}

/// Whether a line before the names is blank, whatever its separator.
pub(super) fn is_blank_line(line: &str) -> bool {
    line.chars().all(|c| c == '"' || is_blank(c) || SEPARATORS.iter().any(|separator| char::from(*separator) == c))
}

/// The names in lower case, their words joined by underscores: `User ID` and “user-id” are `user_id`.
fn normalised(cells: &Cells) -> Vec<String> {
    let name = |cell: &Vec<u8>| {
        let visible: String = String::from_utf8_lossy(cell).chars().filter(|c| !is_invisible(*c)).collect();
        let lower = visible.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        words.join("_")
    };
    cells.all.iter().map(name).collect()
}

/// The names as they were found.
fn listed(cells: &Cells) -> String {
    let names: Vec<String> = cells.all.iter().map(|cell| shown(cell)).filter(|name| !name.is_empty()).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        n if n > LISTED => format!("{} and {} more", names[..LISTED].join(", "), n - LISTED),
        _ => names.join(", "),
    }
}

/// A name for people. A first line without names may be a row, so what looks like a key is not repeated.
fn shown(cell: &[u8]) -> String {
    let Some(name) = text(cell) else { return "…".to_owned() };
    let is_long = |part: &str| part.len() >= 20;
    let lower = name.to_lowercase();
    if lower.contains("ck_") || lower.contains("cs_") || name.split(|c: char| !c.is_alphanumeric()).any(is_long) {
        return "…".to_owned();
    }
    name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(line: &str) -> Result<Heading, String> {
        Heading::of(&divide(line, None)).map_err(|fault| fault.to_string())
    }

    #[test]
    fn names_are_recognised_as_people_and_woocommerce_spell_them() {
        for line in [
            "user_id,store_url,consumer_key,consumer_secret",
            "User ID,Store URL,Consumer key,Consumer-Secret",
            "USER.ID,store-url,\"consumer\nkey\",Consumer   Secret:",
            "'user_id',\u{201c}store_url\u{201d},\u{200b}consumer\u{a0}key,\u{feff}consumer_secret*",
            "userId,storeUrl,consumerKey,consumerSecret",
            "Merchant ID,URL,ck,cs",
            "user_id,site,key,secret",
            "user_id;store;key;secret",
            "user_id\tstore\tkey\tsecret",
            "\"user_id\"|\"store\"|\"key\"|\"secret\"",
            "\"user_id,store_url,consumer_key,consumer_secret\"",
        ] {
            let found = heading(line).map(|heading| heading.columns);
            assert_eq!(found.as_deref(), Ok(&Column::KNOWN[..4]), "{line}");
        }
        let more = heading("Site;\"a, b\";permissions;user_id;store_url;consumer_key;consumer_secret;;").unwrap();
        assert_eq!((more.separator, more.unknown), (b';', vec!["Site".to_owned(), "a, b".to_owned()]));
        assert_eq!(more.columns[..5], {
            use Column::{Scope, StoreUrl, Unknown, UserId};
            [Unknown, Unknown, Scope, UserId, StoreUrl]
        });
    }

    #[test]
    fn what_is_missing_or_twice_is_reported_with_the_names_that_were_found() {
        for (line, says) in [
            ("user,store_url,key,secret", "user_id is missing; found user, store_url, key, secret ("),
            ("user_id,store_url,key", "consumer_secret is missing"),
            (",,", "user_id is missing; found nothing"),
            ("user_id,User ID,store_url", "names user_id twice: keep one; found user_id, User ID, store_url"),
            ("user_id,url,store,key,secret", "names store_url twice"),
            ("user_id,store,key,secret,\"note\nm,a,b", "line break"),
            (
                "m,a.example,ck_0123456789abcdef0123456789abcdef01234567,0123456789abcdef0123456789abcdef",
                "m, a.example, …, … (",
            ),
        ] {
            let fault = heading(line).err().unwrap_or_default();
            assert!(fault.contains(says), "{line}: {fault}");
        }
    }

    #[test]
    fn a_separator_is_stated_as_excel_states_it() {
        for (line, stated) in [
            ("sep=;", Some(b';')),
            ("\u{feff}SEP=,", Some(b',')),
            ("\"sep=;\"", Some(b';')),
            ("sep=\t", Some(b'\t')),
            ("sep=;;;;", Some(b';')),
            ("sep=", None),
            ("sep=ab", None),
            ("sep=;user_id", None),
            ("separator;user_id", None),
            ("ää=;", None),
        ] {
            assert_eq!(stated_separator(line), stated, "{line:?}");
        }
        assert!(is_blank_line(";;\u{a0};") && is_blank_line("") && !is_blank_line("a"));
    }
}
