//! WordPress' login and the relevant admin pages: the list of keys, one key, permalinks.

use super::answer::{Answer, Asked};
use super::application_passwords;
use super::approval::{set_cookie, visitor};
use super::front::origin;
use super::pages::{self, page as show};
use super::php::{self, esc_html};
use super::state::{IssuedKey, KeyRow, Role, Shop, Visitor};
use super::switches::Switches;

/// The action of the Revoke link's nonce.
const REVOKE: &str = "revoke";

/// `wp-login.php`: shows the form, logs in, logs out.
pub(super) fn log_in(asked: &Asked, shop: &Shop) -> Answer {
    let params = asked.request();
    let target = params.filled("redirect_to").map_or_else(|| format!("{}/wp-admin/", shop.home), str::to_owned);
    // `wp_safe_redirect`: only to the shop's own host.
    let target = if origin(&target) == origin(&shop.home) { target } else { format!("{}/wp-admin/", shop.home) };
    if params.get("action") == Some("logout") {
        if let Some(visitor) = visitor(asked, shop) {
            shop.log_out(&visitor);
        }
        return Answer::redirect(&target).with("set-cookie", &set_cookie(shop, ""));
    }
    if asked.method != "POST" {
        return form(shop, &target, None);
    }
    let text = |name| params.get(name).unwrap_or_default();
    match shop.log_in(text("log").trim(), text("pwd")) {
        Some(session) => Answer::redirect(&target).with("set-cookie", &set_cookie(shop, &session)),
        None => form(shop, &target, Some("The user name or the password is not right.")),
    }
}

fn form(shop: &Shop, target: &str, error: Option<&str>) -> Answer {
    let error = error.map(|says| format!("<p class=\"error\" role=\"alert\"><strong>Error:</strong> {says}</p>\n"));
    let inside = format!(
        "{error}<form method=\"post\" action=\"{home}/wp-login.php\">\n\
         <label for=\"user_login\">User name or email address</label>\n\
         <input type=\"text\" name=\"log\" id=\"user_login\" autocomplete=\"username\" required>\n\
         <label for=\"user_pass\">Password</label>\n\
         <input type=\"password\" name=\"pwd\" id=\"user_pass\" autocomplete=\"current-password\" required>\n\
         <input type=\"hidden\" name=\"redirect_to\" value=\"{target}\">\n\
         <button type=\"submit\" name=\"wp-submit\" value=\"Log In\">Log In</button>\n</form>\n{hint}",
        error = error.unwrap_or_default(),
        home = esc_html(&shop.home),
        target = esc_html(target),
        hint = pages::HINT,
    );
    show(200, shop, "Log in", &inside)
}

/// Everything under `/wp-admin`.
pub(super) fn page(asked: &Asked, path: &str, shop: &Shop, switches: &Switches) -> Answer {
    let Some(visitor) = visitor(asked, shop) else {
        let here = php::rawurlencode(&format!("{}{}", origin(&shop.home), asked.target()));
        return Answer::redirect(&format!("{}/wp-login.php?redirect_to={here}&reauth=1", shop.home));
    };
    if path == "/authorize-application.php" && application_passwords::may_enter(visitor.role) {
        return application_passwords::approval(asked, shop, switches, &visitor);
    }
    if path == "/authorize-application.php" {
        return Answer::redirect(&format!("{}/my-account/", shop.home));
    }
    if !visitor.role.manages() {
        return show(403, shop, "WordPress › Error", "<p>Sorry, you are not allowed to access this page.</p>");
    }
    let query = asked.get();
    let is = |name, value| query.get(name) == Some(value);
    let asks_keys = is("page", "wc-settings") && is("tab", "advanced") && is("section", "keys");
    match path {
        "/admin.php" if asks_keys => match (query.get("revoke-key"), query.get("edit-key")) {
            (Some(id), _) => revoke(shop, &visitor, id, query.get("_wpnonce").unwrap_or_default()),
            (None, Some(id)) => one_key(shop, &visitor, id),
            (None, None) => list(shop, &visitor, is("revoked", "1")),
        },
        "/options-permalink.php" => show(
            200,
            shop,
            "Permalink settings",
            "<p>Choose “Post name” and press Save: a real store does it here.</p>",
        ),
        _ => {
            let link = esc_html(&keys_url(shop));
            show(200, shop, "Dashboard", &format!("<p><a href=\"{link}\">REST API keys</a></p>"))
        }
    }
}

fn keys_url(shop: &Shop) -> String {
    format!("{}/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys", shop.home)
}

fn list(shop: &Shop, visitor: &Visitor, was_revoked: bool) -> Answer {
    let rows: String = shop.with(|inner| {
        let live = inner.keys.iter().filter(|row| !row.key.revoked && may_see(visitor, &row.key));
        live.map(|row| list_row(shop, row)).collect()
    });
    let note = if was_revoked { "<p role=\"status\">API Key revoked.</p>\n" } else { "" };
    let empty = if rows.is_empty() { "<p>No keys found.</p>" } else { "" };
    let inside = format!(
        "{note}<table><thead><tr><th>Description</th><th>Consumer key ending in</th><th>User</th>\
         <th>Permissions</th><th>Last access</th></tr></thead><tbody>{rows}</tbody></table>{empty}"
    );
    show(200, shop, "REST API", &inside)
}

fn list_row(shop: &Shop, row: &KeyRow) -> String {
    let key = &row.key;
    format!(
        "<tr><td><a href=\"{url}&amp;edit-key={id}\">{description}</a></td><td data-label=\"Consumer key ending in\"><code>…{last7}</code></td><td data-label=\"User\">{owner}</td>\
         <td data-label=\"Permissions\">{permissions}</td><td data-label=\"Last access\">{last_access}</td></tr>",
        url = esc_html(&keys_url(shop)),
        id = key.key_id,
        description = esc_html(&key.description),
        last7 = last7(key),
        owner = esc_html(&key.owner),
        permissions = permissions(key),
        last_access = row.last_access.map_or_else(|| "Unknown".to_owned(), |at| at.to_string()),
    )
}

fn one_key(shop: &Shop, visitor: &Visitor, id: &str) -> Answer {
    let Some(key) = find(shop, id) else {
        // An unknown or revoked number opens an empty form, not an error.
        let inside = "<form><label for=\"d\">Description</label><input type=\"text\" id=\"d\">\
                      <button type=\"button\">Generate API key</button></form>";
        return show(200, shop, "Key details", inside);
    };
    if !may_see(visitor, &key) {
        return show(200, shop, "Key details", "<p>You do not have permission to edit this API Key</p>");
    }
    let nonce = shop.nonce(REVOKE, Some(visitor));
    let revoke = format!("{}&revoke-key={}&_wpnonce={nonce}", keys_url(shop), key.key_id);
    let inside = format!(
        "<dl><dt>Description</dt><dd>{description}</dd><dt>User</dt><dd>{owner}</dd><dt>Permissions</dt>\
         <dd>{permissions}</dd><dt>Consumer key ending in</dt><dd><code>…{last7}</code></dd></dl>\n\
         <p><a class=\"button plain\" href=\"{revoke}\">Revoke key</a></p>",
        description = esc_html(&key.description),
        owner = esc_html(&key.owner),
        permissions = permissions(&key),
        last7 = last7(&key),
        revoke = esc_html(&revoke),
    );
    show(200, shop, "Key details", &inside)
}

fn revoke(shop: &Shop, visitor: &Visitor, id: &str, nonce: &str) -> Answer {
    if !shop.is_nonce(nonce, REVOKE, Some(visitor)) {
        return show(403, shop, "WordPress › Error", "<p>The link you followed has expired.</p>");
    }
    if let Some(key) = find(shop, id).filter(|key| may_see(visitor, key)) {
        shop.delete_key(key.key_id);
    }
    Answer::redirect(&format!("{}&revoked=1", keys_url(shop)))
}

fn find(shop: &Shop, id: &str) -> Option<IssuedKey> {
    let id: i64 = id.parse().ok()?;
    shop.with(|inner| inner.keys.iter().map(|row| &row.key).find(|key| key.key_id == id && !key.revoked).cloned())
}

/// A shop manager sees only their own keys.
fn may_see(visitor: &Visitor, key: &IssuedKey) -> bool {
    visitor.role == Role::Administrator || key.owner == visitor.login
}

fn last7(key: &IssuedKey) -> &str {
    &key.consumer_key[key.consumer_key.len() - 7..]
}

fn permissions(key: &IssuedKey) -> &'static str {
    match key.permissions.as_str() {
        "read" => "Read",
        "write" => "Write",
        _ => "Read/Write",
    }
}
