//! Begin and Send: the page with the address, and the page that sends the browser to the store.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::attempt::read_id;
use super::frame::Frame;
use super::pages::{ConnectPage, Field, Finding, SendPage};
use crate::app::App;
use crate::domain::attempt::Attempt;
use crate::domain::secret::Secret;
use crate::flow::connecting::connect::{self, Begun, Findings, Invitation, Ready};
use crate::flow::connecting::{by_hand, links, return_leg};
use crate::web::failure::{Failure, english};
use crate::web::form::Fields;
use crate::web::guard::{browser, merchant, own_form, set_cookie};
use crate::web::page::Page;

pub async fn open_page(State(app): State<App>, frame: Frame) -> Result<Response, Failure> {
    let page = blank(&app, frame.clone(), &open_invitation(&app)?, "/connect".to_owned()).await?;
    Ok(frame.answer(Page(page)))
}

pub async fn begin_open(State(app): State<App>, frame: Frame, parts: Parts, body: Bytes) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    let invitation = open_invitation(&app)?;
    let page = blank(&app, frame, &invitation, "/connect".to_owned()).await?;
    begin(&app, invitation, page, &parts, &body).await
}

pub async fn link_page(State(app): State<App>, Path(link): Path<String>, frame: Frame) -> Result<Response, Failure> {
    let (invitation, action) = link_invitation(&app, &link).await?;
    let page = blank(&app, frame.clone(), &invitation, action).await?;
    Ok(frame.answer(Page(page)))
}

pub async fn begin_link(
    State(app): State<App>,
    Path(link): Path<String>,
    frame: Frame,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    let (invitation, action) = link_invitation(&app, &link).await?;
    let page = blank(&app, frame, &invitation, action).await?;
    begin(&app, invitation, page, &parts, &body).await
}

pub async fn again_page(
    State(app): State<App>,
    Path(id): Path<String>,
    frame: Frame,
    parts: Parts,
) -> Result<Page<ConnectPage>, Failure> {
    let (invitation, here) = again_invitation(&app, &id, &parts).await?;
    Ok(Page(blank(&app, frame, &invitation, format!("{here}/again")).await?))
}

pub async fn begin_again(
    State(app): State<App>,
    Path(id): Path<String>,
    frame: Frame,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    let (invitation, here) = again_invitation(&app, &id, &parts).await?;
    let page = blank(&app, frame, &invitation, format!("{here}/again")).await?;
    begin(&app, invitation, page, &parts, &body).await
}

pub(super) fn open_invitation(app: &App) -> Result<Invitation, Failure> {
    let closed = || Failure::said(StatusCode::NOT_FOUND, "not_found", english("failure-needs-link"));
    Invitation::open(app).ok_or_else(closed)
}

/// The invitation of a link, and the link's own path.
pub(super) async fn link_invitation(app: &App, link: &str) -> Result<(Invitation, String), Failure> {
    let secret = secret_in(link);
    let action = format!("/connect/{}", secret.expose());
    let link = links::open(app, &secret).await?.ok_or_else(Failure::link_gone)?;
    Ok((Invitation::of_link(link), action))
}

/// The secret in an address: its 43 characters, without what got stuck to them when people and programs passed the address on,
/// such as a full stop, a bracket, a space or a line break.
pub(super) fn secret_in(text: &str) -> Secret {
    let is_ours = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    Secret::new(text.chars().filter(is_ours).take(43).collect())
}

/// The invitation of an attempt that the browser that began it retries: its link if that still opens, or the open page,
/// with the address prefilled. Also returns the attempt's own path.
pub(super) async fn again_invitation(app: &App, id: &str, parts: &Parts) -> Result<(Invitation, String), Failure> {
    let id = read_id(id).ok_or_else(Failure::link_gone)?;
    let here = format!("/connect/attempts/{id}");
    let cookie = browser(&app.site, &parts.headers);
    let attempt = return_leg::look(app, &id, cookie.as_ref()).await?.ok_or_else(Failure::link_gone)?;
    let mut invitation = match &attempt.link_id {
        None => Invitation { user_id: attempt.user_id.clone(), ..open_invitation(app)? },
        Some(link) => {
            let open = links::look(app, link).await?.filter(|(link, _)| link.is_open_at(app.now()));
            Invitation::of_link(open.ok_or_else(Failure::link_gone)?.0)
        }
    };
    invitation.home.get_or_insert(attempt.home);
    Ok((invitation, here))
}

/// Where a merchant retries an attempt in the same way as before, if its link still opens.
pub async fn again_href(app: &App, attempt: &Attempt) -> Result<Option<String>, Failure> {
    let open = match &attempt.link_id {
        None => app.site.open_connect,
        Some(link) => links::look(app, link).await?.is_some_and(|(link, _)| link.is_open_at(app.now())),
    };
    let way = if attempt.by_hand && by_hand::is_allowed(app).await? { "by-hand" } else { "again" };
    Ok(open.then(|| format!("/connect/attempts/{}/{way}", attempt.id)))
}

async fn begin(
    app: &App,
    invitation: Invitation,
    mut page: ConnectPage,
    parts: &Parts,
    body: &Bytes,
) -> Result<Response, Failure> {
    let fields = Fields::of_form(body)?;
    let go_on = fields.get("continue") == Some("yes");
    let fixed = invitation.wanted_store.as_ref().and(invitation.home.as_ref()).map(|home| home.as_str().to_owned());
    let typed = fixed.unwrap_or_else(|| fields.get("store_url").unwrap_or_default().to_owned());
    page.store_url.value.clone_from(&typed);
    let cookie = browser(&app.site, &parts.headers);
    match connect::begin(app, invitation, &typed, go_on, &merchant(app, parts), cookie).await {
        Ok(Begun::Ready(ready)) => send(app, page.frame, &ready),
        Ok(Begun::Stopped { findings, adopted }) => {
            found(&mut page, &findings, adopted);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response())
        }
        Err(connect::Error::Address(fault)) => {
            page.store_url.error = Some(page.frame.words.fault(fault));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

async fn blank(app: &App, frame: Frame, invitation: &Invitation, action: String) -> Result<ConnectPage, Failure> {
    let home = invitation.home.as_ref();
    let by_hand = by_hand::is_allowed(app).await?;
    Ok(ConnectPage {
        frame,
        by_hand_href: by_hand.then(|| format!("{}/by-hand", action.trim_end_matches("/again"))),
        by_hand_helps: false,
        account: invitation.account_label.clone(),
        action,
        store_url: Field { value: home.map(|home| home.as_str().to_owned()).unwrap_or_default(), error: None },
        fixed_store: invitation.wanted_store.as_ref().and(home).map(|home| home.shown().to_owned()),
        asks: invitation.scope,
        callback_host: app.site.public_host.clone(),
        stop: None,
        warnings: Vec::new(),
        checked_home: None,
        adopted: false,
        wp_admin_href: home.map(|home| home.at("/wp-admin/")),
        hidden: Vec::new(),
    })
}

/// Shows the preflight's findings on the page; prefills an adopted address.
fn found(page: &mut ConnectPage, findings: &Findings, adopted: bool) {
    let (words, store) = (page.frame.words, findings.home.shown());
    page.stop = findings.stop.map(|verdict| Finding::of(words, verdict, store));
    page.warnings = findings.warnings.iter().map(|verdict| Finding::of(words, *verdict, store)).collect();
    page.wp_admin_href = Some(findings.home.at("/wp-admin/"));
    page.checked_home = Some(store.to_owned());
    page.by_hand_helps = findings.stop.iter().chain(&findings.warnings).any(|verdict| by_hand::may_help(*verdict));
    if findings.stop.is_none() {
        page.adopted = adopted;
        findings.home.as_str().clone_into(&mut page.store_url.value);
    }
}

fn send(app: &App, frame: Frame, ready: &Ready) -> Result<Response, Failure> {
    let attempt = &ready.attempt;
    let page = SendPage {
        frame,
        account: attempt.account_label.clone(),
        asks: attempt.scope,
        callback_host: app.site.public_host.clone(),
        authorize_url: ready.authorize_url.expose().to_owned(),
        adopted: ready.adopted,
        attempt_href: format!("/connect/attempts/{}", attempt.id),
        store: attempt.home.clone(),
    };
    let cookie = (header::SET_COOKIE, cookie(app, &ready.browser)?);
    // The address of this page may be a link's, and the browser goes on to the store.
    let quiet = (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(([cookie, quiet], Page(page)).into_response())
}

/// The header that stores the browser's secret.
pub(super) fn cookie(app: &App, browser: &Secret) -> Result<HeaderValue, Failure> {
    let mut cookie = HeaderValue::from_str(set_cookie(&app.site, browser).expose()).map_err(Failure::broken)?;
    cookie.set_sensitive(true);
    Ok(cookie)
}
