//! The pages that people see: the shop, the approval screens, the refusals. Our own texts in WooCommerce's structure.

use super::answer::Answer;
use super::php::esc_html;
use super::state::{Shop, Visitor};
use super::switches::{Permalinks, Switches};
use crate::domain::Scope;

const STYLE: &str = include_str!("style.css");

/// The parts of both approval screens about the application.
pub(super) struct Asking<'a> {
    /// Its name, cleaned but not escaped.
    pub(super) app_name: &'a str,
    /// The target of Deny and "cancel".
    pub(super) cancel: &'a str,
}

/// A whole page. `title` is text, `inside` is HTML.
pub(super) fn page(status: u16, shop: &Shop, title: &str, inside: &str) -> Answer {
    let home = esc_html(&shop.home);
    let name = esc_html(&shop.name);
    let title = esc_html(title);
    Answer::html(
        status,
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" \
             content=\"noindex, nofollow\"><link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>{STYLE}</style></head>\n<body><header>\
             <a href=\"{home}/\">{name}</a> <small>· a pretend store</small></header>\n\
             <main>\n<h1>{title}</h1>\n{inside}\n</main></body></html>\n"
        ),
    )
}

/// `wp_die`: 401, without a link back.
pub(super) fn denied(says: &str) -> Answer {
    let says = esc_html(says);
    Answer::html(
        401,
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"><title>Access denied</title><style>{STYLE}</style></head>\n\
             <body id=\"error-page\"><main><div class=\"wp-die-message\">Error: {says}.</div></main></body></html>\n"
        ),
    )
}

/// The theme's 404 page.
pub(super) fn not_found(shop: &Shop) -> Answer {
    page(404, shop, "Page not found", "<p>Nothing was found at this address.</p>")
}

pub(super) fn front(shop: &Shop, switches: &Switches, visitor: Option<&Visitor>) -> Answer {
    if switches.coming_soon && visitor.is_none_or(|v| !v.role.manages()) {
        return page(
            200,
            shop,
            "Great things are on the horizon",
            "<p>Something big is brewing! Our store opens soon.</p>",
        );
    }
    let rest = if switches.permalinks == Permalinks::Pretty { "/wp-json/" } else { "/?rest_route=/" };
    let inside = format!(
        "<p>Cups and plates, made by hand.</p>\n<ul><li>Blue cup, €14.00</li><li>Plate with a fish, €22.00</li>\
         <li>Teapot, €49.00</li></ul>\n<p class=\"note\">This stands in for a WooCommerce store. \
         <a href=\"{home}/wp-admin/admin.php?page=wc-settings&amp;tab=advanced&amp;section=keys\">Its API keys</a> · \
         <a href=\"{home}{rest}?_fields=name,home,namespaces\">Its REST API</a></p>",
        home = esc_html(&shop.home)
    );
    page(200, shop, "Welcome", &inside.replace("/?rest_route=/?", "/?rest_route=/&amp;"))
}

/// My account, where a shopper lands after logging in.
pub(super) fn account(shop: &Shop, visitor: Option<&Visitor>) -> Answer {
    let inside = match visitor {
        Some(visitor) => format!("<p>Hello {}.</p>", esc_html(&visitor.login)),
        None => format!("<p><a href=\"{}/wp-login.php\">Log in</a></p>", esc_html(&shop.home)),
    };
    page(200, shop, "My account", &inside)
}

/// The login form of the approval; it posts to its own address.
pub(super) fn approval_login(
    shop: &Shop,
    asking: &Asking<'_>,
    redirect: &str,
    nonce: &str,
    error: Option<&str>,
) -> Answer {
    let app = esc_html(asking.app_name);
    let error = error.map(|says| format!("<p class=\"error\" role=\"alert\"><strong>Error:</strong> {says}</p>\n"));
    let inside = format!(
        "{error}<p><strong>{app}</strong> would like to connect to your store. To go on, log in to {shop_name}, or \
         <a href=\"{cancel}\">cancel and return to {app}</a>.</p>\n\
         <form method=\"post\" class=\"wc-auth-login\">\n\
         <label for=\"username\">User name or email address</label>\n\
         <input type=\"text\" name=\"username\" id=\"username\" autocomplete=\"username\" required>\n\
         <label for=\"password\">Password</label>\n\
         <input type=\"password\" name=\"password\" id=\"password\" autocomplete=\"current-password\" required>\n\
         <input type=\"hidden\" name=\"woocommerce-login-nonce\" value=\"{nonce}\">\n\
         <input type=\"hidden\" name=\"redirect\" value=\"{redirect}\">\n\
         <button type=\"submit\" name=\"login\" value=\"Login\">Login</button>\n</form>\n{hint}",
        error = error.unwrap_or_default(),
        shop_name = esc_html(&shop.name),
        cancel = esc_html(asking.cancel),
        redirect = esc_html(redirect),
        hint = HINT,
    );
    page(200, shop, "Application authentication request", &inside)
}

/// The pretend store's hint for people who try it.
pub(super) const HINT: &str =
    "<p class=\"note\">Pretend store: log in as <code>admin</code> with the password <code>demo</code>.</p>";

/// The grant screen, with Approve and Deny as plain links.
pub(super) fn grant(
    shop: &Shop,
    asking: &Asking<'_>,
    scope: Scope,
    callback_host: &str,
    visitor: &Visitor,
    approve: &str,
    log_out: &str,
) -> Answer {
    let app = esc_html(asking.app_name);
    let (access, permissions) = match scope {
        Scope::Read => ("Read", READ.to_vec()),
        Scope::Write => ("Write", WRITE.to_vec()),
        Scope::ReadWrite => ("Read/Write", READ_WRITE.to_vec()),
    };
    let permissions = permissions.join("</li><li>");
    let inside = format!(
        "<p>This will give <strong>{app}</strong> <strong>{access}</strong> access which will allow it to:</p>\n\
         <ul><li>{permissions}</li></ul>\n\
         <p class=\"note\">Logged in as {login}. <a href=\"{log_out}\">Logout</a></p>\n\
         <p>Approving will share credentials with <strong>{host}</strong>. Do not proceed if this looks suspicious.</p>\n\
         <p><a href=\"{approve}\" class=\"button wc-auth-approve\">Approve</a>\
         <a href=\"{deny}\" class=\"button plain wc-auth-deny\">Deny</a></p>",
        login = esc_html(&visitor.login),
        log_out = esc_html(log_out),
        host = esc_html(callback_host),
        approve = esc_html(approve),
        deny = esc_html(asking.cancel),
    );
    page(200, shop, &format!("{} would like to connect to your store", asking.app_name), &inside)
}

const READ: [&str; 4] = ["View coupons", "View customers", "View orders and sales reports", "View products"];
const READ_WRITE: [&str; 5] = [
    "Create webhooks",
    "View and manage coupons",
    "View and manage customers",
    "View and manage orders and sales reports",
    "View and manage products",
];
const WRITE: [&str; 5] = ["Create webhooks", "Create coupons", "Create customers", "Create orders", "Create products"];
