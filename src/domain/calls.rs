//! Calls: what a token may call at stores beyond WooCommerce's routes, and its limits.

use std::fmt;
use std::str::FromStr;

use super::route::{NotARoute, Route};

/// The namespaces of WordPress's REST API that a token may call beside WooCommerce's, such as `wp/v2` or `wp/v2/media`: at most
/// [`Namespaces::MOST`], sorted, without duplicates; usually none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces(Vec<String>);

/// The text is not a list of namespaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNamespaces {
    /// The list has more than [`Namespaces::MOST`] entries.
    #[error("a token can have at most {} namespaces", Namespaces::MOST)]
    TooMany,
    /// This is not written like a namespace.
    #[error(
        "{0:?} is not a namespace: write it as in wp/v2, with letters, digits and - _ . between single slashes, in at most \
         {longest} characters",
        longest = Namespaces::LONGEST
    )]
    Odd(String),
    /// Every token may call this.
    #[error("{0:?} need not be named: every token for calls may call wc/ and wc-…/")]
    WooCommerce(String),
    /// No token may call this.
    #[error("{0:?} cannot be named: {refused}", refused = NotARoute::Refused)]
    Refused(String),
}

impl Namespaces {
    /// The maximum number of namespaces of one token.
    pub const MOST: usize = 20;
    /// The maximum length of one, in characters.
    pub const LONGEST: usize = 100;

    /// These namespaces.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, NotNamespaces> {
        let mut names = names.into_iter().map(namespace).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        names.dedup();
        if names.len() > Self::MOST { Err(NotNamespaces::TooMany) } else { Ok(Self(names)) }
    }

    /// Whether a route is in one of them. Upper and lower case differ: WordPress would answer both.
    pub fn contain(&self, route: &Route) -> bool {
        self.0.iter().any(|name| is_within(route.as_str(), name))
    }

    /// The first namespace that is in none of `other`.
    pub fn first_beyond(&self, other: &Self) -> Option<&str> {
        self.iter().find(|name| !other.iter().any(|known| is_within(name, known)))
    }

    /// The namespaces, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn namespace(text: &str) -> Result<String, NotNamespaces> {
    let odd = || NotNamespaces::Odd(text.chars().take(Namespaces::LONGEST).collect());
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if !is_plain || text.len() > Namespaces::LONGEST || text.ends_with('/') {
        return Err(odd());
    }
    match Route::parse(&text.to_ascii_lowercase()) {
        Ok(route) if route.is_woocommerce() || route.as_str() == "wc" || route.as_str().starts_with("wc-") => {
            Err(NotNamespaces::WooCommerce(text.to_owned()))
        }
        Ok(_) => Ok(text.to_owned()),
        Err(NotARoute::Refused) => Err(NotNamespaces::Refused(text.to_owned())),
        Err(NotARoute::Odd | NotARoute::Elsewhere) => Err(odd()),
    }
}

/// Whether `route` is `name` or below it.
fn is_within(route: &str, name: &str) -> bool {
    route.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl FromStr for Namespaces {
    type Err = NotNamespaces;

    /// Parses namespaces between commas, spaces or line ends.
    fn from_str(text: &str) -> Result<Self, NotNamespaces> {
        Self::of(text.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty()))
    }
}

impl fmt::Display for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

names! {
    /// A limit on a token's calls to stores.
    CallLimit {
        /// How long a call may take, from when it is sent to the store until the end of the answer.
        Seconds = "seconds",
        /// The largest body of a request.
        RequestBytes = "request_bytes",
        /// The largest body of the store's answer.
        ResponseBytes = "response_bytes",
        /// Calls in progress at the same time.
        Concurrent = "concurrent",
        /// Calls that begin within a minute.
        PerMinute = "per_minute",
    }
}

impl CallLimit {
    /// The highest value that can be set; the lowest is 1. Without a limit on time or size, this much is possible.
    pub const fn most(self) -> u64 {
        match self {
            Self::Seconds => 600,
            Self::RequestBytes => 32 * 1024 * 1024,
            Self::ResponseBytes => 2 * 1024 * 1024 * 1024,
            Self::Concurrent => 1_000,
            Self::PerMinute => 1_000_000,
        }
    }

    /// What it limits, for whoever sets it.
    pub const fn says(self) -> &'static str {
        match self {
            Self::Seconds => "Seconds per call, until the end of the store’s answer",
            Self::RequestBytes => "Largest request body, in bytes",
            Self::ResponseBytes => "Largest answer of a store, in bytes",
            Self::Concurrent => "Calls at the same time",
            Self::PerMinute => "Calls per minute",
        }
    }

    /// A value of it, for people.
    pub fn in_words(self, n: u64) -> String {
        const MIB: u64 = 1024 * 1024;
        let bytes = if n.is_multiple_of(MIB) { format!("{} MiB", n / MIB) } else { format!("{n} bytes") };
        match self {
            Self::Seconds => format!("{n} s per call"),
            Self::RequestBytes => format!("{bytes} sent"),
            Self::ResponseBytes => format!("{bytes} received"),
            Self::Concurrent => format!("{n} at the same time"),
            Self::PerMinute => format!("{n} per minute"),
        }
    }

    /// What applies without it, for whoever sets it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Seconds => {
                "1 to 600. Otherwise a store has a minute to begin its answer, and ten minutes to finish it."
            }
            Self::RequestBytes => "Otherwise 33,554,432 (32 MiB).",
            Self::ResponseBytes => "Otherwise 2,147,483,648 (2 GiB).",
            Self::Concurrent => {
                "Otherwise as many as the stores’ hosts have places. Each process of Cartkey counts its own."
            }
            Self::PerMinute => "Otherwise as many as the stores allow. Each process of Cartkey counts its own.",
        }
    }
}

/// The limits on a token's calls; a limit that is not set is as for every token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallLimits([Option<u64>; CallLimit::ALL.len()]);

/// The text is not a list of limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLimits {
    /// This is no limit.
    #[error("{0:?} is not a limit; write limits as in seconds=30,per_minute=60. The limits are {known}", known = CallLimit::ALL.map(CallLimit::as_str).join(", "))]
    Unknown(String),
    /// The value is not one that this limit can have.
    #[error("{0} must be 1 to {most}", most = .0.most())]
    Value(CallLimit),
}

impl CallLimits {
    /// Limits with these values; fails with the first limit whose value is too small or too large.
    pub fn of(values: impl IntoIterator<Item = (CallLimit, Option<u64>)>) -> Result<Self, NotLimits> {
        let mut limits = Self::default();
        for (limit, value) in values {
            if value.is_some_and(|value| value == 0 || value > limit.most()) {
                return Err(NotLimits::Value(limit));
            }
            limits.0[limit as usize] = value;
        }
        Ok(limits)
    }

    /// The value of a limit, if it is set.
    pub const fn get(&self, limit: CallLimit) -> Option<u64> {
        self.0[limit as usize]
    }

    /// The limits that are set, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (CallLimit, u64)> {
        CallLimit::ALL.into_iter().filter_map(|limit| Some((limit, self.get(limit)?)))
    }

    /// These limits on behalf of a token with the limits `own`: what is not set is as there. Fails with the first limit that
    /// would be higher.
    pub fn within(self, own: Self) -> Result<Self, CallLimit> {
        let mut limits = self;
        for (limit, most) in own.iter() {
            if *limits.0[limit as usize].get_or_insert(most) > most {
                return Err(limit);
            }
        }
        Ok(limits)
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits for people, such as `30 s per call, 60 per minute`; empty if none is set.
    pub fn in_words(&self) -> String {
        self.iter().map(|(limit, value)| limit.in_words(value)).collect::<Vec<_>>().join(", ")
    }
}

impl FromStr for CallLimits {
    type Err = NotLimits;

    /// Parses limits as `name=value` between commas; of a limit that is named twice, the last value counts.
    fn from_str(text: &str) -> Result<Self, NotLimits> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=').ok_or_else(|| NotLimits::Unknown(part.to_owned()))?;
            let limit = CallLimit::from_text(name.trim()).ok_or_else(|| NotLimits::Unknown(part.to_owned()))?;
            Ok((limit, Some(value.trim().parse().map_err(|_| NotLimits::Value(limit))?)))
        });
        Self::of(pairs.collect::<Result<Vec<_>, _>>()?)
    }
}

impl fmt::Display for CallLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (limit, value)) in self.iter().enumerate() {
            write!(f, "{}{limit}={value}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces(text: &str) -> Namespaces {
        text.parse().unwrap_or_else(|fault| panic!("{fault}"))
    }

    #[test]
    fn namespaces_are_written_as_wordpress_writes_them() {
        let read = namespaces(" my-plugin/v1, wp/v2\noembed/1.0 wp/v2");
        assert_eq!(read.to_string(), "my-plugin/v1,oembed/1.0,wp/v2");
        assert_eq!(namespaces(&read.to_string()), read);
        assert!(namespaces("").is_empty());
        for odd in
            ["../wp", "wp/../x", "wp//v2", "/wp/v2", "wp/v2/", "wp/%762", "wp\\v2", "wp/v2?x", "wp/ä", "wp/v~2", "."]
        {
            assert!(matches!(odd.parse::<Namespaces>(), Err(NotNamespaces::Odd(_))), "{odd}");
        }
        assert!(matches!("a".repeat(101).parse::<Namespaces>(), Err(NotNamespaces::Odd(_))));
        for own in ["wc", "wc/v3", "wc-analytics", "WC/v3", "Wc-admin/x", "wc-auth/v1"] {
            let fault = own.parse::<Namespaces>().unwrap_err();
            assert!(matches!(fault, NotNamespaces::WooCommerce(_) | NotNamespaces::Refused(_)), "{own}: {fault}");
        }
        for refused in
            ["batch", "batch/v1", "Batch/V1", "wp/v2/users/me/application-passwords", "a/Application-Passwords/b"]
        {
            assert!(matches!(refused.parse::<Namespaces>(), Err(NotNamespaces::Refused(_))), "{refused}");
        }
        let many = |n: usize| (0..n).map(|n| format!("a{n}/v1")).collect::<Vec<_>>().join(",").parse::<Namespaces>();
        assert!(many(20).is_ok() && many(21) == Err(NotNamespaces::TooMany));
    }

    #[test]
    fn a_namespace_contains_what_is_below_it_and_nothing_that_only_begins_like_it() {
        let some = namespaces("wp/v2/media,my-plugin");
        let contains = |route: &str| some.contain(&Route::parse(route).unwrap());
        assert!(contains("wp/v2/media") && contains("wp/v2/media/12") && contains("my-plugin/v1/x"));
        for route in ["wp/v2", "wp/v2/medias", "wp/v2/Media", "my-plugins/v1", "my-plugin.x/v1", "wp/v2/users"] {
            assert!(!contains(route), "{route}");
        }
        assert_eq!(namespaces("wp/v2/media/x,my-plugin/v1").first_beyond(&some), None);
        assert_eq!(namespaces("my-plugin,wp/v2").first_beyond(&some), Some("wp/v2"));
        assert_eq!(namespaces("wp/v2").first_beyond(&Namespaces::default()), Some("wp/v2"));
    }

    #[test]
    fn limits_are_read_and_shown() {
        let limits: CallLimits = "per_minute=60, seconds=30".parse().unwrap();
        assert_eq!(limits.to_string(), "seconds=30,per_minute=60");
        assert_eq!(limits.in_words(), "30 s per call, 60 per minute");
        assert_eq!(CallLimit::RequestBytes.in_words(3 << 20), "3 MiB sent");
        assert_eq!(CallLimit::ResponseBytes.in_words(5_000), "5000 bytes received");
        assert_eq!((limits.get(CallLimit::Seconds), limits.get(CallLimit::Concurrent)), (Some(30), None));
        assert_eq!("".parse(), Ok(CallLimits::default()));
        for limit in CallLimit::ALL {
            for (value, is_fine) in
                [("0", false), ("1", true), ("-1", false), ("1.5", false), ("", false), ("x", false)]
            {
                assert_eq!(format!("{limit}={value}").parse::<CallLimits>().is_ok(), is_fine, "{limit}={value}");
            }
            assert!(format!("{limit}={}", limit.most()).parse::<CallLimits>().is_ok());
            assert_eq!(format!("{limit}={}", limit.most() + 1).parse::<CallLimits>(), Err(NotLimits::Value(limit)));
        }
        assert!(matches!("minutes=1".parse::<CallLimits>(), Err(NotLimits::Unknown(_))));
        assert!(matches!("seconds".parse::<CallLimits>(), Err(NotLimits::Unknown(_))));
    }

    #[test]
    fn no_limit_is_higher_than_that_of_the_token_that_sets_it() {
        let limits = |text: &str| text.parse::<CallLimits>().unwrap();
        let own = limits("seconds=30,concurrent=2");
        assert_eq!(limits("").within(own), Ok(own));
        assert_eq!(limits("seconds=10,per_minute=5").within(own), Ok(limits("seconds=10,concurrent=2,per_minute=5")));
        assert_eq!(limits("seconds=31").within(own), Err(CallLimit::Seconds));
        assert_eq!(limits("concurrent=9").within(CallLimits::default()), Ok(limits("concurrent=9")));
    }
}
