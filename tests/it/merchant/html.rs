//! Finds links, forms and texts in a page by their visible words.

/// An element: its attributes and inner HTML.
#[derive(Debug, Clone)]
pub struct Element {
    attributes: Vec<(String, String)>,
    pub inside: String,
}

impl Element {
    /// The decoded value of an attribute; empty for a bare one.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The visible text.
    pub fn text(&self) -> String {
        text(&self.inside)
    }
}

/// A form: its action, fields, and buttons (text, name, value, `formaction`).
#[derive(Debug, Clone)]
pub struct Form {
    pub action: Option<String>,
    pub is_post: bool,
    pub fields: Vec<(String, String)>,
    pub buttons: Vec<Element>,
}

impl Form {
    pub fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, _)| name == field)
    }
}

/// All elements with this lower-case name, in order. Nested elements of the same name are not supported.
pub fn elements(html: &str, name: &str) -> Vec<Element> {
    let lower = html.to_ascii_lowercase();
    let (open, close) = (format!("<{name}"), format!("</{name}"));
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = lower[at..].find(&open).map(|n| at + n + open.len()) {
        at = start;
        if !lower[start..].starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/') {
            continue;
        }
        let Some(end) = end_of_tag(&html[start..]).map(|n| start + n) else { break };
        let inside = lower[end + 1..].find(&close).map_or("", |n| &html[end + 1..end + 1 + n]);
        found.push(Element { attributes: attributes(&html[start..end]), inside: inside.to_owned() });
        at = end;
    }
    found
}

pub fn forms(html: &str) -> Vec<Form> {
    elements(html, "form").iter().map(form).collect()
}

fn form(element: &Element) -> Form {
    let html = &element.inside;
    let mut fields = Vec::new();
    let mut buttons = elements(html, "button");
    for input in elements(html, "input") {
        let kind = input.attribute("type").unwrap_or("text");
        let Some(name) = input.attribute("name").map(str::to_owned) else { continue };
        let value = input.attribute("value").unwrap_or_default().to_owned();
        match kind {
            "submit" => buttons.push(Element { inside: value, ..input }),
            "checkbox" | "radio" if input.attribute("checked").is_none() => {}
            "checkbox" | "radio" if value.is_empty() => fields.push((name, "on".to_owned())),
            _ => fields.push((name, value)),
        }
    }
    for area in elements(html, "textarea") {
        fields
            .extend(area.attribute("name").map(|name| (name.to_owned(), decode(area.inside.trim_start_matches('\n')))));
    }
    for select in elements(html, "select") {
        let options = elements(&select.inside, "option");
        let chosen = options.iter().find(|o| o.attribute("selected").is_some()).or(options.first());
        let value = chosen.map(|o| o.attribute("value").map_or_else(|| o.text(), str::to_owned)).unwrap_or_default();
        fields.extend(select.attribute("name").map(|name| (name.to_owned(), value)));
    }
    let is_post = element.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
    buttons.retain(|button| button.attribute("type").unwrap_or("submit") == "submit");
    Form { action: element.attribute("action").map(str::to_owned), is_post, fields, buttons }
}

/// The target of `<meta http-equiv=refresh content="0; url=…">`.
pub fn refresh(html: &str) -> Option<String> {
    let metas = elements(html, "meta");
    let is_refresh = |m: &&Element| m.attribute("http-equiv").is_some_and(|v| v.eq_ignore_ascii_case("refresh"));
    let content = metas.iter().find(is_refresh)?.attribute("content")?;
    let (_, target) = content.split_once([';', ','])?;
    let target = target.trim();
    let has_name = target.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("url="));
    Some(if has_name { &target[4..] } else { target }.trim_matches(['\'', '"', ' ']).to_owned())
}

/// The visible text of a piece of HTML: no tags, styles or scripts, white space collapsed.
pub fn text(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let hidden = ["style", "script"]
            .into_iter()
            .find(|name| rest.get(at + 1..at + 1 + name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name)));
        let tail = match hidden {
            Some(name) => rest[at..].find(&format!("</{name}")).map_or("", |n| &rest[at + n + 1..]),
            None => &rest[at + 1..],
        };
        rest = end_of_tag(tail).map_or("", |n| &tail[n + 1..]);
        out.push(' ');
    }
    out.push_str(rest);
    decode(&out.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The end of a tag: the first `>` outside quotes.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes(tag: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = tag.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(given) = rest.strip_prefix('=').map(str::trim_start) {
            let quoted = given.chars().next().filter(|c| matches!(c, '"' | '\''));
            let body = if quoted.is_some() { &given[1..] } else { given };
            let end = body.find(|c: char| quoted.map_or(c.is_ascii_whitespace(), |q| q == c)).unwrap_or(body.len());
            value = &body[..end];
            rest = body[end..].trim_start_matches(['"', '\'']);
        }
        if !name.is_empty() {
            found.push((name, decode(value)));
        }
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
    }
    found
}

/// Decodes the entities used by our pages and askama.
pub fn decode(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let named = rest.find(';').and_then(|end| Some((entity(&rest[1..end])?, end)));
        let (c, end) = named.unwrap_or(('&', 0));
        out.push(c);
        rest = &rest[end + 1..];
    }
    out + rest
}

fn entity(name: &str) -> Option<char> {
    let number = name.strip_prefix('#');
    let hex = number.and_then(|n| n.strip_prefix(['x', 'X']));
    match (name, number, hex) {
        (_, _, Some(hex)) => char::from_u32(u32::from_str_radix(hex, 16).ok()?),
        (_, Some(number), _) => char::from_u32(number.parse().ok()?),
        ("amp", ..) => Some('&'),
        ("lt", ..) => Some('<'),
        ("gt", ..) => Some('>'),
        ("quot", ..) => Some('"'),
        ("nbsp", ..) => Some('\u{a0}'),
        _ => None,
    }
}

#[test]
fn finds_what_a_person_sees() {
    let html = "<a href='/x?a=1&#038;b=2' class=y><b>Go</b>\n on</a><form method=POST action=\"/f\"><input name=a value=\"1 > 0\">\
                <select name=s><option value=p>P<option value=q selected>Q</select><button name=go value=1>Send</button></form>\
                <meta http-equiv=\"refresh\" content=\"0; url='/next'\">";
    let link = &elements(html, "a")[0];
    assert_eq!((link.text().as_str(), link.attribute("href")), ("Go on", Some("/x?a=1&b=2")));
    let form = &forms(html)[0];
    assert_eq!(form.fields, [("a".to_owned(), "1 > 0".to_owned()), ("s".to_owned(), "q".to_owned())]);
    assert!(form.is_post && form.has("a") && form.buttons[0].text() == "Send");
    assert_eq!(refresh(html).as_deref(), Some("/next"));
    assert_eq!(text("<p>a<style>x</style>b &lt; c</p>"), "a b < c");
}
