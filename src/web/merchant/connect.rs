//! Begin: the page with the address form. Posting it redirects to the page of a new attempt, or back here with the error.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::attempt::{self, nothing_left, read_id};
use super::frame::Frame;
use super::pages::{ConnectPage, Field, Finding, News};
use crate::app::App;
use crate::domain::attempt::{Attempt, Status};
use crate::domain::id::StoreId;
use crate::domain::link::Confirm;
use crate::domain::secret::Secret;
use crate::domain::store::StoreStatus;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;
use crate::flow::connecting::connect::{self, Begun, Invitation, Limit};
use crate::flow::connecting::links::{self, Opened};
use crate::flow::connecting::{application_password, by_hand, reconnect, return_leg};
use crate::web::failure::{Failure, english};
use crate::web::form::Fields;
use crate::web::guard::{browser, merchant, own_form, set_cookie};
use crate::web::page::Page;

/// The longest typed address, in bytes, that a redirect repeats.
const LONGEST_TYPED: usize = 1_000;

/// Where an attempt begins: with a link, on the open page, or with an earlier attempt of the same browser.
pub(super) struct Start {
    pub(super) invitation: Invitation,
    /// The path of that page.
    here: String,
    /// The earlier attempt.
    again: Option<Attempt>,
}

impl Start {
    fn open(app: &App) -> Result<Self, Failure> {
        let closed = || Failure::said(StatusCode::NOT_FOUND, "not_found", english("failure-needs-link"));
        let invitation = Invitation::open(app).ok_or_else(closed)?;
        Ok(Self { invitation, here: "/connect".to_owned(), again: None })
    }

    async fn link(app: &App, link: &str) -> Result<Self, Failure> {
        let secret = secret_in(link);
        let here = format!("/connect/{}", secret.expose());
        let link = links::open(app, &secret).await?.ok_or_else(Failure::link_gone)?;
        Ok(Self { invitation: Invitation::of_link(link), here, again: None })
    }

    /// Begins like `attempt`: with its link if that still opens, otherwise on the open page, with the address filled in.
    pub(super) async fn again(app: &App, attempt: Attempt) -> Result<Self, Failure> {
        let mut invitation = match &attempt.link_id {
            None => Invitation { user_id: attempt.user_id.clone(), ..Self::open(app)?.invitation },
            Some(link) => {
                let open = links::look(app, link).await?.filter(|(link, _)| link.is_open_at(app.now()));
                Invitation::of_link(open.ok_or_else(Failure::link_gone)?.0)
            }
        };
        if invitation.wanted_store.is_none() {
            // What the merchant typed, unless the store's own address is better.
            let typed = attempt.typed.as_ref().filter(|_| attempt.is_stopped_for_good());
            invitation.home = Some(attempt.moved_to.as_ref().or(typed).unwrap_or(&attempt.home).clone());
        }
        Ok(Self { invitation, here: attempt::href(&attempt.id), again: Some(attempt) })
    }

    /// The path of the form's page.
    pub(super) fn form(&self) -> String {
        if self.again.is_some() { format!("{}/again", self.here) } else { self.here.clone() }
    }

    /// The path of the page for typing a key.
    pub(super) fn by_hand(&self) -> String {
        format!("{}/by-hand", self.here)
    }

    /// The path of the page for an application password, if that is allowed and the way that is left.
    pub(super) async fn password(&self, app: &App) -> Result<Option<String>, Failure> {
        match &self.again {
            Some(attempt) => password_href(app, attempt).await,
            None => Ok(None),
        }
    }

    /// The only store that may be connected, as shown to people.
    pub(super) fn fixed_store(&self) -> Option<&StoreUrl> {
        self.invitation.wanted_store.as_ref().and(self.invitation.home.as_ref())
    }

    /// The address that the form sends.
    pub(super) fn typed(&self, fields: &Fields) -> String {
        let typed = || fields.get("store_url").unwrap_or_default().to_owned();
        self.fixed_store().map_or_else(typed, |home| home.as_str().to_owned())
    }

    /// Whether the merchant has seen the warnings about the store at `typed`.
    fn has_seen(&self, app: &App, typed: &str) -> bool {
        let warned = |attempt: &&Attempt| attempt.stopped && !attempt.is_stopped_for_good();
        let seen = self.again.as_ref().filter(warned).map(|attempt| &attempt.home);
        StoreUrl::typed(typed, app.site.network).is_ok_and(|typed| seen == Some(&typed))
    }
}

impl FromRequestParts<App> for Start {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let named = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
        let Path(named) = named.map_err(|_| Failure::of_status(StatusCode::NOT_FOUND))?;
        if let Some(link) = named.get("link") {
            return Self::link(app, link).await;
        }
        let Some(id) = named.get("attempt") else { return Self::open(app) };
        let id = read_id(id).ok_or_else(Failure::link_gone)?;
        let cookie = browser(&app.site, &parts.headers);
        let attempt = return_leg::look(app, &id, cookie.as_ref()).await?.ok_or_else(Failure::link_gone)?;
        Self::again(app, attempt).await
    }
}

/// `GET /connect` and `…/again`: the form.
pub async fn page(State(app): State<App>, start: Start, frame: Frame, parts: Parts) -> Result<Response, Failure> {
    form(&app, frame, &start, &parts, None).await
}

/// `GET /connect/{link}`: what this browser began with it, or the form.
pub async fn link_page(
    State(app): State<App>,
    Path(link): Path<String>,
    frame: Frame,
    parts: Parts,
) -> Result<Response, Failure> {
    let secret = secret_in(&link);
    let cookie = browser(&app.site, &parts.headers);
    let asks_for_form = parts.uri.query().is_some_and(|query| query.contains("store_url=") || query.contains("limit="));
    let (link, others, over) = match links::visit(&app, &secret, cookie.as_ref()).await? {
        Some(Opened::Mine(id)) if !asks_for_form => return Ok(Redirect::to(&attempt::href(&id)).into_response()),
        Some(Opened::Form(link, others)) => (link, others, false),
        Some(Opened::Over(link, others)) => (link, Some(others), true),
        _ => (links::open(&app, &secret).await?.ok_or_else(Failure::link_gone)?, None, false),
    };
    let here = format!("/connect/{}", secret.expose());
    let start = Start { invitation: Invitation::of_link(link), here, again: None };
    let news = match others {
        Some(attempt) => news(&app, &frame, &start.invitation, &attempt, over).await?,
        None => None,
    };
    if over && news.is_none() {
        return Err(Failure::link_gone());
    }
    form(&app, frame, &start, &parts, news).await
}

/// `POST`: begins an attempt.
pub async fn begin(State(app): State<App>, start: Start, parts: Parts, body: Bytes) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    let fields = Fields::of_form(&body)?;
    let typed = start.typed(&fields);
    let go_on = fields.get("continue") == Some("yes") && start.has_seen(&app, &typed);
    let cookie = browser(&app.site, &parts.headers);
    let (form, actor) = (start.form(), merchant(&app, &parts));
    match connect::begin(&app, start.invitation, &typed, go_on, &actor, cookie).await {
        Ok(begun) => to_attempt(&app, &begun),
        Err(refused) => back(&form, vec![("store_url", kept(&typed))], refused),
    }
}

/// Redirects to the page of a new attempt, which sends the browser to the store unless the preflight stopped it.
pub(super) fn to_attempt(app: &App, begun: &Begun) -> Result<Response, Failure> {
    let go = if begun.attempt.status == Status::Open { "?go=1" } else { "" };
    let cookie = [(header::SET_COOKIE, cookie(app, &begun.browser)?)];
    Ok((cookie, Redirect::to(&format!("{}{go}", attempt::href(&begun.attempt.id)))).into_response())
}

/// Redirects to the form, which shows the error.
pub(super) fn back(form: &str, mut query: Vec<(&str, String)>, refused: connect::Error) -> Result<Response, Failure> {
    match refused {
        connect::Error::Address(_) => {}
        connect::Error::Limited(limit, wait) => {
            tracing::info!(limit = limit.what(), "refused to begin an attempt: a limit is reached");
            query.extend([("limit", limit.what().to_owned()), ("wait", wait.as_millis().div_ceil(1000).to_string())]);
        }
        other => return Err(other.into()),
    }
    back_to(form, &query)
}

/// Redirects to the form's page with this query.
pub(super) fn back_to(form: &str, query: &[(&str, String)]) -> Result<Response, Failure> {
    let query = serde_urlencoded::to_string(query).map_err(Failure::broken)?;
    Ok(Redirect::to(&format!("{form}?{query}")).into_response())
}

/// Fails if the query of a form's page says that a limit was reached.
pub(super) fn within_limits(fields: &Fields) -> Result<(), Failure> {
    let Some(limit) = fields.get("limit").and_then(Limit::from_what) else { return Ok(()) };
    let wait = fields.get("wait").and_then(|wait| wait.parse::<u16>().ok()).unwrap_or(1);
    Err(Failure::limited(limit, Duration::from_secs(wait.into())))
}

/// The part of a typed address that a redirect may repeat: no password, nothing that may be a key, nothing long.
pub(super) fn kept(typed: &str) -> String {
    if typed.len() > LONGEST_TYPED || typed.contains("cs_") || typed.contains("ck_") {
        return String::new();
    }
    let start = typed.find("://").map_or(0, |at| at + 3);
    let rest = &typed[start..];
    let Some(at) = rest.rfind('@') else { return typed.to_owned() };
    let user = rest[..at].split(':').next().unwrap_or_default();
    format!("{}{user}{}", &typed[..start], &rest[at..])
}

/// The form's page. Its query may hold what was typed.
async fn form(
    app: &App,
    mut frame: Frame,
    start: &Start,
    parts: &Parts,
    news: Option<News>,
) -> Result<Response, Failure> {
    let query = parts.uri.query();
    let fields = Fields::of_query(query)?;
    within_limits(&fields)?;
    let typed = fields.get("store_url").filter(|_| start.fixed_store().is_none());
    if typed.is_some() {
        frame = frame.keeping(query.unwrap_or_default());
    }
    let mut page = ConnectPage { news, ..blank(app, frame, start).await? };
    if page.news.as_ref().is_some_and(|news| news.done) {
        page.store_url = Field::default();
    }
    if let Some(typed) = typed {
        let fault = StoreUrl::typed(typed, app.site.network).err();
        page.store_url = Field { value: typed.to_owned(), error: fault.map(|fault| page.frame.words.fault(fault)) };
    }
    Ok(page.frame.clone().answer(Page(page)))
}

/// The page of an attempt that the preflight stopped: its findings, and the form.
pub(super) async fn stopped(app: &App, frame: Frame, start: &Start, attempt: &Attempt) -> Result<Response, Failure> {
    let mut page = blank(app, frame, start).await?;
    let (words, store) = (page.frame.words, attempt.home.shown());
    let warnings = &attempt.warnings.0;
    if attempt.is_stopped_for_good() {
        page.stop = attempt.reason.map(|reason| Finding::of(words, reason, store));
    }
    page.warnings = warnings.iter().map(|warning| Finding::before_approval(words, *warning, store)).collect();
    page.checked_home = Some(store.to_owned());
    page.adopted = attempt.typed.is_some() && !attempt.is_stopped_for_good();
    page.by_hand_helps = attempt.reason.iter().chain(warnings).any(|verdict| by_hand::may_help(*verdict));
    Ok(page.frame.clone().answer(Page(page)))
}

async fn blank(app: &App, frame: Frame, start: &Start) -> Result<ConnectPage, Failure> {
    let invitation = &start.invitation;
    let home = invitation.home.as_ref();
    let by_hand = by_hand::is_allowed(app).await?;
    Ok(ConnectPage {
        by_hand_href: by_hand.then(|| start.by_hand()),
        by_hand_helps: false,
        password_href: start.password(app).await?,
        account: invitation.account_label.clone(),
        unnamed: invitation.link_id.is_some()
            && invitation.account_label.is_none()
            && invitation.wanted_store.is_none()
            && invitation.confirm == Confirm::Browser,
        action: start.form(),
        store_url: Field { value: home.map(|home| home.as_str().to_owned()).unwrap_or_default(), error: None },
        fixed_store: start.fixed_store().map(|home| home.shown().to_owned()),
        why: match &invitation.wanted_store {
            Some(store) => why(app, &frame, store).await?,
            None => None,
        },
        asks: invitation.scope,
        callback_host: app.site.public_host.clone(),
        stop: None,
        warnings: Vec::new(),
        checked_home: None,
        adopted: false,
        wp_admin_href: home.map(|home| home.at("/wp-admin/")),
        news: None,
        frame,
    })
}

/// Why the store has to be connected again.
async fn why(app: &App, frame: &Frame, store: &StoreId) -> Result<Option<String>, Failure> {
    let Some(store) = reconnect::store(app, store).await? else { return Ok(None) };
    let shown = store.home.shown();
    Ok(Some(match (store.status, store.reason) {
        (StoreStatus::Disconnected, _) => frame.say("why-disconnected").with("store", shown).to_string(),
        (_, Some(reason)) if reason != Verdict::Works => frame.words.verdict(reason, shown),
        _ => frame.say("why-works").with("store", shown).to_string(),
    }))
}

/// The status of an attempt that another browser began with the same link.
async fn news(
    app: &App,
    frame: &Frame,
    invitation: &Invitation,
    attempt: &Attempt,
    over: bool,
) -> Result<Option<News>, Failure> {
    let store = attempt.home.shown();
    let say = |key| frame.say(key).with("store", store).with("app", frame.app()).to_string();
    let says = match attempt.status_at(app.now()) {
        Status::Connected => {
            let outcome = return_leg::outcome(app, attempt).await?;
            let still = outcome.filter(|outcome| outcome.store.status != StoreStatus::Disconnected);
            return Ok(still.map(|outcome| News {
                says: say("news-connected"),
                done: true,
                over,
                go_on: nothing_left(app, frame, invitation, &outcome.store),
            }));
        }
        Status::Open => say("news-open"),
        Status::Received | Status::Proving => say("news-testing"),
        Status::AwaitingConfirmation => say("news-confirm"),
        Status::Denied => say("news-denied"),
        Status::Expired => say("attempt-expired-lead"),
        Status::Failed => attempt::finding(frame, attempt, attempt.reason.unwrap_or(Verdict::NotFinished)).says,
    };
    Ok(Some(News { says, done: false, over, go_on: None }))
}

/// The secret in an address: its 43 characters, without what people and programs added when they passed the address on, such as a
/// full stop, a bracket, a space or a line break.
pub(super) fn secret_in(text: &str) -> Secret {
    let is_ours = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    Secret::new(text.chars().filter(is_ours).take(43).collect())
}

/// Where a merchant retries an attempt in the same way as before, if its link still opens.
pub async fn again_href(app: &App, attempt: &Attempt) -> Result<Option<String>, Failure> {
    let open = match &attempt.link_id {
        None => app.site.open_connect,
        Some(link) => links::look(app, link).await?.is_some_and(|(link, _)| link.is_open_at(app.now())),
    };
    if attempt.password_page.is_some()
        && let Some(href) = password_href(app, attempt).await?
    {
        return Ok(open.then_some(href));
    }
    let way = if attempt.by_hand && by_hand::is_allowed(app).await? { "by-hand" } else { "again" };
    Ok(open.then(|| format!("{}/{way}", attempt::href(&attempt.id))))
}

/// Where a merchant connects with an application password after `attempt`, if that is allowed and the way that is left.
pub(super) async fn password_href(app: &App, attempt: &Attempt) -> Result<Option<String>, Failure> {
    let is_offered = application_password::is_next(attempt, app.now()) && application_password::is_allowed(app).await?;
    Ok(is_offered.then(|| format!("{}/application-password", attempt::href(&attempt.id))))
}

/// The header that stores the browser's secret.
pub(super) fn cookie(app: &App, browser: &Secret) -> Result<HeaderValue, Failure> {
    let mut cookie = HeaderValue::from_str(set_cookie(&app.site, browser).expose()).map_err(Failure::broken)?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_repeats_a_password_or_a_key() {
        assert_eq!(kept("https://me:secret@shop.example/x"), "https://me@shop.example/x");
        assert_eq!(kept("me:se@cret@shop.example"), "me@shop.example");
        assert_eq!(kept("me@shop.example"), "me@shop.example");
        assert_eq!(kept("hello world:"), "hello world:");
        assert_eq!(kept("cs_0123456789"), "");
        assert_eq!(kept(&"x".repeat(1_001)), "");
    }
}
