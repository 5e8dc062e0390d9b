//! Authentication for the dashboard: the operator behind the cookie, and protection against forged forms.

use axum::body::Bytes;
use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::show::{Notice, Section, Shell};
use crate::app::App;
use crate::config::Site;
use crate::domain::{Actor, AttemptId, LinkId, Operator, Secret, Session, StoreId, TokenId, WebhookId};
use crate::flow::operators::sign_in;
use crate::web::body_deadline;
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::guard::{A_SECRET, actor, cookie, cookie_to_set, reached_at, same_site};

/// The name of the hidden field that holds the form token.
pub const FORM_TOKEN: &str = "form_token";

/// The signed-in operator. As an extractor, redirects to the sign-in page if nobody is signed in.
pub struct SignedIn {
    pub app: App,
    pub operator: Operator,
    pub session: Session,
    /// The form token of this session.
    pub csrf: String,
    pub actor: Actor,
    /// The address at which the browser reached the dashboard (see `reached_at`).
    pub address: Option<String>,
    pub query: Fields,
    /// The message to show at the top of the page.
    pub notice: Option<Notice>,
}

impl SignedIn {
    /// The frame around a page of this section.
    pub fn shell(&self, here: Section) -> Shell {
        Shell {
            here,
            operator: self.operator.name.to_string(),
            csrf: self.csrf.clone(),
            notice: self.notice,
            now: self.app.now(),
        }
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Some(cookie) = operator_cookie(&app.site, parts) else { return Err(signed_out(parts)) };
        let found = sign_in::who(app, &cookie).await.map_err(|error| Failure::from(error).into_response())?;
        let Some((session, operator)) = found else { return Err(signed_out(parts)) };
        let query = Fields::of_query(parts.uri.query()).map_err(IntoResponse::into_response)?;
        Ok(Self {
            actor: actor(app, parts, operator.id.as_str()),
            operator,
            session,
            csrf: sign_in::token_of_forms(&cookie).expose().to_owned(),
            address: reached_at(&app.site, parts),
            notice: notice(parts, &query),
            query,
            app: app.clone(),
        })
    }
}

/// The notice in the query, but only if one of our own pages led here: anybody can send a link with a notice. Browsers
/// that do not report the referring site are shown none.
fn notice(parts: &Parts, query: &Fields) -> Option<Notice> {
    parts.headers.get("sec-fetch-site").filter(|site| *site == "same-origin")?;
    query.get("done").and_then(Notice::read)
}

/// The ID in the path. As an extractor, fails like an ID that does not exist if it is malformed.
pub struct Id<T>(pub T);

/// An ID of something that has a page.
pub trait HasPage: FromStr {
    /// The text for an ID that does not exist.
    const UNKNOWN: &str;
}

impl HasPage for StoreId {
    const UNKNOWN: &str =
        "There is no store with this ID. Search for it in the list of stores: the ID may be spelled differently.";
}

impl HasPage for AttemptId {
    const UNKNOWN: &str = "There is no attempt with this ID. The activity log shows all attempts.";
}

impl HasPage for LinkId {
    const UNKNOWN: &str = "There is no such link. The list of links shows all links.";
}

impl HasPage for TokenId {
    const UNKNOWN: &str = "There is no such token. The list of tokens shows all tokens.";
}

impl HasPage for WebhookId {
    const UNKNOWN: &str = "There is no such webhook. The list of webhooks shows all webhooks.";
}

/// Nothing has this ID.
pub fn unknown<T: HasPage>() -> Failure {
    Failure::not_found(T::UNKNOWN)
}

impl<T: HasPage> FromRequestParts<App> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Path(id) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| unknown::<T>())?;
        id.parse().map(Self).map_err(|_| unknown::<T>())
    }
}

/// The maximum size of an operator's form, in bytes: many settings, long lists.
const FORM_AT_MOST: usize = 256 * 1024;

/// A form posted from a page of the operator's session. Not `Debug`: it may contain a password.
pub struct Posted {
    pub who: SignedIn,
    pub fields: Fields,
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        same_site(&app.site, &parts.headers).map_err(IntoResponse::into_response)?;
        let who = SignedIn::from_request_parts(&mut parts, app).await?;
        body_deadline::allow(&parts, FORM_AT_MOST);
        let body =
            Bytes::from_request(Request::from_parts(parts, body), app).await.map_err(IntoResponse::into_response)?;
        let fields = Fields::of_form(&body).map_err(IntoResponse::into_response)?;
        check_token(&who, fields.get(FORM_TOKEN)).map_err(IntoResponse::into_response)?;
        Ok(Self { who, fields })
    }
}

/// Rejects a form without this session's token.
pub fn check_token(who: &SignedIn, shown: Option<&str>) -> Result<(), Failure> {
    if shown.is_some_and(|shown| sign_in::is_token_of_forms(shown, &who.csrf)) {
        return Ok(());
    }
    let says = "This form was not sent from a page of your session, so it was not accepted. Open the page again and send it from there.";
    Err(Failure::new(StatusCode::FORBIDDEN, "cross_site", says))
}

/// The name of the session cookie. `__Host-` requires https; browsers also accept it on localhost.
pub const fn cookie_name(site: &Site) -> &'static str {
    if site.secure { "__Host-cartkey-operator" } else { "cartkey-operator" }
}

/// The session secret in the request's cookie.
pub fn operator_cookie(site: &Site, parts: &Parts) -> Option<Secret> {
    cookie(&parts.headers, cookie_name(site), A_SECRET)
}

/// The `Set-Cookie` that stores a session; `None` deletes it. Strict: other sites cannot cause it to be sent.
pub fn set_cookie(site: &Site, session: Option<&Secret>) -> Secret {
    let (value, more) = match session {
        Some(secret) => (secret.expose(), "SameSite=Strict"),
        None => ("", "SameSite=Strict; Max-Age=0"),
    };
    cookie_to_set(site, cookie_name(site), value, more)
}

/// The name of the cookie that records for a year that an operator has signed in here: attempts from such browsers are
/// counted separately from those of strangers.
pub const fn known_name(site: &Site) -> &'static str {
    if site.secure { "__Host-cartkey-known" } else { "cartkey-known" }
}

/// The content of that cookie.
pub fn known_cookie(site: &Site, parts: &Parts) -> Option<Secret> {
    cookie(&parts.headers, known_name(site), 0..=256)
}

/// The `Set-Cookie` that stores it.
pub fn remember(site: &Site, known: &Secret) -> Secret {
    cookie_to_set(site, known_name(site), known.expose(), "SameSite=Strict; Max-Age=31536000")
}

/// Where to go after signing in: a page of the dashboard, never another site, and without a notice, because nothing was
/// done.
pub fn safe_next(next: Option<&str>) -> &str {
    let is_ours = |path: &str| {
        (path == "/admin" || path.starts_with("/admin/") || path.starts_with("/admin?"))
            && !path.contains('\\')
            && !path.chars().any(char::is_control)
    };
    without_notice(next.filter(|path| is_ours(path)).unwrap_or("/admin"))
}

/// The path and query without a notice.
fn without_notice(mut path: &str) -> &str {
    while let Some((_, query)) = path.split_once('?') {
        let says = Fields::of_query(Some(query)).is_ok_and(|query| query.get("done").is_some());
        let Some(cut) = path.rfind(['?', '&']).filter(|_| says) else { break };
        path = &path[..cut];
    }
    path
}

/// GET requests are redirected to the sign-in page and back; a posted form is not executed, and the page says so.
fn signed_out(parts: &Parts) -> Response {
    if parts.method == Method::GET || parts.method == Method::HEAD {
        let next = parts.uri.path_and_query().map_or("/admin", |path| path.as_str());
        let query = serde_urlencoded::to_string([("next", safe_next(Some(next)))]).unwrap_or_default();
        return ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&format!("/admin/sign-in?{query}")))
            .into_response();
    }
    let says = "You are signed out, so nothing was done. Sign in and try again.";
    Failure::new(StatusCode::UNAUTHORIZED, "signed_out", says).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_pages_of_the_dashboard_only() {
        for fine in ["/admin", "/admin/stores?q=a&b=c", "/admin?x"] {
            assert_eq!(safe_next(Some(fine)), fine);
        }
        for bad in
            ["https://evil.example", "//evil.example", "/administrator", "/connect", "/admin/\\evil", "/admin/\r\n", ""]
        {
            assert_eq!(safe_next(Some(bad)), "/admin", "{bad}");
        }
        for (said, path) in [
            ("/admin/stores?q=a&done=saved", "/admin/stores?q=a"),
            ("/admin?done=saved", "/admin"),
            ("/admin?%64one=saved", "/admin"),
            ("/admin?done=saved&q=a?done=saved", "/admin"),
            ("/admin/stores?q=done", "/admin/stores?q=done"),
        ] {
            assert_eq!(safe_next(Some(said)), path);
        }
    }
}
