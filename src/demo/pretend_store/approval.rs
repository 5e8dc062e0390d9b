//! The approval flow `/wc-auth/v1/…`: its checks, its hops, and how the hops change the values (docs/protocol/wc-auth.md §1, §2).

use super::answer::{Answer, Asked};
use super::callback;
use super::front::{believed_home, origin, wc_auth_url};
use super::pages::{self, Asking};
use super::php::{self, Params, Value, sanitize_text_field as clean};
use super::state::{Shop, Visitor};
use super::switches::Switches;
use crate::domain::Scope;

/// The five parameters that every hop checks, in the order in which missing ones are reported.
const PARAMETERS: [&str; 5] = ["app_name", "user_id", "return_url", "callback_url", "scope"];
/// The action of the Approve link's nonce, which does not cover the parameters.
const GRANT: &str = "wc_auth_grant_access";
/// The action of the login form's nonce.
const LOGIN: &str = "woocommerce-login";

/// The five values as decoded by PHP.
struct Wanted {
    app_name: String,
    user_id: String,
    return_url: String,
    callback_url: String,
    scope: String,
}

/// Answers one route of the flow: `login`, `authorize` or `access_granted`, in any case.
pub(super) async fn answer(asked: &Asked, route: &str, shop: &Shop, switches: &Switches) -> Answer {
    let params = asked.request();
    let visitor = visitor(asked, shop);
    let route = clean(route).to_lowercase();
    if let Some(answer) = array(&params, &route, visitor.as_ref(), shop, switches) {
        return answer;
    }
    let wanted = match check(&params, switches) {
        Ok(wanted) => wanted,
        Err(says) => return pages::denied(&says),
    };
    let Some(visitor) = visitor else {
        return match route.as_str() {
            "login" => login_page(&wanted, None, shop, switches),
            "authorize" => hop(&wanted, "login", shop, switches),
            _ => no_permission(),
        };
    };
    match route.as_str() {
        "login" => hop(&wanted, "authorize", shop, switches),
        "authorize" if visitor.role.manages() => grant_page(&wanted, &visitor, shop, switches),
        "access_granted" if visitor.role.manages() => {
            let nonce = params.get("wc_auth_nonce").unwrap_or_default();
            if shop.is_nonce(nonce, GRANT, Some(&visitor)) {
                approve(&wanted, &visitor, shop, switches).await
            } else {
                pages::denied("Invalid nonce verification")
            }
        }
        _ => no_permission(),
    }
}

/// The user of the login cookie.
pub(super) fn visitor(asked: &Asked, shop: &Shop) -> Option<Visitor> {
    shop.visitor(asked.cookie(&cookie_name(shop))?)
}

/// WordPress puts a hash of its address into the cookie's name; here it is the address' letters.
fn cookie_name(shop: &Shop) -> String {
    let address: String = shop.home.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("wordpress_logged_in_{address}")
}

/// The `Set-Cookie` value of the login: no `SameSite`, so browsers treat it as Lax.
pub(super) fn set_cookie(shop: &Shop, value: &str) -> String {
    let path = shop.home[origin(&shop.home).len()..].to_owned() + "/";
    let secure = if shop.home.starts_with("https://") { "; secure" } else { "" };
    let gone = if value.is_empty() { "; Max-Age=0" } else { "" };
    format!("{}={value}; path={path}{secure}; HttpOnly{gone}", cookie_name(shop))
}

/// Handles a posted login form, which WooCommerce accepts on every address. `None` if there is none, or if the login failed outside
/// the approval page.
pub(super) fn process_login(asked: &Asked, shop: &Shop, switches: &Switches) -> Option<Answer> {
    let form = asked.post();
    form.get("login")?;
    if switches.woocommerce_off || !shop.is_nonce(form.get("woocommerce-login-nonce")?, LOGIN, None) {
        return None;
    }
    let home = believed_home(shop, switches);
    if let Some(session) = shop.log_in(form.get("username")?.trim(), form.get("password")?) {
        let target = php::remove_query_arg("wc_error", form.get("redirect").unwrap_or_default());
        // `wp_validate_redirect`: only to the home's own host.
        let stays = origin(&target) == origin(&home);
        let target = if stays { target } else { format!("{home}/my-account/") };
        return Some(Answer::redirect(&target).with("set-cookie", &set_cookie(shop, &session)));
    }
    let wanted = check(&asked.request(), switches).ok().filter(|_| asked.path.contains("/wc-auth/v1/"))?;
    Some(login_page(&wanted, Some("The user name or the password is not right."), shop, switches))
}

/// Array values: refused by name from 11.1 on. Earlier versions accept them until after the login, where they break PHP 8.
fn array(params: &Params, route: &str, visitor: Option<&Visitor>, shop: &Shop, switches: &Switches) -> Option<Answer> {
    let name = PARAMETERS.into_iter().find(|name| matches!(params.value(name), Some(Value::Array(_))))?;
    if switches.is_11_1() {
        return Some(pages::denied(&format!("Invalid parameter {name}")));
    }
    let Some(Value::Array(items)) = params.value(name) else { return None };
    let mut plain = params.clone();
    plain.remove(name);
    plain.set(name, "array".to_owned());
    let is_text = matches!(name, "app_name" | "user_id");
    let wanted = check(&plain, switches).ok().filter(|_| is_text && visitor.is_none() && route == "authorize");
    let Some(wanted) = wanted else {
        return Some(Answer::html(500, "<p>There has been a critical error on this website.</p>"));
    };
    let spelled = items.iter().map(|(key, value)| format!("{name}%5B{key}%5D={}", clean(value)));
    let spelled = spelled.collect::<Vec<_>>().join("&");
    let url = build_url(&wanted, "login", shop, switches).replace(&format!("{name}=array"), &spelled);
    Some(Answer::redirect(&php::esc_url_raw(&url)))
}

/// The checks of every hop, in WooCommerce's order (docs/protocol/wc-auth.md §1.1).
fn check(params: &Params, switches: &Switches) -> Result<Wanted, String> {
    if let Some(name) = PARAMETERS.into_iter().find(|name| params.filled(name).is_none()) {
        return Err(format!("Missing parameter {name}"));
    }
    let text = |name| params.get(name).unwrap_or_default().to_owned();
    let scope = text("scope");
    if scope.parse::<Scope>().is_err() {
        return Err(format!("Invalid scope {}", clean(&scope)));
    }
    for name in ["return_url", "callback_url"] {
        let url = formatted(&text(name));
        if !php::is_url(&url) {
            return Err(format!("The {url} is not a valid URL"));
        }
    }
    let callback_url = text("callback_url");
    let is_https = formatted(&callback_url).to_lowercase().starts_with("https://");
    if !is_https && !switches.accept_http_callback {
        return Err("The callback_url needs to be over SSL".to_owned());
    }
    let (app_name, user_id, return_url) = (text("app_name"), text("user_id"), text("return_url"));
    Ok(Wanted { app_name, user_id, return_url, callback_url, scope })
}

/// `get_formatted_url`: decodes once more than PHP already has, and adds `https://` if there is no scheme.
fn formatted(url: &str) -> String {
    let url = php::urldecode(url);
    if url.contains("://") { url } else { format!("https://{url}") }
}

/// The address of the next hop: the two addresses are encoded, the three texts are inserted **raw**.
fn build_url(wanted: &Wanted, route: &str, shop: &Shop, switches: &Switches) -> String {
    let url = wc_auth_url(&believed_home(shop, switches), route, switches.permalinks);
    let args = [
        ("app_name", clean(&wanted.app_name)),
        ("user_id", clean(&wanted.user_id)),
        ("return_url", php::rawurlencode(&formatted(&wanted.return_url))),
        ("callback_url", php::rawurlencode(&formatted(&wanted.callback_url))),
        ("scope", clean(&wanted.scope)),
    ];
    php::add_query_arg(&args.each_ref().map(|(name, value)| (*name, value.as_str())), &url)
}

fn hop(wanted: &Wanted, route: &str, shop: &Shop, switches: &Switches) -> Answer {
    Answer::redirect(&php::esc_url_raw(&build_url(wanted, route, shop, switches)))
}

/// The application's `return_url` with the outcome: any host, unsigned.
fn return_url(wanted: &Wanted, success: &str) -> String {
    let user_id = clean(&wanted.user_id);
    php::add_query_arg(&[("success", success), ("user_id", &user_id)], &formatted(&wanted.return_url))
}

fn no_permission() -> Answer {
    pages::denied("You do not have permission to access this page")
}

fn login_page(wanted: &Wanted, error: Option<&str>, shop: &Shop, switches: &Switches) -> Answer {
    let redirect = php::esc_url_raw(&build_url(wanted, "authorize", shop, switches));
    let asking = Asking { app_name: &clean(&wanted.app_name), cancel: &php::esc_url_raw(&return_url(wanted, "0")) };
    pages::approval_login(shop, &asking, &redirect, &shop.nonce(LOGIN, None), error)
}

fn grant_page(wanted: &Wanted, visitor: &Visitor, shop: &Shop, switches: &Switches) -> Answer {
    let nonce = shop.nonce(GRANT, Some(visitor));
    let granted = build_url(wanted, "access_granted", shop, switches);
    let approve = php::esc_url_raw(&php::add_query_arg(&[("wc_auth_nonce", &nonce)], &granted));
    let back = php::rawurlencode(&build_url(wanted, "login", shop, switches));
    let log_out = format!("{}/wp-login.php?action=logout&redirect_to={back}", believed_home(shop, switches));
    let callback = formatted(&wanted.callback_url);
    let host = origin(&callback).rsplit("://").next().unwrap_or_default();
    let asking = Asking { app_name: &clean(&wanted.app_name), cancel: &php::esc_url_raw(&return_url(wanted, "0")) };
    let scope = wanted.scope.parse().unwrap_or(Scope::Read);
    pages::grant(shop, &asking, scope, host, visitor, &approve, &log_out)
}

/// Creates the key, posts it while the browser waits, and keeps it only if the answer is exactly 200.
async fn approve(wanted: &Wanted, visitor: &Visitor, shop: &Shop, switches: &Switches) -> Answer {
    let permissions = match switches.grants_instead {
        Some(scope) => scope.as_str(),
        None => &wanted.scope,
    };
    let times = if switches.double_approve { 2 } else { 1 };
    let mut outcome = Ok(());
    for _ in 0..times {
        let key = shop.insert_key(&clean(&wanted.app_name), &visitor.login, permissions);
        outcome = callback::deliver(&key, &wanted.user_id, &formatted(&wanted.callback_url), shop, switches).await;
        if outcome.is_err() && key.key_id != 0 {
            shop.delete_key(key.key_id);
        }
    }
    match outcome {
        Ok(()) => Answer::redirect(&php::esc_url_raw(&return_url(wanted, "1"))),
        Err(says) => pages::denied(&says),
    }
}
