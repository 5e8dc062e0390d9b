//! Settings: what merchants see of the application, with a preview.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use super::upload::PostedFile;
use crate::app::App;
use crate::domain::brand::{Brand, Logo, NotALogo};
use crate::domain::language::Language;
use crate::flow::connecting::brand::{self, Chosen};
use crate::flow::connecting::by_hand;
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::i18n::Words;
use crate::web::merchant::frame::Frame;
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/settings", get(look).post(save))
        .route("/admin/settings/preview", post(preview))
        .route("/admin/settings/reset", post(reset))
        .route("/admin/settings/logo", post(upload))
        .route("/admin/settings/logo/remove", post(remove))
        .route("/admin/settings/by-hand", post(allow_by_hand))
}

/// Typed values and errors.
#[derive(Debug, Default)]
struct Form {
    app_name: String,
    app_name_wrong: Option<String>,
    accent: String,
    accent_wrong: Option<String>,
    help: String,
    help_wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage {
    shell: Shell,
    form: Form,
    /// The saved values; a saved field can be reset.
    chosen: Chosen,
    /// The default name.
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
}

impl SettingsPage {
    fn is_wrong(&self) -> bool {
        let form = &self.form;
        let fields = form.app_name_wrong.is_some() || form.accent_wrong.is_some() || form.help_wrong.is_some();
        fields || self.logo_wrong.is_some()
    }

    /// The name as shown by stores, if it differs.
    fn other_name(&self) -> Option<String> {
        Some(self.frame.name()).filter(|name| name != self.frame.app())
    }
}

async fn look(State(app): State<App>, who: SignedIn) -> Result<Page<SettingsPage>, Failure> {
    Ok(Page(page(&app, &who).await?))
}

async fn save(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    match read(&fields) {
        Ok(chosen) => {
            brand::choose(&app, chosen, &who.actor).await?;
            Ok(Done::to("/admin/settings", Notice::Saved).into_response())
        }
        Err(form) => Ok(refused(SettingsPage { form: *form, ..page(&app, &who).await? })),
    }
}

async fn preview(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let page = page(&app, &who).await?;
    match read(&fields) {
        Ok(new) => {
            let brand = brand::as_seen(&app, new, page.frame.brand.logo.clone());
            let (form, frame) = (typed(&fields), frame(brand));
            Ok(Page(SettingsPage { form, frame, unsaved: true, ..page }).into_response())
        }
        Err(form) => Ok(refused(SettingsPage { form: *form, ..page })),
    }
}

async fn reset(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Done, Failure> {
    let (mut chosen, _) = brand::look(&app).await?;
    match fields.get("field") {
        Some("app_name") => chosen.app_name = None,
        Some("accent") => chosen.accent = None,
        Some("help") => chosen.help = None,
        _ => return Err(Failure::invalid("field", "This setting does not exist. Open the page again.")),
    }
    brand::choose(&app, chosen, &who.actor).await?;
    Ok(Done::to("/admin/settings", Notice::Saved))
}

async fn upload(State(app): State<App>, PostedFile { who, file }: PostedFile) -> Result<Response, Failure> {
    match file.and_then(Logo::read) {
        Ok(logo) => {
            brand::set_logo(&app, Some(logo), &who.actor).await?;
            Ok(Done::to("/admin/settings", Notice::Saved).into_response())
        }
        Err(wrong) => Ok(refused(SettingsPage { logo_wrong: Some(wrong), ..page(&app, &who).await? })),
    }
}

async fn remove(State(app): State<App>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    brand::set_logo(&app, None, &who.actor).await?;
    Ok(Done::to("/admin/settings", Notice::Saved))
}

async fn allow_by_hand(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Done, Failure> {
    by_hand::allow(&app, fields.get("allowed") == Some("yes"), &who.actor).await?;
    Ok(Done::to("/admin/settings", Notice::Saved))
}

/// The page with the saved values.
async fn page(app: &App, who: &SignedIn) -> Result<SettingsPage, Failure> {
    let (chosen, logo) = brand::look(app).await?;
    Ok(SettingsPage {
        shell: Shell::new(app, who, Section::Settings),
        form: Form {
            app_name: chosen.app_name.as_ref().map(ToString::to_string).unwrap_or_default(),
            accent: chosen.accent.as_ref().map(ToString::to_string).unwrap_or_default(),
            help: chosen.help.as_ref().map(ToString::to_string).unwrap_or_default(),
            ..Form::default()
        },
        default_name: app.site.app_name.to_string(),
        logo_wrong: None,
        frame: frame(brand::as_seen(app, chosen.clone(), logo)),
        chosen,
        unsaved: false,
        connect_href: format!("{}/connect", app.site.public_url),
        by_hand: by_hand::is_allowed(app).await?,
    })
}

fn frame(brand: Brand) -> Frame {
    Frame::new(brand, Words(Language::English))
}

fn refused(page: SettingsPage) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response()
}

/// Returns the typed values unchanged.
fn typed(fields: &Fields) -> Form {
    let text = |name| fields.get(name).unwrap_or_default().to_owned();
    Form { app_name: text("app_name"), accent: text("accent"), help: text("help"), ..Form::default() }
}

/// Parses all three fields, or returns an error for each. An empty field resets the value.
fn read(fields: &Fields) -> Result<Chosen, Box<Form>> {
    let mut form = typed(fields);
    let app_name = optional(&form.app_name, &mut form.app_name_wrong);
    let accent = optional(&form.accent, &mut form.accent_wrong);
    let help = optional(&form.help, &mut form.help_wrong);
    match (app_name, accent, help) {
        (Ok(app_name), Ok(accent), Ok(help)) => Ok(Chosen { app_name, accent, help }),
        _ => Err(Box::new(form)),
    }
}

fn optional<T: std::str::FromStr>(text: &str, wrong: &mut Option<String>) -> Result<Option<T>, ()>
where
    T::Err: std::fmt::Display,
{
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|fault: T::Err| *wrong = Some(fault.to_string()))
}
