//! Identifies firewalls and other products in front of a store by their answers.

use hyper::header::SERVER;
use serde_json::Value;

use super::http::Reply;
use crate::domain::verdict::{Product, Verdict};

/// The maximum number of bytes of a page that are searched.
const LOOK_AT_MOST: usize = 64 * 1024;

/// The longest page of a bot check, in bytes.
const CHECK_PAGE_AT_MOST: usize = 8 * 1024;

/// Which product produced a page without WordPress's JSON, if known. Only answers that block us are examined: a shop
/// behind Cloudflare that answers is just a shop.
pub(super) fn in_front(reply: &Reply) -> Option<Verdict> {
    let status = reply.status.as_u16();
    let cloudflare = header(reply, SERVER.as_str()).eq_ignore_ascii_case("cloudflare");
    if reply.headers.contains_key("cf-mitigated") {
        return Some(Verdict::Blocked(Product::Cloudflare));
    }
    if reply.headers.contains_key("sg-captcha") || (status == 202 && says(reply, "sgcaptcha")) {
        return Some(Verdict::Blocked(Product::SiteGround));
    }
    if reply.headers.contains_key("x-amzn-waf-action") {
        return Some(Verdict::Blocked(Product::AwsWaf));
    }
    if status < 300 {
        return bot_check(reply);
    }
    if status < 400 || matches!(status, 401 | 404 | 410) {
        return None;
    }
    if says(reply, "wordfence") {
        return Some(Verdict::Blocked(Product::Wordfence));
    }
    if says(reply, "imunify360") || header(reply, "server").starts_with("imunify360") {
        return Some(Verdict::Blocked(Product::Imunify360));
    }
    if status == 403 && (reply.headers.contains_key("x-sucuri-id") || says(reply, "sucuri website firewall")) {
        return Some(Verdict::Blocked(Product::Sucuri));
    }
    if matches!(status, 403 | 406) && (says(reply, "mod_security") || says(reply, "modsecurity")) {
        return Some(Verdict::Blocked(Product::ModSecurity));
    }
    if cloudflare { of_cloudflare(reply, status) } else { None }
}

/// Imunify360 blocks with JSON of its own, with any status.
pub(super) fn in_json(value: &Value) -> Option<Verdict> {
    let message = value.get("message")?.as_str()?;
    let named = value.get("code").is_none() && message.to_ascii_lowercase().contains("imunify360");
    named.then_some(Verdict::Blocked(Product::Imunify360))
}

/// The page of a bot check that answers with success: a script runs in the browser, and loads the page again. A shop's own
/// page, or WordPress's, is none.
fn bot_check(reply: &Reply) -> Option<Verdict> {
    if says(reply, "_incapsula_resource") {
        return Some(Verdict::Blocked(Product::Imperva));
    }
    if says(reply, "imunify360") || (says(reply, "one moment, please") && says(reply, "location.reload")) {
        return Some(Verdict::Blocked(Product::Imunify360));
    }
    let is_short = reply.body.len() <= CHECK_PAGE_AT_MOST && !reply.body.is_empty();
    let is_wordpress = says(reply, "wp-content") || says(reply, "wp-includes") || says(reply, "api.w.org");
    let loads_again = says(reply, "location.reload") || (says(reply, "document.cookie") && says(reply, "location."));
    let runs = says(reply, "<script") && loads_again;
    (is_short && runs && !is_wordpress).then_some(Verdict::Blocked(Product::BotCheck))
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
            (200, "", "<script>window.onload=function(){window.location.href=\"/lander\"}</script>", None),
            (200, "", "<link href=\"/wp-content/a.css\"><script>location.href='#'</script>", None),
            (200, "server: cloudflare", "<html>a shop that sells Wordfence mugs", None),
            (404, "server: cloudflare\nx-sucuri-id: 1", "<html>", None),
        ] {
            let heard = hear(&reply(status, headers, body));
            let seen = if let Heard::Trouble(verdict) = heard { Some(verdict) } else { None };
            assert_eq!(seen, verdict, "{status} {headers} {body}");
        }
    }
}
