//! Identifies firewalls, hosts' protections and plugins that close the API by their answers: one table.

use hyper::header::{LOCATION, SERVER};
use serde_json::Value;

use super::http::Reply;
use crate::domain::{Product, Verdict};

/// The maximum number of bytes of a page that are searched.
const LOOK_AT_MOST: usize = 64 * 1024;

/// The longest page of a bot check, in bytes.
const CHECK_PAGE_AT_MOST: usize = 16 * 1024;

/// What the pages of bot checks ask of a visitor, in lower case. The word captcha is not among them: any form may have one.
const CHECKS_SAY: [&str; 10] = [
    "not a robot",
    "not a bot",
    "are human",
    "human verification",
    "checking your browser",
    "verify you are",
    "verifying your browser",
    "security check",
    "turn javascript on and reload",
    "ddos protection",
];

/// A mark by which an answer shows which product wrote it.
#[derive(Debug, Clone, Copy)]
enum Mark {
    /// A header, whatever the status.
    Header(&'static str),
    /// A header that begins with this, in a refusal.
    HeaderBegins(&'static str, &'static str),
    /// A header and a word, in a 403.
    ForbiddenWith(&'static str),
    /// Words in a refusal's page, in lower case.
    Says(&'static str),
    /// Words in the page of a 403 or 406.
    ForbiddenSays(&'static str),
    /// Words in a page that answers with success.
    Passes(&'static str),
    /// The beginning of a JSON error's code.
    Code(&'static str),
    /// Words in a JSON error's message, in lower case.
    Message(&'static str),
    /// Part of the address of a redirect.
    Redirect(&'static str),
}

/// The products and their marks; the first match counts. For their settings, see [`Product::setting`]; for what the merchant reads,
/// the verdict's sentence. Cloudflare pages without a mark are recognised last.
const PRODUCTS: &[(Product, &[Mark])] = &[
    (Product::Cloudflare, &[Mark::Header("cf-mitigated")]),
    (Product::SiteGround, &[Mark::Header("sg-captcha"), Mark::Passes("sgcaptcha"), Mark::Redirect("sgcaptcha")]),
    (Product::AwsWaf, &[Mark::Header("x-amzn-waf-action")]),
    (Product::Imperva, &[Mark::Passes("_incapsula_resource"), Mark::Says("_incapsula_resource")]),
    (Product::Duo, &[Mark::Redirect("duosecurity.com"), Mark::Says("duosecurity.com"), Mark::Code("duo_")]),
    (Product::DefensiveMode, &[Mark::Passes("defensive mode"), Mark::Says("defensive mode")]),
    (
        Product::SolidSecurity,
        &[Mark::Code("itsec_"), Mark::Message("solid security"), Mark::Message("kadence security")],
    ),
    (
        Product::AllInOneSecurity,
        &[
            Mark::Code("aiowps"),
            Mark::Message("all-in-one security"),
            Mark::Message("you are not authorized to perform this action"),
        ],
    ),
    (Product::DisableRestApi, &[Mark::Message("dra: ")]),
    (Product::BirimRestLock, &[Mark::Code("birim"), Mark::Message("rest lock")]),
    (Product::Wordfence, &[Mark::Says("wordfence"), Mark::Message("wordfence"), Mark::Code("wordfence")]),
    (
        Product::Imunify360,
        &[
            Mark::Says("imunify360"),
            Mark::HeaderBegins("server", "imunify360"),
            Mark::Passes("imunify360"),
            Mark::Message("imunify360"),
        ],
    ),
    (Product::Sucuri, &[Mark::ForbiddenWith("x-sucuri-id"), Mark::ForbiddenSays("sucuri website firewall")]),
    (Product::ModSecurity, &[Mark::ForbiddenSays("mod_security"), Mark::ForbiddenSays("modsecurity")]),
];

/// Which product produced a page without WordPress's JSON, if known. Only answers that block us are examined: a shop
/// behind Cloudflare that answers is just a shop.
pub(super) fn in_front(reply: &Reply) -> Option<Verdict> {
    let found = PRODUCTS.iter().find(|(_, marks)| marks.iter().any(|mark| mark.is_on_page(reply)));
    if let Some((product, _)) = found {
        return Some(Verdict::Blocked(*product));
    }
    let status = reply.status.as_u16();
    if status < 300 || (is_refusal(status) && says(reply, "document.cookie")) {
        return bot_check(reply);
    }
    let cloudflare = header(reply, SERVER.as_str()).eq_ignore_ascii_case("cloudflare");
    if cloudflare && is_refusal(status) { of_cloudflare(reply, status) } else { None }
}

/// Which product wrote this JSON, whatever the status: plugins refuse with errors in WordPress's format, firewalls in their own.
pub(super) fn in_json(value: &Value) -> Option<Verdict> {
    let text = |name| value.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let (code, message) = (text("code"), text("message"));
    let is_it = |mark: &Mark| match mark {
        Mark::Code(start) => code.starts_with(start),
        Mark::Message(words) => message.contains(words),
        _ => false,
    };
    // WooCommerce's own errors are never a product's, whatever their words.
    let found =
        PRODUCTS.iter().find(|(_, marks)| marks.iter().any(is_it)).filter(|_| !code.starts_with("woocommerce_"));
    found.map(|(product, _)| Verdict::Blocked(*product))
}

/// Whether a page with this status refuses us as a client, rather than this one request.
const fn is_refusal(status: u16) -> bool {
    status >= 400 && !matches!(status, 401 | 404 | 410)
}

impl Mark {
    fn is_on_page(self, reply: &Reply) -> bool {
        let status = reply.status.as_u16();
        let is_forbidden = matches!(status, 403 | 406);
        match self {
            Self::Header(name) => reply.headers.contains_key(name),
            Self::HeaderBegins(name, start) => is_refusal(status) && header(reply, name).starts_with(start),
            Self::ForbiddenWith(name) => status == 403 && reply.headers.contains_key(name),
            Self::Says(words) => is_refusal(status) && says(reply, words),
            Self::ForbiddenSays(words) => is_forbidden && says(reply, words),
            Self::Passes(words) => status < 300 && is_short(reply) && says(reply, words),
            Self::Redirect(part) => (300..400).contains(&status) && header(reply, LOCATION.as_str()).contains(part),
            Self::Code(_) | Self::Message(_) => false,
        }
    }
}

/// Whether a page is as short as a bot check: a shop's own page may mention these products.
fn is_short(reply: &Reply) -> bool {
    (1..=CHECK_PAGE_AT_MOST).contains(&reply.body.len()) && !is_wordpress(reply)
}

fn is_wordpress(reply: &Reply) -> bool {
    says(reply, "wp-content") || says(reply, "wp-includes") || says(reply, "api.w.org")
}

/// The page of a bot check: a script runs in the browser, and loads the page again, or a person must prove to be one. A shop's own
/// page, or WordPress's, is none.
fn bot_check(reply: &Reply) -> Option<Verdict> {
    if says(reply, "one moment, please") && says(reply, "location.reload") {
        return Some(Verdict::Blocked(Product::Imunify360));
    }
    let loads_again = says(reply, "location.reload") || (says(reply, "document.cookie") && says(reply, "location."));
    let asks = || CHECKS_SAY.iter().any(|words| says(reply, words));
    let runs = says(reply, "<script") && (loads_again || asks());
    (is_short(reply) && runs).then_some(Verdict::Blocked(Product::BotCheck))
}

/// Whether the body contains `words` (lower-case ASCII), ignoring case.
pub(super) fn says(reply: &Reply, words: &str) -> bool {
    contains(&reply.body[..reply.body.len().min(LOOK_AT_MOST)], words)
}

/// Whether the text contains `words` (lower-case ASCII), ignoring case.
pub(super) fn contains(text: &[u8], words: &str) -> bool {
    text.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

/// Cloudflare's own pages: 403 and challenges come from its firewall, 52x and 530 report on the host behind it.
fn of_cloudflare(reply: &Reply, status: u16) -> Option<Verdict> {
    match status {
        403 => Some(Verdict::Blocked(Product::Cloudflare)),
        503 if says(reply, "challenge") || says(reply, "cf-browser-verification") => {
            Some(Verdict::Blocked(Product::Cloudflare))
        }
        521..=523 => Some(Verdict::ConnectFailed),
        524 => Some(Verdict::TimedOut),
        525 | 526 => Some(Verdict::TlsFailed),
        _ => None,
    }
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::reply;
    use super::super::answer::{Heard, hear};
    use super::*;

    #[test]
    fn each_product_is_known_by_its_own_marks() {
        let blocked = |product| Some(Verdict::Blocked(product));
        for (status, headers, body, verdict) in [
            (403, "cf-mitigated: challenge", "<html>", blocked(Product::Cloudflare)),
            (403, "server: cloudflare", "<html>Sorry, you have been blocked", blocked(Product::Cloudflare)),
            (503, "server: cloudflare", "<html>/cdn-cgi/challenge-platform/", blocked(Product::Cloudflare)),
            (503, "server: cloudflare\nretry-after: 600", "<html>", Some(Verdict::Maintenance)),
            (521, "server: cloudflare", "<html>", Some(Verdict::ConnectFailed)),
            (524, "server: cloudflare", "<html>", Some(Verdict::TimedOut)),
            (526, "server: cloudflare", "<html>", Some(Verdict::TlsFailed)),
            (403, "x-sucuri-id: 15007", "<html>", blocked(Product::Sucuri)),
            (403, "", "<title>Sucuri WebSite Firewall - Access Denied", blocked(Product::Sucuri)),
            (202, "sg-captcha: challenge", "<html>", blocked(Product::SiteGround)),
            (202, "", "<meta content=\"0;/.well-known/sgcaptcha/\">", blocked(Product::SiteGround)),
            (403, "", "Generated by Wordfence at", blocked(Product::Wordfence)),
            (503, "retry-after: 3600", "Your access is limited. Wordfence", blocked(Product::Wordfence)),
            (403, "", "<html>Imunify360 WebShield", blocked(Product::Imunify360)),
            (200, "", "{\"message\":\"Access denied by Imunify360 bot-protection.\"}", blocked(Product::Imunify360)),
            (415, "", "{\"message\":\"Access denied by Imunify360 bot-protection.\"}", blocked(Product::Imunify360)),
            (406, "", "<h1>Not Acceptable!</h1> generated by Mod_Security", blocked(Product::ModSecurity)),
            (403, "", "<h1>Forbidden</h1>", blocked(Product::Unnamed)),
            (202, "x-amzn-waf-action: challenge", "", blocked(Product::AwsWaf)),
            (405, "x-amzn-waf-action: captcha", "<html>", blocked(Product::AwsWaf)),
            (200, "", "<iframe src=\"/_Incapsula_Resource?x\">", blocked(Product::Imperva)),
            (
                200,
                "",
                "<title>One moment, please...</title><script>window.location.reload()</script>",
                blocked(Product::Imunify360),
            ),
            (
                200,
                "",
                "<script>document.cookie=\"__test=\"+x;location.href=\"/?i=1\"</script>",
                blocked(Product::BotCheck),
            ),
            (
                409,
                "",
                "<script>document.cookie=\"humans_21909=1\"; document.location.reload(true)</script>",
                blocked(Product::BotCheck),
            ),
            (
                200,
                "",
                "<title>Making sure you're not a bot!</title><script type=module src=a.mjs></script>",
                blocked(Product::BotCheck),
            ),
            (
                200,
                "",
                "<title>Verifying that you are not a robot...</title><script src=api.js></script>",
                blocked(Product::BotCheck),
            ),
            (
                200,
                "",
                "<noscript>You need to enable JavaScript to run this app.</noscript><script src=a.js></script>",
                None,
            ),
            (200, "", "<script>window.onload=function(){window.location.href=\"/lander\"}</script>", None),
            (200, "", "<link href=\"/wp-content/a.css\"><script>location.href='#'</script>", None),
            (200, "server: cloudflare", "<html>a shop that sells Wordfence mugs", None),
            (404, "server: cloudflare\nx-sucuri-id: 1", "<html>", None),
            (401, "", r#"{"code":"itsec_rest_api_access_restricted","message":"x"}"#, blocked(Product::SolidSecurity)),
            (
                500,
                "",
                r#"{"code":"wp_die","message":"You are not authorized to perform this action."}"#,
                blocked(Product::AllInOneSecurity),
            ),
            (
                401,
                "",
                r#"{"code":"rest_cannot_access","message":"DRA: Only members."}"#,
                blocked(Product::DisableRestApi),
            ),
            (403, "", r#"{"code":"birim_rest_lock","message":"x"}"#, blocked(Product::BirimRestLock)),
            (403, "", r#"{"code":"rest_forbidden","message":"Blocked by Wordfence"}"#, blocked(Product::Wordfence)),
            (302, "location: https://api-1.duosecurity.com/oauth/v1/authorize", "", blocked(Product::Duo)),
            (200, "", "<title>Defensive mode</title><script>solve()</script>", blocked(Product::DefensiveMode)),
        ] {
            let heard = hear(&reply(status, headers, body));
            let seen = if let Heard::Trouble(verdict) = heard { Some(verdict) } else { None };
            assert_eq!(seen, verdict, "{status} {headers} {body}");
        }
    }

    #[test]
    fn every_named_product_has_a_mark_a_setting_and_a_sentence() {
        for verdict in Verdict::ALL {
            let Verdict::Blocked(product) = verdict else { continue };
            let is_named = !matches!(product, Product::Unnamed | Product::BotCheck);
            assert_eq!(PRODUCTS.iter().any(|(one, _)| one == product), is_named, "{product:?}");
            assert_eq!(product.setting().is_some(), is_named, "{product:?}");
        }
    }
}
