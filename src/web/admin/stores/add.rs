//! Adding a store by its keys: the form and its result.

use askama::Template;
use axum::response::{IntoResponse as _, Response};

use crate::domain::typed_key;
use crate::domain::{Half, Network, StoreUrl, Verdict};
use crate::flow::transfer::add_by_keys::{self, Became, NewKeys};
use crate::web::admin::guard::{Posted, SignedIn};
use crate::web::admin::labels::SCOPES;
use crate::web::admin::links::user_id;
use crate::web::admin::show::{Done, Notice, Section, Shell};
use crate::web::failure::Failure;
use crate::web::form::Form;
use crate::web::page::{Page, Refused};

/// The form. Keys are never shown again.
#[derive(Template)]
#[template(path = "admin/store_add.html")]
pub(super) struct AddPage {
    shell: Shell,
    form: Form,
    /// Why the key was rejected, and its verdict.
    refused: Option<(String, Option<Verdict>)>,
}

pub(super) async fn offer(who: SignedIn) -> Page<AddPage> {
    let form = Form::filled([("scope", who.app.site.scope.to_string())]);
    Page(AddPage { shell: who.shell(Section::Stores), form, refused: None })
}

pub(super) async fn add(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let mut form = Form::of(fields);
    let again =
        |form, refused| Ok(Refused(AddPage { shell: who.shell(Section::Stores), form, refused }).into_response());
    let Some(keys) = read(&mut form, who.app.site.network) else { return again(form, None) };
    match add_by_keys::add(&who.app, &keys, &who.actor).await {
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
            again(form, Some((add_by_keys::says(verdict, home.shown()), Some(verdict))))
        }
        Err(told @ (add_by_keys::Error::Better { .. } | add_by_keys::Error::NoTurn(_))) => {
            again(form, Some((told.to_string(), None)))
        }
        Err(add_by_keys::Error::Beneath(beneath)) => Err(beneath.into()),
    }
}

/// Parses the form; records errors.
fn read(form: &mut Form, network: Network) -> Option<NewKeys> {
    let user_id = form.read("user_id", user_id);
    let typed = form.read("store_url", |text| StoreUrl::typed(text, network));
    let scope = form.choose("scope", &SCOPES, "Choose the scope that the key needs.");
    let pair = typed_key::read(form.value("consumer_key"), form.value("consumer_secret"));
    let pair = pair.map_err(|faults| {
        for fault in faults {
            let field = match fault.half() {
                Half::ConsumerKey => "consumer_key",
                Half::ConsumerSecret => "consumer_secret",
            };
            form.refuse(field, fault.to_string());
        }
    });
    Some(NewKeys { user_id: user_id?, typed: typed?, pair: pair.ok()?, scope: scope?, is_password: false })
}
