//! The functions of PHP and WordPress that wc-auth relies on, with their pitfalls (docs/protocol/wc-auth.md §2.3).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The characters besides letters and digits that PHP's `rawurlencode` leaves unescaped (RFC 3986's unreserved).
const RAW: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// PHP's `urlencode` also escapes `~`, and writes a space as `+`.
const FORM: &AsciiSet = &RAW.add(b'~').remove(b' ');
/// The schemes that WordPress allows (`wp_allowed_protocols`); any other empties the address.
const SCHEMES: &[&str] =
    &["http", "https", "ftp", "ftps", "mailto", "news", "irc", "feed", "telnet", "tel", "sms", "webcal"];

/// A value of PHP's `$_GET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// `name[key]=value`; deeper nesting is flattened, because nothing here needs it.
    Array(Vec<(String, String)>),
}

/// PHP's `$_GET` or `$_POST`: names in order of first appearance; the last value wins.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(Vec<(String, Value)>);

impl Params {
    /// `parse_str`.
    pub(super) fn parse(query: &str) -> Self {
        let mut params = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (urldecode(name), urldecode(value));
            match name.find('[').filter(|at| *at > 0 && name[*at..].contains(']')) {
                Some(at) => params.push_into_array(&name[..at], &name[at + 1..], value),
                None => params.set(&mangle(&name), value),
            }
        }
        params
    }

    fn push_into_array(&mut self, name: &str, rest: &str, value: String) {
        let key = rest.split(']').next().unwrap_or_default();
        let name = mangle(name);
        if !matches!(self.value(&name), Some(Value::Array(_))) {
            self.remove(&name);
            self.0.push((name.clone(), Value::Array(Vec::new())));
        }
        if let Some((_, Value::Array(items))) = self.0.iter_mut().find(|(n, _)| *n == name) {
            let key = if key.is_empty() { items.len().to_string() } else { key.to_owned() };
            items.push((key, value));
        }
    }

    pub(super) fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = Value::Text(value),
            None if name.is_empty() => {}
            None => self.0.push((name.to_owned(), Value::Text(value))),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| n != name);
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The text under `name`; `None` for a missing one and for an array.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The text under `name` unless PHP calls it `empty()`.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !is_empty(text))
    }

    /// `array_merge`: values of `other` win.
    pub(super) fn merged(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            match self.0.iter_mut().find(|(n, _)| *n == name) {
                Some((_, old)) => *old = value,
                None => self.0.push((name, value)),
            }
        }
        self
    }

    /// All values, with arrays written as `name[key]`.
    pub(super) fn flat(&self) -> Vec<(String, String)> {
        let mut flat = Vec::new();
        for (name, value) in &self.0 {
            match value {
                Value::Text(text) => flat.push((name.clone(), text.clone())),
                Value::Array(items) => {
                    flat.extend(items.iter().map(|(key, text)| (format!("{name}[{key}]"), text.clone())));
                }
            }
        }
        flat
    }
}

fn mangle(name: &str) -> String {
    name.trim_start().replace(['.', ' '], "_")
}

/// `empty()`: true for `"0"` too.
pub(super) fn is_empty(text: &str) -> bool {
    matches!(text, "" | "0")
}

/// `urldecode`: `+` is a space.
pub(super) fn urldecode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// `urlencode`.
pub(super) fn urlencode(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string().replace(' ', "+")
}

/// `rawurlencode`.
pub(super) fn rawurlencode(text: &str) -> String {
    utf8_percent_encode(text, RAW).to_string()
}

/// `add_query_arg`: the existing query is parsed and re-encoded, arguments are added **raw**, and a `=` before `&` or the end is
/// dropped.
pub(super) fn add_query_arg(args: &[(&str, &str)], url: &str) -> String {
    edit_query(url, |pairs| {
        for (name, value) in args {
            match pairs.iter_mut().find(|(n, _)| n == name) {
                Some((_, old)) => (*value).clone_into(old),
                None => pairs.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
    })
}

/// `remove_query_arg`: uses the same code, so it re-encodes too.
pub(super) fn remove_query_arg(name: &str, url: &str) -> String {
    edit_query(url, |pairs| pairs.retain(|(n, _)| n != name))
}

fn edit_query(url: &str, edit: impl FnOnce(&mut Vec<(String, String)>)) -> String {
    let (rest, fragment) = url.find('#').map_or((url, ""), |at| url.split_at(at));
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut pairs: Vec<(String, String)> = Params::parse(query)
        .flat()
        .into_iter()
        .map(|(name, value)| (name.replace('[', "%5B").replace(']', "%5D"), urlencode(&value)))
        .collect();
    edit(&mut pairs);
    let joined = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let joined = joined.trim_matches('?').replace("=&", "&");
    let joined = joined.strip_suffix('=').unwrap_or(&joined);
    let built = format!("{base}?{joined}{fragment}");
    built.trim_end_matches('?').replace("?#", "#")
}

/// `sanitize_text_field`, which is `wc_clean` for text: removes tags, runs of white space and `%xx`.
pub(super) fn sanitize_text_field(text: &str) -> String {
    let text = if text.contains('<') { strip_tags(text) } else { text.to_owned() };
    let mut clean = collapse(&text, &['\r', '\n', '\t', ' ']).trim().to_owned();
    let mut found = false;
    while let Some(at) = find_escape(&clean) {
        let escape = clean[at..at + 3].to_owned();
        clean = clean.replace(&escape, "");
        found = true;
    }
    if found { collapse(&clean, &[' ']).trim().to_owned() } else { clean }
}

fn find_escape(text: &str) -> Option<usize> {
    text.as_bytes().windows(3).position(|w| w[0] == b'%' && w[1].is_ascii_hexdigit() && w[2].is_ascii_hexdigit())
}

fn collapse(text: &str, white: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_run = false;
    for c in text.chars() {
        let is_white = white.contains(&c);
        if !is_white {
            out.push(c);
        } else if !in_run {
            out.push(' ');
        }
        in_run = is_white;
    }
    out
}

/// `wp_pre_kses_less_than` and `wp_strip_all_tags`: removes tags and turns a lone `<` into an entity.
fn strip_tags(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let end = tail.find(['<', '>']).unwrap_or(tail.len());
        if tail[end..].starts_with('>') {
            rest = &tail[end + 1..];
        } else {
            out.push_str("&lt;");
            out.push_str(&tail[..end]);
            rest = &tail[end..];
        }
    }
    out + rest
}

/// `esc_url_raw`: drops characters not on its list; an unknown scheme empties the address.
pub(super) fn esc_url_raw(url: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "-~+_.?#=!&;,/:%@$|*'()[]".contains(c);
    let mut url: String = url.trim_start().replace(' ', "%20").chars().filter(|c| allowed(*c)).collect();
    loop {
        let less = ["%0d", "%0a", "%0D", "%0A"].iter().fold(url.clone(), |text, gone| text.replace(gone, ""));
        if less == url {
            break;
        }
        url = less;
    }
    if url.is_empty() {
        return url;
    }
    match url.split_once(':') {
        None if !url.starts_with(['/', '#', '?']) => url = format!("http://{url}"),
        Some((scheme, _))
            if !scheme.contains(['/', '?', '#']) && !SCHEMES.contains(&scheme.to_lowercase().as_str()) =>
        {
            return String::new();
        }
        _ => {}
    }
    let after_host =
        url.find("://").map_or(0, |at| url[at + 3..].find(['/', '?', '#']).map_or(url.len(), |n| at + 3 + n));
    let (front, end) = url.split_at(after_host);
    format!("{front}{}", end.replace('[', "%5B").replace(']', "%5D"))
}

/// `wp_sanitize_redirect`: also drops `' $ |`, and escapes non-ASCII characters.
pub(super) fn sanitize_redirect(location: &str) -> String {
    let mut out = String::with_capacity(location.len());
    for c in location.replace(' ', "%20").chars() {
        if !c.is_ascii() {
            out.push_str(&urlencode(c.encode_utf8(&mut [0; 4])));
        } else if c.is_ascii_alphanumeric() || "-~+_.?#=&;,/:%!*[]()@".contains(c) {
            out.push(c);
        }
    }
    ["%0d", "%0a", "%0D", "%0A"].iter().fold(out, |text, gone| text.replace(gone, ""))
}

/// `FILTER_VALIDATE_URL`: ASCII only, with a scheme and a host; for http(s) the host must be a DNS name.
pub(super) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_ok = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !scheme_ok || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (host_port, ""),
    };
    if host.is_empty() || !(port.is_empty() || port.parse::<u16>().is_ok()) {
        return false;
    }
    !matches!(scheme.to_lowercase().as_str(), "http" | "https") || is_host(host)
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

/// `esc_html` and `esc_attr`.
pub(super) fn esc_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#039;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn add_query_arg_inserts_raw_and_drops_a_last_equals_sign() {
        assert_eq!(add_query_arg(&[("u", "abc=="), ("s", "1")], "https://a/"), "https://a/?u=abc=&s=1");
        assert_eq!(add_query_arg(&[("u", "abc=")], "https://a/"), "https://a/?u=abc");
        assert_eq!(add_query_arg(&[("u", "v")], "https://a/?x[]=1#f"), "https://a/?x%5B0%5D=1&u=v#f");
        assert_eq!(add_query_arg(&[("x", "2")], "https://a/?x=1&y=a%20b"), "https://a/?x=2&y=a+b");
    }

    #[test]
    fn sanitize_text_field_takes_tags_escapes_and_white_space() {
        for (given, left) in
            [(" a\t\n b ", "a b"), ("100%41x", "100x"), ("50%", "50%"), ("<b>x</b>", "x"), ("a < b", "a &lt; b")]
        {
            assert_eq!(sanitize_text_field(given), left, "{given}");
        }
    }

    #[test]
    fn addresses_are_escaped_as_wordpress_does() {
        assert_eq!(esc_url_raw("https://a/?u={\"a\":1}"), "https://a/?u=a:1");
        assert_eq!(esc_url_raw("myapp://done"), "");
        assert_eq!(sanitize_redirect("https://a/?u=O'Br$en|ж"), "https://a/?u=OBren%D0%B6");
    }

    #[test]
    fn filter_validate_url() {
        for good in ["https://a.example/x?y=%41", "http://127.0.0.1:8443", "myapp://done", "https://u:p@h/"] {
            assert!(is_url(good), "{good}");
        }
        for bad in
            ["https://a_b.example/", "https://a/ b", "https://a/ä", "https:///x", "a.example", "https://-a.example"]
        {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
