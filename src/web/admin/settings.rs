//! Settings: what merchants see of the application, with a preview.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use super::upload::PostedFile;
use crate::app::App;
use crate::domain::{Brand, Language, Logo, NotALogo};
use crate::flow::connecting::brand::{self, Chosen};
use crate::flow::connecting::{application_password, by_hand};
use crate::web::failure::Failure;
use crate::web::form::Form;
use crate::web::i18n::Words;
use crate::web::merchant::frame::Frame;
use crate::web::page::{Page, Refused};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/settings", get(look).post(save))
        .route("/admin/settings/preview", post(preview))
        .route("/admin/settings/reset", post(reset))
        .route("/admin/settings/logo", post(upload))
        .route("/admin/settings/logo/remove", post(remove))
        .route("/admin/settings/by-hand", post(allow_by_hand))
        .route("/admin/settings/application-passwords", post(allow_passwords))
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage {
    shell: Shell,
    form: Form,
    /// The saved values; a saved field can be reset.
    chosen: Chosen,
    default_name: String,
    logo_wrong: Option<NotALogo>,
    /// The preview, in English.
    frame: Frame,
    /// Whether the preview shows unsaved values.
    unsaved: bool,
    /// Where merchants begin.
    connect_href: String,
    /// Whether merchants may type keys.
    by_hand: bool,
    /// Whether merchants may approve application passwords.
    passwords: bool,
}

impl SettingsPage {
    const fn is_wrong(&self) -> bool {
        self.form.is_wrong() || self.logo_wrong.is_some()
    }

    /// The name as shown by stores, if it differs.
    fn other_name(&self) -> Option<String> {
        Some(self.frame.name()).filter(|name| name != self.frame.app())
    }
}

async fn look(who: SignedIn) -> Result<Page<SettingsPage>, Failure> {
    Ok(Page(page(&who).await?))
}

async fn save(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let mut form = Form::of(fields);
    match read(&mut form) {
        Some(chosen) => {
            brand::choose(&who.app, chosen, &who.actor).await?;
            Ok(Done::to("/admin/settings", Notice::Saved).into_response())
        }
        None => Ok(Refused(SettingsPage { form, ..page(&who).await? }).into_response()),
    }
}

async fn preview(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let (mut form, page) = (Form::of(fields), page(&who).await?);
    match read(&mut form) {
        Some(new) => {
            let frame = frame(brand::as_seen(&who.app, new, page.frame.brand.logo.clone()));
            Ok(Page(SettingsPage { form, frame, unsaved: true, ..page }).into_response())
        }
        None => Ok(Refused(SettingsPage { form, ..page }).into_response()),
    }
}

async fn reset(Posted { who, fields }: Posted) -> Result<Done, Failure> {
    let (mut chosen, _) = brand::look(&who.app).await?;
    match fields.get("field") {
        Some("app_name") => chosen.app_name = None,
        Some("accent") => chosen.accent = None,
        Some("help") => chosen.help = None,
        _ => return Err(Failure::invalid("field", "This setting does not exist. Open the page again.")),
    }
    brand::choose(&who.app, chosen, &who.actor).await?;
    Ok(Done::to("/admin/settings", Notice::Saved))
}

async fn upload(PostedFile { who, file }: PostedFile) -> Result<Response, Failure> {
    match file.and_then(Logo::read) {
        Ok(logo) => {
            brand::set_logo(&who.app, Some(logo), &who.actor).await?;
            Ok(Done::to("/admin/settings", Notice::Saved).into_response())
        }
        Err(wrong) => Ok(Refused(SettingsPage { logo_wrong: Some(wrong), ..page(&who).await? }).into_response()),
    }
}

async fn remove(Posted { who, .. }: Posted) -> Result<Done, Failure> {
    brand::set_logo(&who.app, None, &who.actor).await?;
    Ok(Done::to("/admin/settings", Notice::Saved))
}

async fn allow_by_hand(Posted { who, fields }: Posted) -> Result<Done, Failure> {
    by_hand::allow(&who.app, fields.get("allowed") == Some("yes"), &who.actor).await?;
    Ok(Done::to("/admin/settings", Notice::Saved))
}

async fn allow_passwords(Posted { who, fields }: Posted) -> Result<Done, Failure> {
    application_password::allow(&who.app, fields.get("passwords") == Some("yes"), &who.actor).await?;
    Ok(Done::to("/admin/settings", Notice::Saved))
}

/// The page with the saved values.
async fn page(who: &SignedIn) -> Result<SettingsPage, Failure> {
    let (chosen, logo) = brand::look(&who.app).await?;
    let values = [
        ("app_name", chosen.app_name.as_ref().map(ToString::to_string)),
        ("accent", chosen.accent.as_ref().map(ToString::to_string)),
        ("help", chosen.help.as_ref().map(ToString::to_string)),
    ];
    Ok(SettingsPage {
        shell: who.shell(Section::Settings),
        form: Form::filled(values.map(|(name, value)| (name, value.unwrap_or_default()))),
        default_name: who.app.site.app_name.to_string(),
        logo_wrong: None,
        frame: frame(brand::as_seen(&who.app, chosen.clone(), logo)),
        chosen,
        unsaved: false,
        connect_href: format!("{}/connect", who.app.site.public_url),
        by_hand: by_hand::is_allowed(&who.app).await?,
        passwords: application_password::is_allowed(&who.app).await?,
    })
}

fn frame(brand: Brand) -> Frame {
    Frame::new(brand, Words(Language::English))
}

/// Parses all three fields; records an error for each. An empty field resets the value.
fn read(form: &mut Form) -> Option<Chosen> {
    let app_name = form.optional("app_name", str::parse);
    let accent = form.optional("accent", str::parse);
    let help = form.optional("help", str::parse);
    (!form.is_wrong()).then_some(Chosen { app_name, accent, help })
}
