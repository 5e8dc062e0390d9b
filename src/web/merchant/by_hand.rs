//! By hand: explains how to create a key in a store's own settings, and accepts it.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::attempt::nothing_left;
use super::connect::{again_invitation, cookie, link_invitation, open_invitation};
use super::frame::Frame;
use super::pages::{Field, Finding, GoOn};
use crate::app::App;
use crate::domain::scope::Scope;
use crate::domain::store_url::StoreUrl;
use crate::domain::typed_key::{self, Half, NotAHalf};
use crate::flow::connecting::by_hand::{self, Handed};
use crate::flow::connecting::connect::{self, Invitation};
use crate::flow::connecting::disconnect::keys_url;
use crate::web::assets::Asset;
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::guard::{browser, merchant, own_form};
use crate::web::i18n::{Markup, Said};
use crate::web::page::Page;

/// The page with the eight steps and the form for the key.
#[derive(Debug, Clone, Template)]
#[template(path = "connect/by_hand.html")]
pub struct ByHandPage {
    /// The frame around the page.
    pub frame: Frame,
    /// The account's name in the application.
    pub account: Option<String>,
    /// The action of the form.
    pub action: String,
    /// The address for approving instead.
    pub approve_href: String,
    /// The field `store_url`; hidden if `fixed_store` is set.
    pub store_url: Field,
    /// A reconnect: the only store that may be connected, for display.
    pub fixed_store: Option<String>,
    /// The store, if known.
    pub store: Option<StoreUrl>,
    /// The requested scope.
    pub asks: Scope,
    /// The error in the consumer key. Typed keys are never shown again.
    pub key_wrong: Option<String>,
    /// The error in the consumer secret.
    pub secret_wrong: Option<String>,
    /// Why the store cannot be connected.
    pub stop: Option<Finding>,
    /// The store that already has this key.
    pub in_use: Option<StoreUrl>,
    /// The way back to the application if nothing is left to do.
    pub go_on: Option<GoOn>,
}

impl ByHandPage {
    fn is_wrong(&self) -> bool {
        self.stop.is_some() || self.store_url.error.is_some() || self.key_wrong.is_some() || self.secret_wrong.is_some()
    }

    /// The eight steps: a drawing, its description, and the instruction.
    fn steps(&self) -> Vec<(&'static str, Said, Markup)> {
        let say = |key| self.frame.say(key);
        let texts = [
            say("by-hand-1").html(),
            say("by-hand-2").html().strong("menu", say("by-hand-menu")),
            say("by-hand-3").html().strong("tab", say("by-hand-tab")).strong("part", say("by-hand-part")),
            say("by-hand-4").html().strong("button", say("by-hand-add")),
            say("by-hand-5").html().strong("field", say("by-hand-description")).strong("name", self.frame.name()),
            say("by-hand-6")
                .html()
                .strong("user", say("by-hand-user"))
                .strong("field", say("by-hand-permissions"))
                .strong("permissions", self.permissions()),
            say("by-hand-7").html().strong("button", say("by-hand-generate")),
            say("by-hand-8").html().strong("key", say("by-hand-key")).strong("secret", say("by-hand-secret")),
        ];
        let shown = [
            say("by-hand-drawn-1"),
            say("by-hand-drawn-2"),
            say("by-hand-drawn-3"),
            say("by-hand-drawn-4"),
            say("by-hand-drawn-5"),
            say("by-hand-drawn-6"),
            say("by-hand-drawn-7"),
            say("by-hand-drawn-8"),
        ];
        let drawn = Asset::STEPS.into_iter().zip(shown).zip(texts);
        drawn.map(|((drawing, shows), text)| (drawing.href(), shows, text)).collect()
    }

    /// WooCommerce's name of the requested scope.
    fn permissions(&self) -> Said {
        self.frame.say(match self.asks {
            Scope::Read => "by-hand-read",
            Scope::Write => "by-hand-write",
            Scope::ReadWrite => "by-hand-read_write",
        })
    }

    /// The store's page for creating a key, if the store is known.
    fn new_key_href(&self) -> Option<String> {
        self.store.as_ref().map(|store| format!("{}&create-key=1", keys_url(store)))
    }
}

pub(super) async fn open_page(State(app): State<App>, frame: Frame) -> Result<Response, Failure> {
    allowed(&app).await?;
    Ok(frame.answer(Page(blank(frame.clone(), &open_invitation(&app)?, "/connect", ""))))
}

pub(super) async fn begin_open(
    State(app): State<App>,
    frame: Frame,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    allowed(&app).await?;
    let invitation = open_invitation(&app)?;
    let page = blank(frame, &invitation, "/connect", "");
    begin(&app, invitation, page, &parts, &body).await
}

pub(super) async fn link_page(
    State(app): State<App>,
    Path(link): Path<String>,
    frame: Frame,
) -> Result<Response, Failure> {
    allowed(&app).await?;
    let (invitation, here) = link_invitation(&app, &link).await?;
    Ok(frame.answer(Page(blank(frame.clone(), &invitation, &here, ""))))
}

pub(super) async fn begin_link(
    State(app): State<App>,
    Path(link): Path<String>,
    frame: Frame,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    allowed(&app).await?;
    let (invitation, here) = link_invitation(&app, &link).await?;
    let page = blank(frame, &invitation, &here, "");
    begin(&app, invitation, page, &parts, &body).await
}

pub(super) async fn again_page(
    State(app): State<App>,
    Path(id): Path<String>,
    frame: Frame,
    parts: Parts,
) -> Result<Page<ByHandPage>, Failure> {
    allowed(&app).await?;
    let (invitation, here) = again_invitation(&app, &id, &parts).await?;
    Ok(Page(blank(frame, &invitation, &here, "/again")))
}

pub(super) async fn begin_again(
    State(app): State<App>,
    Path(id): Path<String>,
    frame: Frame,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    allowed(&app).await?;
    let (invitation, here) = again_invitation(&app, &id, &parts).await?;
    let page = blank(frame, &invitation, &here, "/again");
    begin(&app, invitation, page, &parts, &body).await
}

/// Fails unless an operator allows typed keys.
async fn allowed(app: &App) -> Result<(), Failure> {
    if by_hand::is_allowed(app).await? { Ok(()) } else { Err(Failure::of_status(StatusCode::NOT_FOUND)) }
}

fn blank(frame: Frame, invitation: &Invitation, here: &str, approval: &str) -> ByHandPage {
    let home = invitation.home.as_ref();
    ByHandPage {
        frame,
        account: invitation.account_label.clone(),
        action: format!("{here}/by-hand"),
        approve_href: format!("{here}{approval}"),
        store_url: Field { value: home.map(|home| home.as_str().to_owned()).unwrap_or_default(), error: None },
        fixed_store: invitation.wanted_store.as_ref().and(home).map(|home| home.shown().to_owned()),
        store: home.cloned(),
        asks: invitation.scope,
        key_wrong: None,
        secret_wrong: None,
        stop: None,
        in_use: None,
        go_on: None,
    }
}

async fn begin(
    app: &App,
    invitation: Invitation,
    mut page: ByHandPage,
    parts: &Parts,
    body: &Bytes,
) -> Result<Response, Failure> {
    let fields = Fields::of_form(body)?;
    let text = |name: &str| fields.get(name).unwrap_or_default();
    let fixed = invitation.wanted_store.as_ref().and(invitation.home.as_ref()).map(|home| home.as_str().to_owned());
    let typed = fixed.unwrap_or_else(|| text("store_url").to_owned());
    page.store_url.value.clone_from(&typed);
    match StoreUrl::typed(&typed, app.site.network) {
        Ok(store) => page.store = Some(store),
        Err(fault) => page.store_url.error = Some(page.frame.words.fault(fault)),
    }
    let pair = match typed_key::read(text("consumer_key"), text("consumer_secret")) {
        Ok(pair) if page.store_url.error.is_none() => pair,
        Ok(_) => return Ok(refused(page)),
        Err(faults) => {
            say(&mut page, &faults);
            return Ok(refused(page));
        }
    };
    let mine = browser(&app.site, &parts.headers);
    match by_hand::begin(app, invitation.clone(), &typed, pair, &merchant(app, parts), mine).await {
        Ok(Handed::Begun { attempt, browser }) => {
            let headers = [(header::SET_COOKIE, cookie(app, &browser)?)];
            Ok((headers, Redirect::to(&format!("/connect/attempts/{}", attempt.id))).into_response())
        }
        Ok(Handed::Stopped(findings)) => {
            let words = page.frame.words;
            page.stop = findings.stop.map(|verdict| Finding::of(words, verdict, findings.home.shown()));
            Ok(refused(page))
        }
        Ok(Handed::InUse(store)) => {
            page.go_on = nothing_left(app, &page.frame, &invitation, &store);
            page.in_use = Some(store.home);
            Ok(Page(page).into_response())
        }
        Err(connect::Error::Address(fault)) => {
            page.store_url.error = Some(page.frame.words.fault(fault));
            Ok(refused(page))
        }
        Err(other) => Err(other.into()),
    }
}

fn say(page: &mut ByHandPage, faults: &[NotAHalf]) {
    let words = page.frame.words;
    for fault in faults {
        let wrong = match fault.half() {
            Half::ConsumerKey => &mut page.key_wrong,
            Half::ConsumerSecret => &mut page.secret_wrong,
        };
        *wrong = Some(words.half(*fault));
    }
}

fn refused(page: ByHandPage) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response()
}
