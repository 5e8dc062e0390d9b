//! Service tokens: list, create, rotate, revoke.

mod form;

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::form::TokenForm;
use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::id::TokenId;
use crate::domain::secret::Secret;
use crate::domain::time::Time;
use crate::domain::token::{Permission, ServiceToken, TokenState};
use crate::flow::lending::key_reads::{self, OfToken};
use crate::flow::lending::tokens::{self, RotateError};
use crate::web::failure::Failure;
use crate::web::page::Page;

/// The number of days for which reads are counted, including today.
const DAYS: u64 = 30;

/// How long the old token may remain valid: the value, seconds, label.
const OVERLAPS: [(&str, u64, &str); 4] =
    [("now", 0, "not at all"), ("1h", 3_600, "1 hour"), ("24h", 86_400, "24 hours"), ("7d", 604_800, "7 days")];

/// The characters that would have a different meaning in a path or a shell command.
const IN_A_PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/tokens", get(list).post(issue))
        .route("/admin/tokens/new", get(offer))
        .route("/admin/tokens/{id}/rotate", get(ask_rotate).post(rotate))
        .route("/admin/tokens/{id}/revoke", get(ask_revoke).post(revoke))
}

/// A token and its reads.
struct Row {
    token: ServiceToken,
    state: TokenState,
    used: OfToken,
}

#[derive(Template)]
#[template(path = "admin/tokens.html")]
struct TokensPage {
    shell: Shell,
    working: Vec<Row>,
    gone: Vec<Row>,
}

#[derive(Template)]
#[template(path = "admin/token_new.html")]
struct NewPage {
    shell: Shell,
    form: TokenForm,
}

/// A token's secret, shown once.
#[derive(Template)]
#[template(path = "admin/token_made.html")]
struct MadePage {
    shell: Shell,
    token: ServiceToken,
    secret: String,
    curl: Option<String>,
    /// The token it replaces.
    old: Option<ServiceToken>,
}

/// Asks how long the old token remains valid.
#[derive(Template)]
#[template(path = "admin/token_rotate.html")]
struct RotatePage {
    shell: Shell,
    row: Row,
    overlaps: [(&'static str, u64, &'static str); 4],
}

/// Asks for confirmation before a token is revoked.
#[derive(Template)]
#[template(path = "admin/token_revoke.html")]
struct RevokePage {
    shell: Shell,
    row: Row,
}

async fn list(State(app): State<App>, who: SignedIn) -> Result<Page<TokensPage>, Failure> {
    let mut rows = rows(&app).await?;
    rows.reverse();
    let (working, gone) =
        rows.into_iter().partition(|row| matches!(row.state, TokenState::Working | TokenState::Rotating));
    Ok(Page(TokensPage { shell: Shell::new(&app, &who, Section::Tokens), working, gone }))
}

async fn offer(State(app): State<App>, who: SignedIn) -> Page<NewPage> {
    Page(NewPage { shell: Shell::new(&app, &who, Section::Tokens), form: TokenForm::default() })
}

async fn issue(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let shell = Shell::new(&app, &who, Section::Tokens);
    let form = TokenForm::of(&fields);
    match form.read() {
        Err(form) => Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(NewPage { shell, form: *form })).into_response()),
        Ok(new) => {
            let (token, secret) = tokens::issue(&app, new, &who.actor).await?;
            Ok(Page(made(shell, who.address.as_deref(), token, &secret, None)).into_response())
        }
    }
}

/// The page of a new token. Its example command uses the address of this browser's dashboard: another address may have
/// no service API, and would send a valid token to whoever answers there.
fn made(
    shell: Shell,
    address: Option<&str>,
    token: ServiceToken,
    secret: &Secret,
    old: Option<ServiceToken>,
) -> MadePage {
    let secret = secret.expose();
    let curl = address
        .zip(path_to_try(&token))
        .map(|(address, path)| format!("curl -H 'Authorization: Bearer {secret}' {address}{path}"));
    MadePage { shell, token, secret: secret.to_owned(), curl, old }
}

/// A path that this token may read, which changes nothing.
fn path_to_try(token: &ServiceToken) -> Option<String> {
    if token.permissions.allow(Permission::StoresRead) {
        return Some("/api/v1/stores".to_owned());
    }
    let user = match token.users.as_ref().and_then(|users| users.iter().next()) {
        Some(user) => utf8_percent_encode(user.as_str(), &IN_A_PATH).to_string(),
        None => "USER_ID".to_owned(),
    };
    token.permissions.allow(Permission::KeysRead).then(|| format!("/api/v1/users/{user}/keys"))
}

async fn ask_rotate(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Page<RotatePage>, Failure> {
    let row = row(&app, &id).await?;
    tokens::refuse_rotation(&row.token, app.now()).map_err(not_rotated)?;
    Ok(Page(RotatePage { shell: Shell::new(&app, &who, Section::Tokens), row, overlaps: OVERLAPS }))
}

async fn rotate(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { who, fields }: Posted,
) -> Result<Response, Failure> {
    let id = read_id(&id)?;
    let chosen = OVERLAPS.iter().find(|(value, ..)| fields.get("overlap") == Some(value));
    let (_, seconds, _) = chosen.ok_or_else(|| Failure::invalid("overlap", "Choose a time from the list."))?;
    let (token, secret) =
        tokens::rotate(&app, &id, Duration::from_secs(*seconds), &who.actor).await.map_err(not_rotated)?;
    let old = tokens::find(&app, &id).await?;
    let shell = Shell::new(&app, &who, Section::Tokens);
    Ok(Page(made(shell, who.address.as_deref(), token, &secret, old)).into_response())
}

async fn ask_revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Page<RevokePage>, Failure> {
    let row = row(&app, &id).await?;
    if row.state == TokenState::Revoked {
        return Err(revoked_before());
    }
    Ok(Page(RevokePage { shell: Shell::new(&app, &who, Section::Tokens), row }))
}

async fn revoke(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Done, Failure> {
    if tokens::revoke(&app, &read_id(&id)?, &posted.who.actor).await? {
        Ok(Done::to("/admin/tokens", Notice::TokenRevoked))
    } else {
        Err(revoked_before())
    }
}

async fn rows(app: &App) -> Result<Vec<Row>, Failure> {
    let all = tokens::all(app).await?;
    let since = app.now().minus(Duration::from_hours(24 * (DAYS - 1)));
    let used = key_reads::of_tokens(app, since).await?;
    let row = |token: ServiceToken| Row {
        state: token.state_at(app.now()),
        used: used.get(&token.id).copied().unwrap_or_default(),
        token,
    };
    Ok(all.into_iter().map(row).collect())
}

async fn row(app: &App, id: &str) -> Result<Row, Failure> {
    let id = read_id(id)?;
    rows(app).await?.into_iter().find(|row| row.token.id == id).ok_or_else(gone)
}

fn read_id(id: &str) -> Result<TokenId, Failure> {
    id.parse().map_err(|_| gone())
}

fn gone() -> Failure {
    Failure::not_found("There is no such token. The list of tokens shows all tokens.")
}

fn revoked_before() -> Failure {
    Failure::new(StatusCode::CONFLICT, "revoked_before", "This token was already revoked. There is nothing left to do.")
}

fn not_rotated(error: RotateError) -> Failure {
    let says = match error {
        RotateError::Unknown => return gone(),
        RotateError::Beneath(beneath) => return beneath.into(),
        RotateError::Revoked => "This token was revoked. Create a new one instead.",
        RotateError::Expired => "This token has expired. Create a new one instead.",
        RotateError::Replaced(_) => "This token was already rotated. Rotate its successor.",
    };
    Failure::new(StatusCode::CONFLICT, "not_rotated", says)
}

/// The end of an ID, which distinguishes it from its neighbours.
fn tail(id: &TokenId) -> &str {
    let text = id.as_str();
    text.get(text.len().saturating_sub(6)..).unwrap_or(text)
}

impl Row {
    /// The state's badge: class and text.
    const fn badge(&self) -> (&'static str, &'static str) {
        match self.state {
            TokenState::Working => ("good", "Active"),
            TokenState::Rotating => ("warn", "Being replaced"),
            TokenState::Replaced => ("quiet", "Replaced"),
            TokenState::Expired => ("quiet", "Expired"),
            TokenState::Revoked => ("quiet", "Revoked"),
        }
    }

    /// Whether it read a key in the 24 hours before `now`.
    fn is_busy(&self, now: Time) -> bool {
        self.used.last_at.is_some_and(|at| now.since(at) < Duration::from_hours(24))
    }

    /// A short description of the merchants it may access.
    fn limit(&self) -> String {
        match self.token.users.as_ref().map(crate::domain::token::Users::count) {
            None => "all merchants".to_owned(),
            Some(1) => "1 merchant".to_owned(),
            Some(n) => format!("{n} merchants"),
        }
    }
}
