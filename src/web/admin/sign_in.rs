//! Sign-in and sign-out.

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};

use super::guard::{Posted, known_cookie, operator_cookie, remember, safe_next, set_cookie};
use crate::app::App;
use crate::domain::{Actor, Secret};
use crate::flow::operators::sign_in::{self, Begun, Brings, Error};
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::guard::{actor, same_site};
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/sign-in", get(ask).post(take))
        .route("/admin/sign-in/code", get(ask_code).post(take_code))
        .route("/admin/sign-out", post(sign_out))
}

#[derive(Debug, Template)]
#[template(path = "admin/sign_in.html")]
struct SignInPage {
    /// The name as typed.
    name: String,
    /// Where to go afterwards.
    next: String,
    wrong: Option<&'static str>,
    note: Option<&'static str>,
}

#[derive(Debug, Template)]
#[template(path = "admin/code.html")]
struct CodePage {
    next: String,
    wrong: Option<&'static str>,
}

async fn ask(State(app): State<App>, parts: Parts) -> Result<Response, Failure> {
    let query = Fields::of_query(parts.uri.query())?;
    let next = safe_next(query.get("next"));
    if let Some(cookie) = operator_cookie(&app.site, &parts)
        && sign_in::who(&app, &cookie).await?.is_some()
    {
        return Ok(Redirect::to(next).into_response());
    }
    let note = match query.get("done") {
        Some("signed-out") => Some("You are signed out."),
        Some("password-changed") => {
            Some("Your password was changed and all your sessions were ended. Sign in with the new password.")
        }
        _ => None,
    };
    Ok(Page(SignInPage { name: String::new(), next: next.to_owned(), wrong: None, note }).into_response())
}

async fn take(State(app): State<App>, parts: Parts, body: Bytes) -> Result<Response, Failure> {
    same_site(&app.site, &parts.headers)?;
    let fields = Fields::of_form(&body)?;
    let next = safe_next(fields.get("next")).to_owned();
    let name = fields.get("name").unwrap_or_default();
    let password = fields.secret("password");
    let brings = Brings { session: operator_cookie(&app.site, &parts), known: known_cookie(&app.site, &parts) };
    match sign_in::sign_in(&app, name, &password, &brings, &nobody(&app, &parts)).await {
        Ok(begun) => Ok(begun_at(&app, &begun, &next)),
        Err(error) => {
            let (status, retry_after, wrong) = rejection(error, "The name or password is wrong.")?;
            let page = SignInPage { name: name.to_owned(), next, wrong: Some(wrong), note: None };
            Ok((status, retry_after, Page(page)).into_response())
        }
    }
}

async fn ask_code(State(app): State<App>, parts: Parts) -> Result<Response, Failure> {
    let next = safe_next(Fields::of_query(parts.uri.query())?.get("next")).to_owned();
    let half_way = match operator_cookie(&app.site, &parts) {
        Some(cookie) => sign_in::is_half_way(&app, &cookie).await?,
        None => false,
    };
    if half_way {
        Ok(Page(CodePage { next, wrong: None }).into_response())
    } else {
        Ok(Redirect::to("/admin/sign-in").into_response())
    }
}

async fn take_code(State(app): State<App>, parts: Parts, body: Bytes) -> Result<Response, Failure> {
    same_site(&app.site, &parts.headers)?;
    let fields = Fields::of_form(&body)?;
    let next = safe_next(fields.get("next")).to_owned();
    let Some(cookie) = operator_cookie(&app.site, &parts) else {
        return Ok(Redirect::to("/admin/sign-in").into_response());
    };
    let code = fields.get("code").unwrap_or_default();
    match sign_in::show_code(&app, &cookie, code, &nobody(&app, &parts)).await {
        Ok(begun) => Ok(begun_at(&app, &begun, &next)),
        Err(Error::NoSession) => Ok(Redirect::to("/admin/sign-in").into_response()),
        Err(error) => {
            let wrong = "This code is wrong or was already used. Codes change every 30 seconds: type the one that is shown now.";
            let (status, retry_after, wrong) = rejection(error, wrong)?;
            Ok((status, retry_after, Page(CodePage { next, wrong: Some(wrong) })).into_response())
        }
    }
}

async fn sign_out(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let which = (fields.get("everywhere") != Some("yes")).then_some(&who.session.fingerprint);
    sign_in::sign_out(&who.app, &who.operator, which, &who.actor).await?;
    Ok(with_cookie(&who.app, None, Redirect::to("/admin/sign-in?done=signed-out").into_response()))
}

/// Redirects to the operator's destination, or to the second factor.
pub(super) fn begun_at(app: &App, begun: &Begun, next: &str) -> Response {
    let path = if begun.half_way {
        let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
        format!("/admin/sign-in/code?{query}")
    } else {
        next.to_owned()
    };
    let mut answer = with_cookie(app, Some(&begun.cookie), Redirect::to(&path).into_response());
    if let Some(known) = &begun.known {
        answer.headers_mut().append(header::SET_COOKIE, cookie_value(&remember(&app.site, known)));
    }
    answer
}

/// Sets or deletes the session cookie on the response.
pub(super) fn with_cookie(app: &App, session: Option<&Secret>, mut answer: Response) -> Response {
    answer.headers_mut().insert(header::SET_COOKIE, cookie_value(&set_cookie(&app.site, session)));
    answer
}

fn cookie_value(cookie: &Secret) -> HeaderValue {
    let mut value = HeaderValue::from_str(cookie.expose()).expect("a cookie of ours is visible ASCII");
    value.set_sensitive(true);
    value
}

/// The actor before authentication.
pub(super) fn nobody(app: &App, parts: &Parts) -> Actor {
    actor(app, parts, "nobody")
}

/// The status, `Retry-After` and sentence of a rejected sign-in; any other error is a failure.
fn rejection(error: Error, wrong: &'static str) -> Result<(StatusCode, Option<RetryAfter>, &'static str), Failure> {
    let later = |seconds, says| (StatusCode::TOO_MANY_REQUESTS, Some([(RETRY_AFTER, seconds)]), says);
    match error {
        Error::Wrong | Error::NoSession | Error::Weak(_) => Ok((StatusCode::UNPROCESSABLE_ENTITY, None, wrong)),
        Error::TooMany => Ok(later(15 * 60, "Too many attempts. Wait 15 minutes, then try again.")),
        Error::Busy => Ok(later(5, "Too many people are signing in right now. Try again in a moment.")),
        Error::Beneath(beneath) => Err(beneath.into()),
    }
}

type RetryAfter = [(HeaderName, u32); 1];
