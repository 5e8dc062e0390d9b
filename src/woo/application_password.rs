//! Application passwords of WordPress: whether a store offers them, what is wrong with one, and their end
//! (docs/protocol/application-passwords.md).

use std::time::Duration;

use base64::Engine as _;
use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde_json::Value;
use url::Url;

use super::answer::{self, Heard, Meaning};
use super::http::{Call, Client, Fault};
use super::ladder::{Asking, LIGHT, Stop, made_up};
use super::preflight::{self, Findings};
use super::site;
use crate::domain::{AuthMethod, KeyPair, RestBase, StoreUrl, Verdict};

/// The passwords of the user who asks.
const MINE: &str = "wp/v2/users/me/application-passwords";
/// The time limit of one request.
const ONE_WITHIN: Duration = Duration::from_secs(12);
/// The maximum size of an answer, in bytes.
const ONE_AT_MOST: usize = 512 * 1024;
/// The most older passwords that are deleted at a time.
const MOST_DELETED: usize = 20;

/// Where the page for approving one is, unless the store names another.
pub fn usual_page(home: &StoreUrl) -> String {
    home.at("/wp-admin/authorize-application.php")
}

/// Finds the store at `typed` and the page where it lets its merchant approve an application password, within `within`. The findings
/// stop unless the store offers them and the `Authorization` header arrives: otherwise a merchant would approve in vain.
pub async fn examine(client: &Client, typed: &StoreUrl, within: Duration) -> (Findings, Option<String>) {
    let mut findings = Findings::of(typed);
    let looking = async {
        let Some(rest) = preflight::known(client, &mut findings).await else {
            // Nobody can read what the store offers.
            let why = findings.warnings.first().copied().unwrap_or(Verdict::RestClosed);
            findings.stop = findings.stop.or(Some(why));
            return None;
        };
        match available(client, &findings.home, &rest).await {
            Ok(page) => Some(page),
            Err(verdict) => {
                findings.stop = findings.stop.or(Some(verdict));
                None
            }
        }
    };
    let Ok(page) = tokio::time::timeout(within, looking).await else {
        findings.stop = Some(Verdict::TimedOut);
        return (findings, None);
    };
    (findings, page)
}

/// The page, as the REST index names it, if passwords are available and would arrive.
async fn available(client: &Client, home: &StoreUrl, rest: &RestBase) -> Result<String, Verdict> {
    let index = site::get(client, &rest.at("", "_fields=authentication")).await.map_err(Fault::verdict)?;
    let Heard::Json { value, .. } = answer::hear(&index) else { return Err(Verdict::AnswerUnreadable) };
    let page = value.pointer("/authentication/application-passwords/endpoints/authorization").and_then(Value::as_str);
    let page = page.ok_or(Verdict::PasswordsOff)?;
    if !is_of(home, page) {
        return Err(Verdict::ApprovalMisdirected);
    }
    arrives(client, home, rest).await?;
    Ok(page.to_owned())
}

/// Whether `address` is on the store's own host, with or without `www.`, and as safe as the store itself. A store in a directory
/// of its own may have WordPress in another.
pub fn is_of(home: &StoreUrl, address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    let own = Url::parse(home.as_str());
    let is_same = own.is_ok_and(|own| {
        own.scheme() == url.scheme() && own.port() == url.port() && own.host_str().map(bare) == url.host_str().map(bare)
    });
    is_same && url.username().is_empty()
}

/// Fails if the `Authorization` header does not reach WordPress, or something else takes it.
///
/// No wrong password tells: on a site that never had one, it looks like none. But WooCommerce reads OAuth parameters from this
/// header, and refuses a key that it does not know. A store that closes its API to visitors reveals nothing: then the test of the
/// password decides.
async fn arrives(client: &Client, home: &StoreUrl, rest: &RestBase) -> Result<(), Verdict> {
    let rest = if rest.is_query() { RestBase::plain_marked(home) } else { rest.clone() };
    let timestamp = client.clock().now().seconds();
    let [key, once, signature] = ["ck_", "", ""].map(|prefix| made_up(client, prefix));
    let oauth = format!(
        "OAuth oauth_consumer_key=\"{}\", oauth_nonce=\"{}\", oauth_signature=\"{}\", \
         oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"{timestamp}\"",
        key.expose(),
        once.expose(),
        signature.expose()
    );
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{}:x", once.expose()));
    let (none, oauth, basic) = tokio::join!(
        refusal(client, &rest, None),
        refusal(client, &rest, Some(oauth)),
        refusal(client, &rest, Some(format!("Basic {encoded}")))
    );
    match (none, oauth, basic) {
        (_, Some((_, Meaning::Anonymous)), _) => Err(Verdict::HeaderStripped),
        // A plugin that takes every Basic header for its own.
        (Some((none, _)), _, Some((basic, Meaning::Other(verdict)))) if none != basic => Err(verdict),
        _ => Ok(()),
    }
}

/// The code and the meaning of WordPress's refusal of a request with this header; `None` for any other answer.
async fn refusal(client: &Client, rest: &RestBase, authorization: Option<String>) -> Option<(String, Meaning)> {
    let mut headers = vec![(ACCEPT, HeaderValue::from_static(site::ACCEPT_JSON))];
    if let Some(value) = authorization {
        headers.push((AUTHORIZATION, HeaderValue::from_str(&value).ok()?));
    }
    let url = rest.at(LIGHT, &format!("_fields=environment.version&_={}", made_up(client, "").last7()));
    let call =
        Call { method: Method::GET, url: &url, headers, body: Vec::new(), within: ONE_WITHIN, at_most: ONE_AT_MOST };
    match answer::hear(&client.send(call).await.ok()?) {
        Heard::Refused(refusal) => Some((refusal.code.clone(), refusal.meaning())),
        _ => None,
    }
}

/// Why the store treats a request with the password as one without.
pub(super) async fn why(asking: &Asking<'_>) -> Stop {
    // A plugin may have removed the routes of users. WooCommerce did not know the password either.
    match introspect(asking, Verdict::KeyRejected).await {
        // WordPress knows it and WooCommerce does not: something between the two takes the user away.
        Ok(_) => Verdict::RestClosed.into(),
        Err(stop) => stop,
    }
}

/// The password's ID and the application's, as the store reports them to the password itself.
struct Own {
    uuid: String,
    app_id: String,
}

/// Asks the store about the password. `no_route` is what it means if the store has no such route.
async fn introspect(asking: &Asking<'_>, no_route: Verdict) -> Result<Own, Stop> {
    let route = format!("{MINE}/introspect");
    let reply = asking.send(&Method::GET, &route, &[], asking.pair, AuthMethod::ApplicationPassword).await?;
    match answer::hear(&reply) {
        Heard::Json { value, .. } => own(&value).ok_or_else(|| Verdict::AnswerUnreadable.into()),
        Heard::Refused(refusal) => Err(match refusal.code.as_str() {
            "incorrect_password" => Verdict::KeyRejected,
            "invalid_username" | "invalid_email" => Verdict::UserGone,
            "rest_not_logged_in" => Verdict::HeaderStripped,
            "application_passwords_disabled" | "application_passwords_disabled_for_user" => Verdict::PasswordsOff,
            // A network of sites where the user belongs to another.
            "rest_user_invalid_id" => Verdict::RoleLost,
            "rest_no_route" => no_route,
            _ => match refusal.meaning() {
                Meaning::Other(verdict) => verdict,
                _ => Verdict::AnswerUnreadable,
            },
        }
        .into()),
        other => Err(asking.read_trouble(&other, &reply)),
    }
}

fn own(value: &Value) -> Option<Own> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let uuid = text("uuid").filter(|uuid| is_uuid(uuid))?;
    Some(Own { uuid, app_id: text("app_id").unwrap_or_default() })
}

/// Whether it may stand in an address.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Deletes the password at the store, with itself. Returns whether it is still there.
pub(super) async fn revoke(asking: &Asking<'_>) -> Result<bool, Stop> {
    match introspect(asking, Verdict::RestClosed).await {
        Ok(own) => Ok(!delete(asking, &own.uuid).await),
        Err(stop) if matches!(stop.verdict, Verdict::KeyRejected | Verdict::UserGone) => Ok(false),
        Err(stop) => Err(stop),
    }
}

/// Deletes the user's older passwords for the same application, with the new one. Returns how many.
pub async fn delete_older(client: &Client, home: &StoreUrl, rest: &RestBase, pair: &KeyPair) -> usize {
    let asking = Asking { client, home, rest, pair };
    let Ok(mine) = introspect(&asking, Verdict::RestClosed).await else { return 0 };
    let fields = [("_fields", "uuid,app_id")];
    let list = asking.send(&Method::GET, MINE, &fields, pair, AuthMethod::ApplicationPassword).await;
    let Ok(Heard::Json { value: Value::Array(all), .. }) = list.map(|reply| answer::hear(&reply)) else { return 0 };
    let is_older = |other: &Own| other.app_id == mine.app_id && other.uuid != mine.uuid && !mine.app_id.is_empty();
    let mut deleted = 0;
    for older in all.iter().filter_map(own).filter(is_older).take(MOST_DELETED) {
        deleted += usize::from(delete(&asking, &older.uuid).await);
    }
    deleted
}

/// Hosts that refuse DELETE let a POST through that names it.
async fn delete(asking: &Asking<'_>, uuid: &str) -> bool {
    let route = format!("{MINE}/{uuid}");
    for (method, query) in [(Method::DELETE, &[][..]), (Method::POST, &[("_method", "DELETE")])] {
        let reply = asking.send(&method, &route, query, asking.pair, AuthMethod::ApplicationPassword).await;
        let heard = reply.map(|reply| answer::hear(&reply));
        if matches!(heard, Ok(Heard::Json { value, .. }) if value.get("deleted").and_then(Value::as_bool) == Some(true))
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store_url::Network;

    #[test]
    fn a_page_is_the_stores_own_or_none() {
        let home = StoreUrl::parse("shop.example.com/de", Network::Public).unwrap();
        for good in ["https://shop.example.com/wp/wp-admin/authorize-application.php", "https://www.shop.example.com/x"]
        {
            assert!(is_of(&home, good), "{good}");
        }
        for bad in [
            "http://shop.example.com/x",
            "https://evil.example/x",
            "https://shop.example.com:8443/x",
            "https://me@shop.example.com/x",
            "javascript:alert(1)",
            "/wp-admin/authorize-application.php",
        ] {
            assert!(!is_of(&home, bad), "{bad}");
        }
    }
}
