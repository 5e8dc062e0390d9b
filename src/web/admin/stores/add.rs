//! Adding a store by its keys: the form and its result.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::domain::scope::Scope;
use crate::domain::store_url::StoreUrl;
use crate::domain::typed_key::{self, Half, NotAHalf};
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;
use crate::flow::transfer::add_by_keys::{self, Became, NewKeys};
use crate::web::admin::guard::{Posted, SignedIn};
use crate::web::admin::show::{Done, Notice, Section, Shell};
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::page::Page;

const SCOPES: [Scope; 3] = [Scope::ReadWrite, Scope::Read, Scope::Write];

/// The form: typed values that may be shown again, and errors. Keys are never shown again.
#[derive(Template)]
#[template(path = "admin/store_add.html")]
pub(super) struct AddPage {
    shell: Shell,
    user_id: String,
    user_wrong: Option<String>,
    address: String,
    address_wrong: Option<String>,
    key_wrong: Option<String>,
    secret_wrong: Option<String>,
    scope: String,
    scope_wrong: Option<String>,
    /// Why the key was rejected, and its verdict.
    refused: Option<(String, Option<Verdict>)>,
}

impl AddPage {
    fn blank(app: &App, who: &SignedIn) -> Self {
        Self {
            shell: Shell::new(app, who, Section::Stores),
            user_id: String::new(),
            user_wrong: None,
            address: String::new(),
            address_wrong: None,
            key_wrong: None,
            secret_wrong: None,
            scope: app.site.scope.to_string(),
            scope_wrong: None,
            refused: None,
        }
    }

    fn is_wrong(&self) -> bool {
        let fields = [&self.user_wrong, &self.address_wrong, &self.key_wrong, &self.secret_wrong, &self.scope_wrong];
        self.refused.is_some() || fields.iter().any(|wrong| wrong.is_some())
    }

    const fn scopes() -> [Scope; 3] {
        SCOPES
    }

    /// Parses the form; records errors.
    fn read(&mut self, app: &App, fields: &Fields) -> Option<NewKeys> {
        let text = |name: &str| fields.get(name).unwrap_or_default().trim();
        text("user_id").clone_into(&mut self.user_id);
        text("store_url").clone_into(&mut self.address);
        text("scope").clone_into(&mut self.scope);
        let user_id: Option<UserId> = self.user_id.parse().ok();
        if user_id.is_none() {
            let says = "Type your application’s ID for the merchant: 1 to 128 visible characters, without spaces.";
            self.user_wrong = Some(says.to_owned());
        }
        let typed = StoreUrl::typed(&self.address, app.site.network);
        let typed = typed.map_err(|fault| self.address_wrong = Some(fault.to_string())).ok();
        let scope: Option<Scope> = self.scope.parse().ok();
        if scope.is_none() {
            self.scope_wrong = Some("Choose the scope that the key needs.".to_owned());
        }
        let pair = typed_key::read(text("consumer_key"), text("consumer_secret"));
        let pair = pair.map_err(|faults| faults.into_iter().for_each(|fault| self.say(fault))).ok();
        Some(NewKeys { user_id: user_id?, typed: typed?, pair: pair?, scope: scope? })
    }

    fn say(&mut self, fault: NotAHalf) {
        match fault.half() {
            Half::ConsumerKey => self.key_wrong = Some(fault.to_string()),
            Half::ConsumerSecret => self.secret_wrong = Some(fault.to_string()),
        }
    }
}

pub(super) async fn offer(State(app): State<App>, who: SignedIn) -> Page<AddPage> {
    Page(AddPage::blank(&app, &who))
}

pub(super) async fn add(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let mut page = AddPage::blank(&app, &who);
    let Some(keys) = page.read(&app, &fields) else { return Ok(again(page)) };
    match add_by_keys::add(&app, &keys, &who.actor).await {
        Ok(added) => {
            let notice = match added.became {
                Became::Connected => Notice::StoreAdded,
                Became::Reconnected => Notice::KeyReplaced,
                Became::Same => Notice::KeyKnown,
            };
            let place = added.store_id.map_or_else(|| "/admin/stores".to_owned(), |id| format!("/admin/stores/{id}"));
            Ok(Done::to(&place, notice).into_response())
        }
        Err(add_by_keys::Error::Refused { verdict, home }) => {
            page.refused = Some((add_by_keys::says(verdict, home.shown()), Some(verdict)));
            Ok(again(page))
        }
        Err(told @ (add_by_keys::Error::Better { .. } | add_by_keys::Error::NoTurn(_))) => {
            page.refused = Some((told.to_string(), None));
            Ok(again(page))
        }
        Err(add_by_keys::Error::Beneath(beneath)) => Err(beneath.into()),
    }
}

fn again(page: AddPage) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response()
}
