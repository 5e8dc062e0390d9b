//! By hand: explains how to create a key in a store's own settings, and accepts it.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use super::attempt::nothing_left;
use super::connect::{Start, back, back_to, kept, to_attempt, within_limits};
use super::frame::Frame;
use super::pages::{Field, Finding, GoOn};
use crate::app::App;
use crate::domain::attempt::Attempt;
use crate::domain::scope::Scope;
use crate::domain::store::Store;
use crate::domain::store_url::StoreUrl;
use crate::domain::typed_key::{self, Half, NotAHalf};
use crate::flow::connecting::by_hand::{self, Handed};
use crate::flow::connecting::connect::Invitation;
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
                .strong("permissions", self.frame.words.scope_name(self.asks)),
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

    /// The store's page for creating a key, if the store is known.
    fn new_key_href(&self) -> Option<String> {
        self.store.as_ref().map(|store| format!("{}&create-key=1", keys_url(store)))
    }
}

/// `GET …/by-hand`: the steps, and the form. Its query may contain errors, never a key.
pub(super) async fn page(
    State(app): State<App>,
    start: Start,
    mut frame: Frame,
    parts: Parts,
) -> Result<Response, Failure> {
    allowed(&app).await?;
    let query = parts.uri.query();
    let fields = Fields::of_query(query)?;
    within_limits(&fields)?;
    if let Some(query) = query.filter(|query| query.contains("store_url=")) {
        frame = frame.keeping(query);
    }
    let words = frame.words;
    let mut page = blank(frame, &start);
    if let Some(typed) = fields.get("store_url").filter(|_| start.fixed_store().is_none()) {
        typed.clone_into(&mut page.store_url.value);
        match StoreUrl::typed(typed, app.site.network) {
            Ok(store) => page.store = Some(store),
            Err(fault) => page.store_url.error = Some(words.fault(fault)),
        }
    }
    let wrong = |half: Half| fields.get(half.name()).and_then(|code| NotAHalf::of_code(half, code));
    page.key_wrong = wrong(Half::ConsumerKey).map(|fault| words.half(fault));
    page.secret_wrong = wrong(Half::ConsumerSecret).map(|fault| words.half(fault));
    if fields.get("in_use").is_some()
        && let Some(store) = connected_at(&app, &start.invitation, page.store.as_ref()).await?
    {
        page.go_on = nothing_left(&app, &page.frame, &start.invitation, &store);
        page.in_use = Some(store.home);
    }
    Ok(page.frame.clone().answer(Page(page)))
}

/// `POST …/by-hand`: accepts a key.
pub(super) async fn begin(
    State(app): State<App>,
    start: Start,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    allowed(&app).await?;
    let fields = Fields::of_form(&body)?;
    let text = |name: &str| fields.get(name).unwrap_or_default();
    let typed = start.typed(&fields);
    let mut query = vec![("store_url", kept(&typed))];
    let form = start.by_hand();
    let pair = match typed_key::read(text("consumer_key"), text("consumer_secret")) {
        Ok(pair) => pair,
        Err(faults) => {
            query.extend(faults.iter().map(|fault| (fault.half().name(), fault.code().to_owned())));
            return back_to(&form, &query);
        }
    };
    let mine = browser(&app.site, &parts.headers);
    match by_hand::begin(&app, start.invitation, &typed, pair, &merchant(&app, &parts), mine).await {
        Ok(Handed::Begun(begun)) => to_attempt(&app, &begun),
        Ok(Handed::InUse(store)) => {
            back_to(&form, &[("store_url", store.home.as_str().to_owned()), ("in_use", "yes".to_owned())])
        }
        Err(refused) => back(&form, query, refused),
    }
}

/// The page of an attempt with a typed key that the preflight stopped.
pub(super) fn stopped(frame: Frame, start: &Start, attempt: &Attempt) -> Response {
    let stop = attempt.reason.map(|reason| Finding::of(frame.words, reason, attempt.home.shown()));
    let page = ByHandPage { stop, ..blank(frame, start) };
    page.frame.clone().answer(Page(page))
}

/// The invited merchant's store at `home`, if it is connected.
async fn connected_at(app: &App, invitation: &Invitation, home: Option<&StoreUrl>) -> Result<Option<Store>, Failure> {
    let home = home.or(invitation.home.as_ref());
    Ok(match home {
        Some(home) => by_hand::connected_at(app, invitation, home).await?,
        None => None,
    })
}

/// Fails unless an operator allows typed keys.
async fn allowed(app: &App) -> Result<(), Failure> {
    if by_hand::is_allowed(app).await? { Ok(()) } else { Err(Failure::of_status(StatusCode::NOT_FOUND)) }
}

fn blank(frame: Frame, start: &Start) -> ByHandPage {
    let home = start.invitation.home.as_ref();
    ByHandPage {
        frame,
        account: start.invitation.account_label.clone(),
        action: start.by_hand(),
        approve_href: start.form(),
        store_url: Field { value: home.map(|home| home.as_str().to_owned()).unwrap_or_default(), error: None },
        fixed_store: start.fixed_store().map(|home| home.shown().to_owned()),
        store: home.cloned(),
        asks: start.invitation.scope,
        key_wrong: None,
        secret_wrong: None,
        stop: None,
        in_use: None,
        go_on: None,
    }
}
