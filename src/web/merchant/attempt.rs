//! Return and wait: the browser comes back, and polls its attempt until that has ended.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::json;
use url::Url;

use super::connect::{Start, again_href, password_href, secret_in};
use super::frame::Frame;
use super::icon::icon_href;
use super::pages::{
    AttemptPage, Connected, DisownedPage, ElsewherePage, Finding, Former, GoOn, SendPage, Trouble, View, shown,
};
use crate::app::App;
use crate::domain::attempt::{Attempt, Status};
use crate::domain::id::AttemptId;
use crate::domain::link::Confirm;
use crate::domain::secret::Secret;
use crate::domain::store::Store;
use crate::domain::verdict::Verdict;
use crate::flow::connecting::by_hand;
use crate::flow::connecting::connect::{self, Invitation};
use crate::flow::connecting::disconnect::revoke_url;
use crate::flow::connecting::prove::{self, Hurry};
use crate::flow::connecting::return_leg::{self, Arrival, Outcome};
use crate::web::failure::{Failure, english};
use crate::web::form::Fields;
use crate::web::guard::{browser, merchant, own_form, reports_nothing};
use crate::web::i18n::{Said, Words};
use crate::web::page::Page;

/// `GET /connect/return/{attempt}?success=…&user_id=…`: redirects the browser that began the attempt to the attempt's
/// page, so that the state does not remain in the address bar; shows any other browser what happened.
pub async fn came_back(
    State(app): State<App>,
    Path(id): Path<String>,
    frame: Frame,
    parts: Parts,
) -> Result<Response, Failure> {
    let id = read_id(&id).ok_or_else(unknown)?;
    let query = Fields::of_query(parts.uri.query())?;
    let approved = query.get("success") == Some("1");
    let state = query.get("user_id").map(secret_in);
    let cookie = browser(&app.site, &parts.headers);
    match return_leg::arrive(&app, &id, approved, state.clone(), cookie.as_ref(), &merchant(&app, &parts)).await? {
        Arrival::Mine(attempt) => {
            let note = if approved && attempt.status == Status::Open { "?returned=1" } else { "" };
            Ok(Redirect::to(&format!("{}{note}", href(&id))).into_response())
        }
        Arrival::Elsewhere(attempt) if attempt.status == Status::Denied => {
            // Whoever pressed Deny sees that here; the attempt's own page is only for the browser that began it.
            let page = page(&app, frame.leading_to(&return_href(&id, false, state.as_ref())), *attempt, false).await?;
            Ok(Page(AttemptPage { retry_href: None, back: None, icon_href: None, ..page }).into_response())
        }
        Arrival::Elsewhere(attempt) if attempt.reason == Some(Verdict::Disowned) => {
            let keys = return_leg::surplus(&app, &attempt).await?;
            let frame = frame.leading_to(&return_href(&id, true, state.as_ref()));
            Ok(Page(DisownedPage::new(frame, attempt.home, keys)).into_response())
        }
        Arrival::Elsewhere(attempt) => {
            let deleted = query.get("deleted").is_some();
            Ok(elsewhere(frame.leading_to(&return_href(&id, true, state.as_ref())), *attempt, state, deleted))
        }
        Arrival::Unknown => Err(unknown()),
    }
}

/// `GET /connect/attempts/{attempt}`: only for the browser that began it; also returns JSON for its script. With `?go=1`, to which
/// a new attempt redirects, it sends the browser on to the store.
pub async fn look(
    State(app): State<App>,
    Path(id): Path<String>,
    frame: Frame,
    parts: Parts,
) -> Result<Response, Failure> {
    let id = read_id(&id).ok_or_else(unknown)?;
    let cookie = browser(&app.site, &parts.headers).ok_or_else(unknown)?;
    let attempt = return_leg::look(&app, &id, Some(&cookie)).await?.ok_or_else(unknown)?;
    prove::hasten(&app, &attempt, Hurry::Looking).await?;
    let vary = [(header::VARY, "Accept")];
    if wants_json(&parts.headers) {
        return Ok((vary, Json(as_json(&app, frame.words, &attempt))).into_response());
    }
    let query = Fields::of_query(parts.uri.query())?;
    let is_open = attempt.status_at(app.now()) == Status::Open;
    if is_open && query.get("go").is_some() {
        return Ok((vary, send(&app, frame.leading_to("?go=1"), attempt, &cookie).await?).into_response());
    }
    if attempt.stopped
        && let Some(answer) = stopped(&app, &frame, &attempt).await?
    {
        return Ok((vary, answer).into_response());
    }
    if attempt.reason == Some(Verdict::Disowned) {
        let keys = return_leg::surplus(&app, &attempt).await?;
        return Ok((vary, Page(DisownedPage::new(frame, attempt.home, keys))).into_response());
    }
    let returned = query.get("returned").is_some();
    let frame = if returned { frame.leading_to("?returned=1") } else { frame };
    let authorize_url =
        if is_open { Some(connect::authorize_url(&app, &attempt, &cookie).await?.expose().to_owned()) } else { None };
    let page = AttemptPage { authorize_url, ..page(&app, frame, attempt, returned).await? };
    Ok((vary, page.frame.clone().answer(Page(page))).into_response())
}

/// The form with the findings of an attempt that the preflight stopped; `None` if its link no longer opens.
async fn stopped(app: &App, frame: &Frame, attempt: &Attempt) -> Result<Option<Response>, Failure> {
    let start = match Start::again(app, attempt.clone()).await {
        Ok(start) => start,
        Err(gone) if gone.status == StatusCode::NOT_FOUND => return Ok(None),
        Err(other) => return Err(other),
    };
    if attempt.password_page.is_some()
        && let Some(href) = password_href(app, attempt).await?
    {
        return Ok(Some(super::application_password::stopped(
            &app.site.public_host,
            frame.clone(),
            &start,
            attempt,
            href,
        )));
    }
    if attempt.by_hand && by_hand::is_allowed(app).await? {
        return Ok(Some(super::by_hand::stopped(frame.clone(), &start, attempt)));
    }
    super::connect::stopped(app, frame.clone(), &start, attempt).await.map(Some)
}

async fn send(app: &App, frame: Frame, attempt: Attempt, browser: &Secret) -> Result<Response, Failure> {
    let page = SendPage {
        icon_href: icon_href(&attempt),
        authorize_url: connect::authorize_url(app, &attempt, browser).await?.expose().to_owned(),
        account: attempt.account_label,
        asks: attempt.scope,
        callback_host: app.site.public_host.clone(),
        adopted: attempt.typed.is_some(),
        attempt_href: href(&attempt.id),
        store_name: attempt.store_name,
        password: attempt.password_page.is_some(),
        store: attempt.home,
        frame,
    };
    // The browser continues to the store.
    Ok(([(header::REFERRER_POLICY, "no-referrer")], Page(page)).into_response())
}

/// `GET …/retry`, `…/confirm` and `…/disown`: a GET where a form was posted redirects to the attempt's page.
pub async fn to_attempt(Path(id): Path<String>) -> Result<Redirect, Failure> {
    Ok(Redirect::to(&href(&read_id(&id).ok_or_else(unknown)?)))
}

/// `GET …/go-on`: redirects to the application that must confirm. The one-time code is created now, so it is fresh
/// however long the page was open.
pub async fn go_on_to_app(State(app): State<App>, Path(id): Path<String>, parts: Parts) -> Result<Redirect, Failure> {
    let id = read_id(&id).ok_or_else(unknown)?;
    let cookie = browser(&app.site, &parts.headers);
    let attempt = return_leg::look(&app, &id, cookie.as_ref()).await?.ok_or_else(unknown)?;
    let there = to_confirm(&app, &attempt).await?;
    Ok(Redirect::to(&there.unwrap_or_else(|| href(&id))))
}

/// `POST …/retry`: the merchant wants the key to be tried now.
pub async fn retry(State(app): State<App>, Path(id): Path<String>, parts: Parts) -> Result<Redirect, Failure> {
    own_form(&app.site, &parts)?;
    let id = read_id(&id).ok_or_else(unknown)?;
    let cookie = browser(&app.site, &parts.headers);
    let attempt = return_leg::look(&app, &id, cookie.as_ref()).await?.ok_or_else(unknown)?;
    prove::hasten(&app, &attempt, Hurry::Asked).await?;
    Ok(Redirect::to(&href(&id)))
}

/// `POST …/confirm`: the person at the browser that began confirms the approval.
pub async fn confirm(State(app): State<App>, Path(id): Path<String>, parts: Parts) -> Result<Redirect, Failure> {
    own_form(&app.site, &parts)?;
    let id = read_id(&id).ok_or_else(unknown)?;
    let cookie = browser(&app.site, &parts.headers);
    return_leg::confirm(&app, &id, cookie.as_ref(), &merchant(&app, &parts)).await?.ok_or_else(unknown)?;
    Ok(Redirect::to(&href(&id)))
}

/// `POST …/disown`: the visitor who returned rejects the approval.
pub async fn disown(
    State(app): State<App>,
    Path(id): Path<String>,
    parts: Parts,
    body: Bytes,
) -> Result<Redirect, Failure> {
    let state = Fields::of_form(&body)?.get("state").map(|state| Secret::new(state.to_owned()));
    let cookie = match own_form(&app.site, &parts) {
        Ok(()) => browser(&app.site, &parts.headers),
        // The state, which only the store's return has, then decides alone.
        Err(_) if state.is_some() && reports_nothing(&app.site, &parts.headers) => None,
        Err(refused) => return Err(refused),
    };
    let id = read_id(&id).ok_or_else(unknown)?;
    if !return_leg::disown(&app, &id, state.as_ref(), cookie.as_ref(), &merchant(&app, &parts)).await? {
        return Err(unknown());
    }
    // The page with the result: the return page for a browser that has the state, the attempt's page for the one that began it.
    let there = if state.is_some() { return_href(&id, true, state.as_ref()) } else { href(&id) };
    Ok(Redirect::to(&there))
}

/// The ID in a path, without what got stuck to its end when the address was passed on.
pub(super) fn read_id(id: &str) -> Option<AttemptId> {
    // A prefix, an underscore and a ULID.
    let length = AttemptId::PREFIX.len() + 27;
    id.get(..length).unwrap_or(id).parse().ok()
}

/// The path of an attempt's page.
pub(super) fn href(id: &AttemptId) -> String {
    format!("/connect/attempts/{id}")
}

/// The address to which the store sent the browser back, for a visitor who has the state.
pub(super) fn return_href(id: &AttemptId, approved: bool, state: Option<&Secret>) -> String {
    let state = state.map(Secret::expose).unwrap_or_default();
    let pairs = [("success", if approved { "1" } else { "0" }), ("user_id", state)];
    format!("/connect/return/{id}?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
}

pub(super) fn unknown() -> Failure {
    Failure::said(StatusCode::NOT_FOUND, "not_found", english("failure-other-browser"))
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn as_json(app: &App, words: Words, attempt: &Attempt) -> serde_json::Value {
    let status = attempt.status_at(app.now());
    json!({
        "id": attempt.id,
        "status": status,
        "shown": shown(status, trouble(attempt)),
        "reason": attempt.reason,
        "says": attempt.reason.map(|reason| says(words, attempt, reason)),
        "store_id": attempt.store_id,
    })
}

fn elsewhere(frame: Frame, attempt: Attempt, state: Option<Secret>, deleted: bool) -> Response {
    let page = ElsewherePage {
        frame,
        account: attempt.account_label,
        disown_action: format!("{}/disown", href(&attempt.id)),
        connected: attempt.status == Status::Connected,
        password: attempt.password_page.as_ref().map(|_| deleted),
        store: attempt.home,
        state: state.map(|state| state.expose().to_owned()).unwrap_or_default(),
    };
    ([(HeaderName::from_static("clear-site-data"), "\"cache\"")], Page(page)).into_response()
}

async fn page(app: &App, frame: Frame, attempt: Attempt, returned: bool) -> Result<AttemptPage, Failure> {
    let retry_href = again_href(app, &attempt).await?;
    Ok(AttemptPage {
        account: attempt.account_label.clone(),
        callback_host: app.site.public_host.clone(),
        view: view(app, &frame, &attempt, returned).await?,
        // Reloaded without scripts, the page goes on to report that no key was received.
        poll_href: if returned { format!("{}?returned=1", href(&attempt.id)) } else { href(&attempt.id) },
        by_hand: attempt.by_hand,
        by_hand_href: by_hand_href(app, &attempt, retry_href.is_some()).await?,
        password_href: password_href(app, &attempt).await?.filter(|_| retry_href.is_some()),
        password: attempt.password_page.is_some(),
        retry_href,
        back: back(app, &frame, &attempt),
        authorize_url: None,
        asks: attempt.scope,
        icon_href: icon_href(&attempt),
        store_name: attempt.store_name,
        store: attempt.home,
        frame,
    })
}

async fn view(app: &App, frame: &Frame, attempt: &Attempt, returned: bool) -> Result<View, Failure> {
    Ok(match attempt.status_at(app.now()) {
        Status::Open => View::Open { returned },
        Status::Received => View::Received,
        Status::Proving => View::Proving(trouble(attempt).map(|reason| Trouble {
            finding: finding(frame, attempt, reason),
            action: format!("{}/retry", href(&attempt.id)),
        })),
        Status::AwaitingConfirmation if attempt.confirm == Confirm::App => {
            let label = frame.say("go-on-to").with("app", frame.app()).to_string();
            let go_on =
                address(app, attempt, &[]).map(|_| GoOn { label, href: format!("{}/go-on", href(&attempt.id)) });
            // Automatic only once: whoever returned, from the application or otherwise, must press the button.
            View::AwaitingApp { go_on, by_itself: attempt.confirm_code_until.is_none() }
        }
        Status::AwaitingConfirmation => View::AwaitingBrowser {
            action: format!("{}/confirm", href(&attempt.id)),
            disown_action: Some(format!("{}/disown", href(&attempt.id))),
            elsewhere: attempt.elsewhere_at.is_some(),
        },
        Status::Connected => View::Connected(connected(app, frame, attempt).await?),
        Status::Denied => View::Denied,
        Status::Failed => {
            let reason = attempt.reason.unwrap_or(Verdict::NotFinished);
            View::Failed(finding(frame, attempt, reason))
        }
        Status::Expired => View::Expired,
    })
}

/// What prevented the last try of a key that is still being tried.
fn trouble(attempt: &Attempt) -> Option<Verdict> {
    attempt.reason.filter(|reason| attempt.status == Status::Proving && !reason.is_works())
}

/// The finding `reason` for whoever approved, or typed a key.
pub(super) fn finding(frame: &Frame, attempt: &Attempt, reason: Verdict) -> Finding {
    Finding { says: says(frame.words, attempt, reason), code: reason.code() }
}

fn says(words: Words, attempt: &Attempt, reason: Verdict) -> String {
    let store = attempt.home.shown();
    let says = if attempt.by_hand {
        words.verdict_by_hand(reason, store)
    } else {
        words.verdict_on_approval(reason, store, attempt.returned_at.is_some())
    };
    match attempt.moved_to.as_ref().filter(|_| reason == Verdict::Moved) {
        Some(to) => format!("{says} {}", words.say("moved-to").with("address", to.shown())),
        None => says,
    }
}

/// The page for typing the key instead; `None` if the key was typed, or if that is not available.
async fn by_hand_href(app: &App, attempt: &Attempt, may_retry: bool) -> Result<Option<String>, Failure> {
    let is_offered = may_retry && !attempt.by_hand && by_hand::is_allowed(app).await?;
    Ok(is_offered.then(|| format!("{}/by-hand", href(&attempt.id))))
}

async fn connected(app: &App, frame: &Frame, attempt: &Attempt) -> Result<Connected, Failure> {
    let outcome = return_leg::outcome(app, attempt).await?;
    let Outcome { store, surplus, former } =
        outcome.ok_or_else(|| Failure::broken("a connected attempt has a store"))?;
    Ok(Connected {
        may: store.scope,
        last7: store.key_last7,
        surplus,
        former: former.map(|key| Former {
            revoke_href: revoke_url(&store.home, key.auth_method, key.woo_key_id),
            woo_key_id: key.woo_key_id,
            last7: key.last7,
        }),
        note: attempt.reason.map(|reason| finding(frame, attempt, reason)),
        go_on: go_on(
            app,
            attempt,
            &frame.say("go-on-to").with("app", frame.app()),
            &[("status", "connected"), ("user_id", attempt.user_id.as_str()), ("store_id", store.id.as_str())],
        ),
    })
}

/// The way back to the application after an attempt that failed.
fn back(app: &App, frame: &Frame, attempt: &Attempt) -> Option<GoOn> {
    let status = attempt.status_at(app.now());
    let is_over = matches!(status, Status::Denied | Status::Failed | Status::Expired);
    let added = [("status", status.as_str()), ("user_id", attempt.user_id.as_str())];
    go_on(app, attempt, &frame.say("back-to").with("app", frame.app()), &added).filter(|_| is_over)
}

/// The application's address for confirming an approval, with a new one-time code; `None` if there is nothing to
/// confirm.
async fn to_confirm(app: &App, attempt: &Attempt) -> Result<Option<String>, Failure> {
    if address(app, attempt, &[]).is_none() {
        return Ok(None);
    }
    let Some(code) = return_leg::code(app, attempt).await? else { return Ok(None) };
    let added = [
        ("status", Status::AwaitingConfirmation.as_str()),
        ("user_id", attempt.user_id.as_str()),
        ("attempt_id", attempt.id.as_str()),
        ("code", code.expose()),
    ];
    Ok(address(app, attempt, &added))
}

fn go_on(app: &App, attempt: &Attempt, label: &Said, added: &[(&str, &str)]) -> Option<GoOn> {
    Some(GoOn { label: label.to_string(), href: address(app, attempt, added)? })
}

/// The way back to the application if the store is already connected. An application that confirms has nothing to
/// confirm, and checks for itself.
pub(super) fn nothing_left(app: &App, frame: &Frame, invitation: &Invitation, store: &Store) -> Option<GoOn> {
    let to = invitation.return_url.as_deref();
    let added = [("status", "connected"), ("user_id", invitation.user_id.as_str()), ("store_id", store.id.as_str())];
    let (key, added) = match invitation.confirm {
        Confirm::Browser => ("go-on-to", &added[..]),
        Confirm::App => ("back-to", &[][..]),
    };
    let label = frame.say(key).with("app", frame.app()).to_string();
    Some(GoOn { label, href: return_address(app, to, added)? })
}

fn address(app: &App, attempt: &Attempt, added: &[(&str, &str)]) -> Option<String> {
    return_address(app, attempt.return_url.as_deref(), added)
}

/// A link's return address with `added`. Its origin was allowed when the link was created, but is checked again,
/// because it may have been removed from the list since.
fn return_address(app: &App, return_url: Option<&str>, added: &[(&str, &str)]) -> Option<String> {
    let text = return_url?;
    crate::config::origin(text).filter(|origin| app.site.return_origins.contains(origin))?;
    let mut url = Url::parse(text).ok()?;
    if !added.is_empty() {
        url.query_pairs_mut().extend_pairs(added);
    }
    Some(url.into())
}
