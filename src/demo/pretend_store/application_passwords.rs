//! WordPress's application passwords: the page where a user approves one, the REST routes about them, and the login by them
//! (docs/protocol/application-passwords.md).

use serde_json::{Value, json};

use super::answer::{Answer, Asked};
use super::approval::visitor;
use super::front::believed_home;
use super::pages::page as show;
use super::php::{self, Params, esc_html};
use super::rest_auth::{Caller, is_ssl};
use super::state::{Role, Shop, Visitor, basic_of};
use super::switches::Switches;

/// The action of the page's nonce.
const APPROVE: &str = "authorize_application_password";
/// The action of the REST API's nonce.
const REST: &str = "wp_rest";
/// The routes about the passwords of the user who asks.
const MINE: &str = "/wp/v2/users/me/application-passwords";
/// The page's script: it makes the password on the shop itself, and then leads the browser away.
const SCRIPT: &str = include_str!("approve.js");

/// A password that was made here, in plain text on purpose: it opens nothing but this store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadePassword {
    pub uuid: String,
    /// What the application calls itself to WordPress.
    pub app_id: String,
    /// Its name on the user's profile.
    pub name: String,
    /// 24 letters and digits.
    pub password: String,
    /// The login of the user it acts as.
    pub owner: String,
}

/// What the REST index says about them; empty where they are not available.
pub(super) fn in_index(shop: &Shop, switches: &Switches) -> Value {
    if !is_available(shop, switches) {
        return json!([]);
    }
    let authorization = format!("{}/wp-admin/authorize-application.php", believed_home(shop, switches));
    json!({"application-passwords": {"endpoints": {"authorization": authorization}}})
}

/// `wp_is_application_passwords_available`.
fn is_available(shop: &Shop, switches: &Switches) -> bool {
    (is_ssl(shop, switches) || switches.accept_http_callback) && !switches.passwords_off
}

/// Whom a Basic header with an application password stands for. `for_woocommerce`: WooCommerce has looked at the header first, and
/// hides what WordPress finds wrong with it.
pub(super) fn caller(
    authorization: &str,
    for_woocommerce: bool,
    shop: &Shop,
    switches: &Switches,
) -> Result<Caller, Answer> {
    let Some((login, password)) = basic_of(authorization) else { return Ok(Caller::Anonymous) };
    let was_ever_made = shop.with(|inner| inner.was_password_made);
    if !was_ever_made || !is_available(shop, switches) {
        return Ok(Caller::Anonymous);
    }
    let password: String = password.split_whitespace().collect();
    let found = shop.with(|inner| {
        let person = inner.people.iter().find(|person| person.login.eq_ignore_ascii_case(&login))?.clone();
        let made = inner.passwords.iter().find(|made| made.owner == person.login && made.password == password).cloned();
        Some((person, made))
    });
    let (code, says) = match found {
        Some((person, Some(_))) if switches.passwords_off_for == Some(person.login.as_str()) => {
            ("application_passwords_disabled_for_user", "Application passwords are not available for your account.")
        }
        Some((person, Some(made))) => return Ok(Caller::Password { role: person.role, made }),
        Some((_, None)) => ("incorrect_password", "The provided password is an invalid application password."),
        None => ("invalid_username", "Unknown username. Check again or try your email address."),
    };
    if for_woocommerce { Ok(Caller::Anonymous) } else { Err(Answer::rest_error(401, code, says)) }
}

/// The routes below [`MINE`]; `None` for any other.
pub(super) fn routes(asked: &Asked, route: &str, caller: &Caller, shop: &Shop, switches: &Switches) -> Option<Answer> {
    let rest = route.strip_prefix(MINE)?;
    if switches.user_routes_off {
        return None;
    }
    if !is_available(shop, switches) {
        return Some(Answer::rest_error(
            501,
            "application_passwords_disabled",
            "Application passwords are not available.",
        ));
    }
    let by_cookie = visitor(asked, shop).filter(|who| shop.is_nonce(asked.header("x-wp-nonce"), REST, Some(who)));
    let login = match (caller, by_cookie) {
        (Caller::Password { made, .. }, _) => made.owner.clone(),
        (_, Some(who)) => who.login,
        _ => return Some(Answer::rest_error(401, "rest_not_logged_in", "You are not currently logged in.")),
    };
    Some(match (method(asked).as_str(), rest.trim_start_matches('/')) {
        ("GET", "introspect") => match caller {
            Caller::Password { made, .. } => Answer::json(200, &shown(made)),
            _ => {
                Answer::rest_error(404, "rest_no_authenticated_app_password", "Cannot introspect application password.")
            }
        },
        ("GET", "") => {
            let mine: Vec<Value> =
                shop.with(|inner| inner.passwords.iter().filter(|made| made.owner == login).map(shown).collect());
            Answer::json(200, &json!(mine))
        }
        ("POST", "") => {
            let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let made = shop.make_password(&login, &text("name"), &text("app_id"));
            let mut answer = shown(&made);
            answer["password"] = json!(in_groups(&made.password));
            Answer::json(201, &answer)
        }
        ("DELETE", uuid) => match shop.delete_password(&login, uuid) {
            Some(made) => Answer::json(200, &json!({"deleted": true, "previous": shown(&made)})),
            None => Answer::rest_error(404, "rest_application_password_not_found", "Application password not found."),
        },
        _ => Answer::rest_error(404, "rest_no_route", "No route was found matching the URL and request method."),
    })
}

/// The method, which a POST may replace.
fn method(asked: &Asked) -> String {
    let other = asked.get().filled("_method").map(str::to_owned);
    let named = asked.header("x-http-method-override");
    other.unwrap_or_else(|| if named.is_empty() { asked.method.to_string() } else { named.to_owned() })
}

fn shown(made: &MadePassword) -> Value {
    json!({
        "uuid": made.uuid, "app_id": made.app_id, "name": made.name, "created": "2026-11-29T12:00:00", "last_used": null,
        "last_ip": null,
    })
}

/// `WP_Application_Passwords::chunk_password`.
fn in_groups(password: &str) -> String {
    let letters: Vec<char> = password.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// `wp-admin/authorize-application.php`, for a user who is logged in.
pub(super) fn approval(asked: &Asked, shop: &Shop, switches: &Switches, visitor: &Visitor) -> Answer {
    let params = asked.request();
    let text = |name: &str| params.filled(name).unwrap_or_default().to_owned();
    let (success, app_id) = (text("success_url"), text("app_id"));
    let reject = match params.filled("reject_url") {
        Some(url) => url.to_owned(),
        None if success.is_empty() => String::new(),
        None => php::add_query_arg(&[("success", "false")], &success),
    };
    if asked.method == hyper::Method::POST {
        return decided(&params, shop, switches, visitor, (&success, &reject, &app_id));
    }
    let fault = [&success, &reject].into_iter().find_map(|url| refused(url, switches));
    let fault =
        fault.or_else(|| (!app_id.is_empty() && !is_uuid(&app_id)).then_some("The application ID must be a UUID."));
    if let Some(says) = fault {
        return stopped(500, shop, &format!("The Authorize Application request is not allowed. {says}"), None);
    }
    if basic_of(asked.header("authorization")).is_some() {
        let says = "Your website appears to use Basic Authentication, which is not currently compatible with application passwords.";
        return stopped(501, shop, says, None);
    }
    let is_off_for_user = switches.passwords_off_for == Some(visitor.login.as_str());
    if is_off_for_user || !is_available(shop, switches) {
        let whose = if is_off_for_user { " for your account" } else { "" };
        let back = php::add_query_arg(&[("error", "disabled")], &reject);
        return stopped(501, shop, &format!("Application passwords are not available{whose}."), Some(&back));
    }
    form(&params, shop, switches, visitor, (&success, &reject, &app_id))
}

/// What WordPress finds wrong with an address: only https, except for the host itself, unless the site is for development.
fn refused(url: &str, switches: &Switches) -> Option<&'static str> {
    if url.is_empty() {
        return None;
    }
    let Ok(parsed) = url::Url::parse(url) else { return Some("Invalid URL format.") };
    let is_here = matches!(parsed.host_str(), Some("127.0.0.1" | "[::1]"));
    match parsed.scheme() {
        "javascript" | "data" => Some("Invalid URL format."),
        "http" if !is_here && !switches.accept_http_callback => {
            Some("The URL must be served over a secure connection.")
        }
        _ => None,
    }
}

/// Any version, in lower case.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn stopped(status: u16, shop: &Shop, says: &str, back: Option<&str>) -> Answer {
    let back = back.map(|url| format!("<p><a href=\"{}\">Go Back</a></p>", esc_html(url))).unwrap_or_default();
    show(status, shop, "Cannot Authorize Application", &format!("<p>{}</p>{back}", esc_html(says)))
}

fn form(
    params: &Params,
    shop: &Shop,
    switches: &Switches,
    visitor: &Visitor,
    (success, reject, app_id): (&str, &str, &str),
) -> Answer {
    let name = esc_html(params.filled("app_name").unwrap_or_default());
    let home = esc_html(&believed_home(shop, switches));
    let told = php::add_query_arg(
        &[("site_url", &shop.home), ("user_login", &visitor.login), ("password", "[------]")],
        success,
    );
    let inside = format!(
        "<p>Would you like to give the application identifying itself as <strong>{name}</strong> access to your account? You \
         should only do this if you trust the application in question.</p>\n<p class=\"error problem\" role=\"alert\"></p>\n\
         <form class=\"approve\" method=\"post\" action=\"{home}/wp-admin/authorize-application.php\" \
         data-rest=\"{home}/?rest_route={MINE}\" data-nonce=\"{rest}\" data-site=\"{home}\" data-login=\"{login}\">\n\
         <input type=\"hidden\" name=\"_wpnonce\" value=\"{nonce}\"><input type=\"hidden\" name=\"app_id\" value=\"{app_id}\">\
         <input type=\"hidden\" name=\"success_url\" value=\"{success}\"><input type=\"hidden\" name=\"reject_url\" value=\"{reject}\">\n\
         <label for=\"app_name\">New Application Password Name</label>\
         <input type=\"text\" id=\"app_name\" name=\"app_name\" value=\"{name}\" required>\n\
         <p><button type=\"submit\" name=\"approve\" value=\"1\">Yes, I approve of this connection</button></p>\n\
         <p class=\"note\">You will be sent to <code>{told}</code></p>\n\
         <p><button class=\"plain\" type=\"submit\" name=\"reject\" value=\"1\">No, I do not approve of this connection</button></p>\n\
         <p class=\"note\">You will be sent to <code>{reject}</code></p>\n</form>\n<script>{SCRIPT}</script>",
        rest = shop.nonce(REST, Some(visitor)),
        nonce = shop.nonce(APPROVE, Some(visitor)),
        login = esc_html(&visitor.login),
        app_id = esc_html(app_id),
        success = esc_html(success),
        reject = esc_html(reject),
        told = esc_html(&told),
    );
    show(200, shop, "An application would like to connect to your account.", &inside)
}

/// The posted form, of a browser without scripts.
fn decided(
    params: &Params,
    shop: &Shop,
    switches: &Switches,
    visitor: &Visitor,
    (success, reject, app_id): (&str, &str, &str),
) -> Answer {
    if !shop.is_nonce(params.get("_wpnonce").unwrap_or_default(), APPROVE, Some(visitor)) {
        return show(403, shop, "WordPress › Error", "<p>The link you followed has expired.</p>");
    }
    if params.get("reject").is_some() {
        return Answer::redirect(reject);
    }
    let made = shop.make_password(&visitor.login, params.get("app_name").unwrap_or_default(), app_id);
    if success.is_empty() {
        return show(200, shop, "Your new password", &format!("<code>{}</code>", in_groups(&made.password)));
    }
    let site = php::rawurlencode(&believed_home(shop, switches));
    let pairs = [("site_url", site.as_str()), ("user_login", &visitor.login), ("password", &made.password)];
    Answer::redirect(&php::add_query_arg(&pairs, success))
}

/// Whether a user reaches wp-admin: `WooCommerce` sends customers to My account.
pub(super) fn may_enter(role: Role) -> bool {
    role != Role::Customer
}
