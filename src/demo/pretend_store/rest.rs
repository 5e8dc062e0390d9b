//! The REST API: index, `wc/v3`, and the few routes below it that services and checks use.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Asked};
use super::application_passwords;
use super::front::{believed_home, rest_url, site_icon_url};
use super::json;
use super::rest_auth::{self, Caller};
use super::state::{Role, Shop};
use super::switches::{Namespaces, Switches, WORDPRESS};

/// The namespaces of WordPress without WooCommerce.
const WORDPRESS_SPACES: [&str; 4] = ["oembed/1.0", "wp/v2", "wp-site-health/v1", "wp-block-editor/v1"];
/// The namespaces that WooCommerce adds (the relevant ones of 11.0.1).
const WOOCOMMERCE_SPACES: [&str; 7] =
    ["wc/v3", "wc/v2", "wc/v1", "wc-admin", "wc-analytics", "wc/store", "wc/store/v1"];
/// Lists under `wc/v3` that any key with read permission may read.
const LISTS: [&str; 6] = ["orders", "products", "customers", "settings", "webhooks", "reports"];
/// This many made-up routes make the index as large as a real one, 1.2 MB.
const ROUTES: usize = 6_000;

/// Answers `route` (`/`, `/wc/v3/orders`, …), taken from the path or from `rest_route`.
pub(super) fn answer(asked: &Asked, route: &str, shop: &Shop, switches: &Switches) -> Answer {
    if switches.rest_closed {
        let says = "Only authenticated users can access the REST API.";
        return Answer::rest_error(401, "rest_cannot_access", says);
    }
    if let Some((status, code, message)) = switches.refused_by {
        return Answer::rest_error(status, code, message);
    }
    if switches.index_dies && route == "/" {
        return Answer::html(500, "<p>There has been a critical error on this website.</p>");
    }
    let mut answer = match rest_auth::caller(asked, route, shop, switches) {
        Ok(Caller::Anonymous) if switches.index_closed && route == "/" => {
            Answer::rest_error(401, "rest_cannot_access", "Only members may read the index.")
        }
        Ok(Caller::Key { .. } | Caller::Password { .. }) if switches.forbidden == Some(route) => {
            Answer::rest_error(403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        }
        Ok(caller) => dispatch(asked, route, &caller, shop, switches),
        Err(refused) => refused,
    };
    if switches.chatty {
        let headers: Vec<String> = asked.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        let seen = format!("{} {} {}", asked.method, asked.target(), headers.join(", "));
        answer =
            answer.with("set-cookie", "session=cookie-canary").with("x-powered-by", "PHP/8.3").with("x-debug", &seen);
        answer = answer.with("connection", "x-debug").with("cart-token", "cookie-canary");
        if !asked.get().get("_fields").is_some_and(|fields| fields.contains("environment")) {
            answer.body.splice(..0, format!("<!-- {seen} -->").into_bytes());
        }
    }
    if switches.script_after {
        answer.body.extend(b"<script>window.ad = {\"campaign\": \"longer than many answers of this store\"};</script>");
    }
    if switches.notices {
        let notice = "<br />\n<b>Notice</b>:  Undefined index: color in <b>/var/www/plugins/badge/badge.php</b> on line <b>42</b><br />\n";
        answer.body.splice(..0, notice.bytes());
    }
    answer
}

fn dispatch(asked: &Asked, route: &str, caller: &Caller, shop: &Shop, switches: &Switches) -> Answer {
    let fields = asked.get().get("_fields").unwrap_or_default().to_owned();
    let json = |status, value: Value| Answer::json(status, &json::keep(value, &fields));
    let route = route.trim_end_matches('/');
    if route.is_empty() {
        return json(200, index(shop, switches, fields.is_empty()));
    }
    if let Some(answer) = application_passwords::routes(asked, route, caller, shop, switches) {
        return answer;
    }
    if route == "/wp/v2/users/me" {
        return me(caller);
    }
    let Some(inner) = route.strip_prefix("/wc/v3").filter(|_| !switches.woocommerce_off) else { return no_route() };
    match inner.strip_prefix('/').unwrap_or_default() {
        "" if inner.is_empty() => json(200, namespace(shop)),
        name if asked.method == "OPTIONS" => options(name),
        "orders" if asked.method == "GET" && switches.orders > 0 => {
            permitted(caller, "view", "Sorry, you cannot list resources.", || orders(asked, shop, switches))
        }
        name if asked.method == "GET" || asked.method == "HEAD" => match read(name, shop, switches) {
            Some(found) => permitted(caller, "view", "Sorry, you cannot list resources.", || json(200, found)),
            None => no_route(),
        },
        name => write(asked, name, caller),
    }
}

fn no_route() -> Answer {
    let says = "No route was found matching the URL and request method.";
    Answer::rest_error(404, "rest_no_route", says)
}

/// WordPress' rule: 401 for an unknown caller, 403 for a known one without the permission.
fn permitted(caller: &Caller, verb: &str, says: &str, then: impl FnOnce() -> Answer) -> Answer {
    match caller.role() {
        Some(role) if role.manages() => then(),
        Some(_) => Answer::rest_error(403, &format!("woocommerce_rest_cannot_{verb}"), says),
        None => Answer::rest_error(401, &format!("woocommerce_rest_cannot_{verb}"), says),
    }
}

fn index(shop: &Shop, switches: &Switches, whole: bool) -> Value {
    let home = believed_home(shop, switches);
    let mut spaces = WORDPRESS_SPACES.to_vec();
    if !switches.woocommerce_off && switches.namespaces != Namespaces::Hidden {
        spaces.splice(1..1, WOOCOMMERCE_SPACES);
    }
    let spaces = match switches.namespaces {
        Namespaces::AsObject => spaces.iter().enumerate().map(|(n, space)| (n.to_string(), json!(space))).collect(),
        Namespaces::Listed | Namespaces::Hidden => json!(spaces),
    };
    let authentication = application_passwords::in_index(shop, switches);
    json!({
        "name": shop.name,
        "description": "",
        "url": home,
        "home": home,
        "gmt_offset": "0",
        "timezone_string": "",
        "site_icon_url": site_icon_url(shop, switches),
        "namespaces": spaces,
        "authentication": authentication,
        "routes": if whole { routes() } else { Map::new() },
    })
}

fn routes() -> Map<String, Value> {
    let about = json!({
        "methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "description": "What a real store says of each of its routes: methods, arguments, their types.",
    });
    (0..ROUTES).map(|n| (format!("/wc/v3/pretend/{n:05}"), about.clone())).collect()
}

fn namespace(shop: &Shop) -> Value {
    let up = format!("{}/wp-json/", shop.home);
    json!({"namespace": "wc/v3", "routes": {}, "_links": {"up": [{"href": up}]}})
}

fn read(name: &str, shop: &Shop, switches: &Switches) -> Option<Value> {
    match name {
        "system_status" => {
            let home = switches.claims_home.clone().unwrap_or_else(|| believed_home(shop, switches));
            let environment = json!({
                "home_url": home,
                "site_url": home,
                "version": switches.woocommerce_version(),
                "wp_version": WORDPRESS,
                "wp_multisite": false,
                "secure_connection": rest_auth::is_ssl(shop, switches),
            });
            Some(json!({"environment": environment, "active_plugins": []}))
        }
        "data/currencies/current" => Some(json!({"code": "EUR", "name": "Euro", "symbol": "&euro;"})),
        "products" if switches.description > 0 => {
            Some(json!([{"id": 12, "name": "Blue cup", "description": "d".repeat(switches.description)}]))
        }
        "products" => Some(json!([product("publish")])),
        list if LISTS.contains(&list) => Some(json!([])),
        _ => None,
    }
}

/// One page of orders, with links to the pages beside it: `add_query_arg` repeats the parameters of the request in them, whatever
/// they are.
fn orders(asked: &Asked, shop: &Shop, switches: &Switches) -> Answer {
    let page: u32 = asked.get().get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let up = format!("{}wc/v3/orders", rest_url(shop, switches));
    let to = |page: u32, rel: &str| {
        let mut query = asked.get();
        query.remove("rest_route");
        query.set("page", page.to_string());
        let query = crate::woo::encode::query(query.flat().iter().map(|(name, value)| (name.as_str(), value.as_str())));
        format!("<{up}{}{query}>; rel=\"{rel}\"", if up.contains('?') { '&' } else { '?' })
    };
    let links = [(page > 1).then(|| to(page - 1, "prev")), (page < switches.orders).then(|| to(page + 1, "next"))];
    let links: Vec<String> = links.into_iter().flatten().collect();
    let links_of = json!({"self": [{"href": format!("{up}/{page}")}], "collection": [{"href": up}]});
    let order = json!({"id": page, "total": "19.90", "_links": links_of});
    let answer = Answer::json(200, &json!([order])).with("link", &links.join(", "));
    answer.with("x-wp-total", &switches.orders.to_string()).with("x-wp-totalpages", &switches.orders.to_string())
}

fn product(status: &str) -> Value {
    json!({"id": 12, "name": "Blue cup", "status": status})
}

fn options(name: &str) -> Answer {
    if !LISTS.contains(&name) && !matches!(name, "system_status" | "data/currencies/current" | "products/batch") {
        return no_route();
    }
    Answer::json(200, &json!({"namespace": "wc/v3", "methods": ["GET", "POST"]})).with("allow", "GET, POST")
}

fn write(asked: &Asked, name: &str, caller: &Caller) -> Answer {
    let is_post = asked.method == "POST";
    if is_post && LISTS.iter().any(|list| name.strip_suffix("/batch") == Some(list)) {
        let says = "Sorry, you are not allowed to batch manipulate this resource.";
        permitted(caller, "batch", says, || Answer::json(200, &json!([])))
    } else if is_post && name == "products" {
        let says = "Sorry, you are not allowed to create resources.";
        permitted(caller, "create", says, || Answer::json(201, &product("draft")))
    } else if asked.method == "DELETE" && name == "products/12" {
        let says = "Sorry, you are not allowed to delete this resource.";
        permitted(caller, "delete", says, || Answer::json(200, &product("trash")))
    } else {
        no_route()
    }
}

/// A key also acts as its owner outside `wc/` if WooCommerce is made to read it (docs/protocol/store-answers.md §2).
fn me(caller: &Caller) -> Answer {
    match caller.role() {
        Some(role) => {
            let role = if role == Role::Administrator { "administrator" } else { "shop_manager" };
            Answer::json(200, &json!({"id": 1, "roles": [role]}))
        }
        None => Answer::rest_error(401, "rest_not_logged_in", "You are not currently logged in."),
    }
}
