//! `/api/v1/tokens`: a service issues, rotates and revokes tokens, none of which may do more than its own.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{CallLimits, MadeToken, Token, TokenList};
use super::read::{Allowed, TokensRead, TokensWrite, body, cursor, limit, optional_body, query, user_ids, whole};
use crate::app::App;
use crate::domain::{Namespaces, NotLimits, Permission, Permissions, Secret, ServiceToken, TokenId, UserId};
use crate::flow::lending::lend;
use crate::flow::lending::tokens::{self, IssueError, RotateError};
use crate::web::failure::Failure;
use crate::web::form::sentence;
use crate::web::problem::{NOT_ROTATED, TOO_MANY_TOKENS};

/// The shortest and the longest lifetime, in seconds: a minute, because less is a mistake in units, and ten years.
const LIVES: std::ops::RangeInclusive<u64> = 60..=315_360_000;
/// The longest overlap, in seconds: 30 days.
const LONGEST_OVERLAP: u64 = 2_592_000;
/// The shortest overlap of a token that rotates itself, in seconds.
const SHORTEST_OWN_OVERLAP: u64 = 60;
/// The usual overlap: a day.
const USUAL_OVERLAP: u64 = 86_400;

/// A token to issue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// A name, such as the name of the service. No control characters.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// What it may do. You can give only permissions that your own token has.
    #[schema(value_type = Vec<Permission>, min_items = 1)]
    permissions: Vec<String>,
    /// The only merchants it may access; by default all that your own token may access.
    #[schema(value_type = Option<Vec<UserId>>, min_items = 1, max_items = 1000)]
    user_ids: Option<Vec<String>>,
    /// Namespaces of the stores' API that it may call beside `wc/` and `wc-…/`, such as `wp/v2` or `wp/v2/media`; none by default.
    /// You can give only namespaces that your own token has. At a store that is connected by an application password, `wp/v2` with
    /// `proxy:write` is enough to take the store over: it adds administrators and installs plugins.
    #[serde(default)]
    #[schema(max_items = 20)]
    namespaces: Option<Vec<String>>,
    /// The limits on its calls to stores; by default those of your own token, above which none can be.
    #[serde(default)]
    limits: Option<CallLimits>,
    /// How long it works, in seconds; by default as long as your own token, which it cannot outlive.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 60, maximum = 315_360_000)]
    expires_in: Option<u64>,
}

pub async fn list(client: Allowed<TokensRead>, RawQuery(text): RawQuery) -> Result<Json<TokenList>, Failure> {
    let pairs = query(text.as_deref(), &["limit", "cursor"])?;
    let after: Option<TokenId> = cursor(&pairs)?;
    let page = tokens::list_for(&client.app, &client.token, after.as_ref(), limit(&pairs)?).await?;
    let now = client.app.now();
    Ok(Json(TokenList {
        data: page.rows.into_iter().map(|token| Token::at(now, token)).collect(),
        next_cursor: page.next,
    }))
}

pub async fn issue(client: Allowed<TokensWrite>, bytes: Bytes) -> Result<Response, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let (made, secret) = tokens::issue_for(&app, &token, new_token(body(&bytes)?)?, &actor).await?;
    Ok(shown_once(&app, made, &secret))
}

pub async fn look(client: Allowed<TokensRead>, Path(id): Path<String>) -> Result<Json<Token>, Failure> {
    Ok(Json(find(&client.app, &client.token, &id).await?))
}

pub async fn revoke(client: Allowed<TokensWrite>, Path(id): Path<String>) -> Result<Json<Token>, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let id = find(&app, &token, &id).await?.id;
    tokens::revoke(&app, &id, &actor).await?;
    Ok(Json(find(&app, &token, id.as_str()).await?))
}

/// How to rotate a token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRotation {
    /// How long the old token keeps working, in seconds; by default 86400 (a day). 0 ends it at once, except that a token that rotates itself keeps working for at least 60.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap: Option<u64>,
}

pub async fn rotate(client: Allowed<TokensWrite>, Path(id): Path<String>, bytes: Bytes) -> Result<Response, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let TokenRotation { overlap } = optional_body(&bytes)?;
    let overlap = overlap.unwrap_or(USUAL_OVERLAP);
    if overlap > LONGEST_OVERLAP {
        return Err(Failure::invalid("overlap", "overlap must be 0 to 2592000 seconds (30 days)."));
    }
    let id = read_id(&id)?;
    if id == token.id && overlap < SHORTEST_OWN_OVERLAP {
        let says = "A token that rotates itself must keep working for at least 60 seconds, so that you can repeat the request if you get no response.";
        return Err(Failure::invalid("overlap", says));
    }
    let (made, secret) = tokens::rotate_for(&app, &token, &id, Duration::from_secs(overlap), &actor).await?;
    Ok(shown_once(&app, made, &secret))
}

/// The token with this ID. One that is not within the limit of `viewer` is reported as not found.
async fn find(app: &App, viewer: &ServiceToken, id: &str) -> Result<Token, Failure> {
    let token = tokens::look_for(app, viewer, &read_id(id)?).await?.ok_or_else(gone)?;
    Ok(Token::at(app.now(), token))
}

fn read_id(id: &str) -> Result<TokenId, Failure> {
    id.parse().map_err(|_| gone())
}

fn gone() -> Failure {
    Failure::not_found("There is no such token.")
}

fn shown_once(app: &App, made: ServiceToken, secret: &Secret) -> Response {
    let made = MadeToken { info: Token::at(app.now(), made), token: secret.expose() };
    (StatusCode::CREATED, Json(made)).into_response()
}

fn new_token(asked: NewToken) -> Result<tokens::NewToken, Failure> {
    let name = asked.name.trim();
    if !(1..=80).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Failure::invalid("name", "name must be 1 to 80 characters long, without control characters."));
    }
    let known: Option<Vec<Permission>> = asked.permissions.iter().map(|text| Permission::from_text(text)).collect();
    let permissions = known.as_deref().and_then(Permissions::of).ok_or_else(|| {
        let all = Permission::ALL.map(Permission::as_str).join(", ");
        Failure::invalid("permissions", format!("permissions must be one or more of {all}."))
    })?;
    if asked.expires_in.is_some_and(|seconds| !LIVES.contains(&seconds)) {
        return Err(Failure::invalid("expires_in", "expires_in must be 60 to 315360000 seconds (ten years)."));
    }
    let namespaces = Namespaces::of(asked.namespaces.iter().flatten().map(String::as_str));
    let limits = asked.limits.unwrap_or_default().try_into().map_err(|fault| match fault {
        NotLimits::Value(limit) => Failure::invalid(&format!("limits.{limit}"), sentence(&fault)),
        NotLimits::Unknown(_) => Failure::invalid("limits", sentence(&fault)),
    });
    Ok(tokens::NewToken {
        users: user_ids(asked.user_ids)?,
        namespaces: namespaces.map_err(|fault| Failure::invalid("namespaces", sentence(&fault)))?,
        limits: limits?,
        lives: asked.expires_in.map(Duration::from_secs),
        ..tokens::NewToken::new(name, permissions)
    })
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        use IssueError as E;
        match error {
            E::PermissionMissing(permission) => lend::Error::PermissionMissing(permission).into(),
            E::OtherUsers(fault) => Self::invalid("user_ids", sentence(&fault)),
            E::OtherNamespace(_) => Self::invalid("namespaces", sentence(&error)),
            E::HigherLimit(limit, _) => Self::invalid(&format!("limits.{limit}"), sentence(&error)),
            E::Outlived(_) => Self::invalid("expires_in", sentence(&error)),
            E::TooMany | E::Rotate(RotateError::TooMany) => {
                Self::new(StatusCode::CONFLICT, TOO_MANY_TOKENS.code, sentence(&error))
            }
            E::Rotate(RotateError::Unknown) => gone(),
            E::Rotate(RotateError::Beneath(beneath)) | E::Beneath(beneath) => beneath.into(),
            E::Rotate(error) => Self::conflict(NOT_ROTATED.code, sentence(&error)),
        }
    }
}
