//! Service tokens: list, create, rotate, revoke.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::guard::{Id, Posted, SignedIn, unknown};
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::page::USUAL;
use crate::domain::{
    CallLimit, CallLimits, Namespaces, Permission, Secret, ServiceToken, Time, TokenId, TokenState, Users,
};
use crate::flow::lending::key_reads::{self, OfToken};
use crate::flow::lending::tokens::{self, NewToken, RotateError};
use crate::web::failure::Failure;
use crate::web::form::{A_TIME, Choice, Form, address, sentence};
use crate::web::page::{Page, Refused};

/// The number of days for which reads are counted, including today.
const DAYS: u64 = 30;

/// How long the old token may remain valid: the value, seconds, label.
const OVERLAPS: [Choice<u64>; 4] =
    [("now", 0, "not at all"), ("1h", 3_600, "1 hour"), ("24h", 86_400, "24 hours"), ("7d", 604_800, "7 days")];

/// The lifetimes offered: the value, days (`None`: no expiry), label.
const LIVES: [Choice<Option<u64>>; 5] = [
    ("30", Some(30), "30 days"),
    ("90", Some(90), "90 days"),
    ("365", Some(365), "1 year"),
    ("730", Some(730), "2 years"),
    ("never", None, "Until it is revoked"),
];

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
    ended: Vec<Row>,
    /// Whether this is the first page of `ended`.
    is_first: bool,
    /// The address of the first page; `None` on the first page.
    newest: Option<String>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/token_new.html")]
struct NewPage {
    shell: Shell,
    form: Form,
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
    overlaps: [Choice<u64>; 4],
}

/// Asks for confirmation before a token is revoked.
#[derive(Template)]
#[template(path = "admin/token_revoke.html")]
struct RevokePage {
    shell: Shell,
    row: Row,
}

async fn list(who: SignedIn) -> Result<Page<TokensPage>, Failure> {
    let before: Option<TokenId> = who.query.get("before").and_then(|id| id.parse().ok());
    let working = rows(&who.app, tokens::working(&who.app).await?).await?;
    let page = tokens::ended(&who.app, before.as_ref(), USUAL).await?;
    let href = |before: Option<&str>| address("/admin/tokens", [("before", before)]);
    Ok(Page(TokensPage {
        working,
        ended: rows(&who.app, page.rows).await?,
        is_first: before.is_none(),
        newest: before.map(|_| href(None)),
        older: page.next.map(|next| href(Some(&next))),
        shell: who.shell(Section::Tokens),
    }))
}

async fn offer(who: SignedIn) -> Page<NewPage> {
    Page(NewPage { shell: who.shell(Section::Tokens), form: Form::filled([("lives", "365".to_owned())]) })
}

async fn issue(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let mut form = Form::of(fields);
    let Some(new) = new_token(&mut form) else {
        return Ok(Refused(NewPage { shell: who.shell(Section::Tokens), form }).into_response());
    };
    let (token, secret) = tokens::issue(&who.app, new, &who.actor).await?;
    Ok(Page(made(&who, token, &secret, None)).into_response())
}

/// Parses the form; records errors.
fn new_token(form: &mut Form) -> Option<NewToken> {
    let fits = |name: &str| (1..=80).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    let says = "Type a name of 1 to 80 characters, such as the service’s name.";
    let name = form.read("name", |name| fits(name).then(|| name.to_owned()).ok_or(says));
    let ticked = form.all("allow").collect::<Vec<_>>().join(",");
    let permissions = form.read("allow", |_| ticked.parse().map_err(|_| "Select at least one permission."));
    let lives = form.choose("lives", &LIVES, A_TIME);
    let users = form.optional("users", |users| users.parse::<Users>().map_err(|fault| sentence(&fault)));
    let namespaces = form.read("namespaces", |text| text.parse::<Namespaces>().map_err(|fault| sentence(&fault)));
    let limits = CallLimit::ALL.map(|limit| {
        let says = || format!("Type a number from 1 to {}, or nothing.", limit.most());
        let parse = |text: &str| {
            let value: u64 = text.parse().map_err(|_| says())?;
            CallLimits::of([(limit, Some(value))]).map(|_| value).map_err(|_| says())
        };
        (limit, form.optional(limit.as_str(), parse))
    });
    let limits = CallLimits::of(limits).ok();
    let (name, permissions, lives) = (name?, permissions?, lives?);
    let (namespaces, limits) = (namespaces?, limits?);
    let lives = lives.map(|days| Duration::from_hours(24 * days));
    (!form.is_wrong()).then(|| NewToken { users, namespaces, limits, lives, ..NewToken::new(name, permissions) })
}

/// The page of a new token. Its example command uses the address of this browser's dashboard: another address may have
/// no service API, and would send a valid token to whoever answers there.
fn made(who: &SignedIn, token: ServiceToken, secret: &Secret, old: Option<ServiceToken>) -> MadePage {
    let secret = secret.expose();
    let curl = who
        .address
        .as_ref()
        .zip(path_to_try(&token))
        .map(|(address, path)| format!("curl -H 'Authorization: Bearer {secret}' {address}{path}"));
    MadePage { shell: who.shell(Section::Tokens), token, secret: secret.to_owned(), curl, old }
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
    let keys = || token.permissions.allow(Permission::KeysRead).then(|| format!("/api/v1/users/{user}/keys"));
    let call = || format!("/api/v1/users/{user}/wp-json/wc/v3/orders");
    keys().or_else(|| token.permissions.allow(Permission::ProxyRead).then(call))
}

async fn ask_rotate(who: SignedIn, Id(id): Id<TokenId>) -> Result<Page<RotatePage>, Failure> {
    let row = row(&who.app, &id).await?;
    tokens::refuse_rotation(&row.token, who.app.now()).map_err(not_rotated)?;
    Ok(Page(RotatePage { shell: who.shell(Section::Tokens), row, overlaps: OVERLAPS }))
}

async fn rotate(Id(id): Id<TokenId>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let seconds = fields.chosen("overlap", &OVERLAPS).ok_or_else(|| Failure::invalid("overlap", A_TIME))?;
    let rotated = tokens::rotate(&who.app, &id, Duration::from_secs(seconds), &who.actor).await;
    let (token, secret) = rotated.map_err(not_rotated)?;
    let old = tokens::find(&who.app, &id).await?;
    Ok(Page(made(&who, token, &secret, old)).into_response())
}

async fn ask_revoke(who: SignedIn, Id(id): Id<TokenId>) -> Result<Page<RevokePage>, Failure> {
    let row = row(&who.app, &id).await?;
    if row.state == TokenState::Revoked {
        return Err(revoked_before());
    }
    Ok(Page(RevokePage { shell: who.shell(Section::Tokens), row }))
}

async fn revoke(Id(id): Id<TokenId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    let revoked = tokens::revoke(&who.app, &id, &who.actor).await?;
    revoked.then(|| Done::to("/admin/tokens", Notice::TokenRevoked)).ok_or_else(revoked_before)
}

async fn rows(app: &App, tokens: Vec<ServiceToken>) -> Result<Vec<Row>, Failure> {
    let since = app.now().minus(Duration::from_hours(24 * (DAYS - 1)));
    let used = key_reads::of_tokens(app, since).await?;
    let row = |token: ServiceToken| Row {
        state: token.state_at(app.now()),
        used: used.get(&token.id).copied().unwrap_or_default(),
        token,
    };
    Ok(tokens.into_iter().map(row).collect())
}

async fn row(app: &App, id: &TokenId) -> Result<Row, Failure> {
    let token = tokens::find(app, id).await?;
    rows(app, token.into_iter().collect()).await?.pop().ok_or_else(unknown::<TokenId>)
}

fn revoked_before() -> Failure {
    Failure::new(StatusCode::CONFLICT, "revoked_before", "This token was already revoked. There is nothing left to do.")
}

fn not_rotated(error: RotateError) -> Failure {
    let says = match error {
        RotateError::Unknown => return unknown::<TokenId>(),
        RotateError::Beneath(beneath) => return beneath.into(),
        RotateError::Revoked => "This token was revoked. Create a new one instead.",
        RotateError::Expired => "This token has expired. Create a new one instead.",
        RotateError::TooMany => {
            "There are already 1,000 active tokens. Revoke those that are not needed, or end this one at once."
        }
        RotateError::Replaced(_) => "This token was already rotated. Rotate its successor.",
    };
    Failure::new(StatusCode::CONFLICT, "not_rotated", says)
}

/// The end of an ID, which distinguishes it from its neighbours.
fn tail(id: &TokenId) -> &str {
    let text = id.as_str();
    text.get(text.len().saturating_sub(6)..).unwrap_or(text)
}

impl NewPage {
    /// Whether something about calls was typed.
    fn has_call_rules(&self) -> bool {
        let limits = CallLimit::ALL.map(CallLimit::as_str);
        ["namespaces"].iter().chain(&limits).any(|name| !self.form.value(name).is_empty())
    }
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

    /// Whether it was used in the 24 hours before `now`.
    fn is_busy(&self, now: Time) -> bool {
        self.used.last_at.is_some_and(|at| now.since(at) < Duration::from_hours(24))
    }

    /// A short description of the merchants it may access.
    fn limit(&self) -> String {
        match self.token.users.as_ref().map(Users::count) {
            None => "all merchants".to_owned(),
            Some(1) => "1 merchant".to_owned(),
            Some(n) => format!("{n} merchants"),
        }
    }
}
