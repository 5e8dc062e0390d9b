//! The routes with which services manage webhooks and tokens.

use axum::http::Method;
use utoipa::PartialSchema as _;

use super::routes::{in_query, page_cursor, page_limit, path};
use super::{Route, examples};
use crate::domain::token::Permission::{TokensRead, TokensWrite, WebhooksRead, WebhooksWrite};
use crate::domain::{DeliveryState, TokenId, WebhookId};
use crate::web::problem::{NOT_FOUND, NOT_ROTATED, TOO_MANY_TOKENS, WEBHOOK_CONFLICT};

pub fn webhooks() -> Vec<Route> {
    let one = || vec![path::<WebhookId>("id", "The webhook.")];
    vec![
        Route::new(Method::GET, "/api/v1/webhooks", "listWebhooks", "List webhooks")
            .says(
                "Returns all webhooks, at most 50, without their secrets. A limited token gets those that are \
                 limited to some of its own merchants.",
            )
            .needs(WebhooksRead)
            .answers(200, "The webhooks.", "WebhookList"),
        Route::new(Method::POST, "/api/v1/webhooks", "addWebhook", "Add a webhook")
            .says(
                "A webhook receives events from now on, signed with the secret in the response, which is not shown \
                 again. The webhook of a limited token receives only events of its merchants. There can be 50 \
                 webhooks in all. A webhook continues when the token that added it is revoked.",
            )
            .needs(WebhooksWrite)
            .body("NewWebhook")
            .answers(201, "The webhook and its secret.", "MadeWebhook")
            .leads_to(&[("getWebhook", "id", "/id")])
            .fails([&WEBHOOK_CONFLICT]),
        Route::new(Method::GET, "/api/v1/webhooks/{id}", "getWebhook", "Get a webhook")
            .says("Returns the webhook, without its secrets.")
            .needs(WebhooksRead)
            .with(one())
            .answers(200, "The webhook.", "Webhook")
            .fails([&NOT_FOUND]),
        Route::new(Method::PATCH, "/api/v1/webhooks/{id}", "changeWebhook", "Change a webhook")
            .says(
                "Changes only the members that you send; the webhook keeps its secrets. A new selection of events \
                 also applies to waiting deliveries. `enabled: true` turns on a webhook that is off, and sends what \
                 it missed.",
            )
            .needs(WebhooksWrite)
            .with(one())
            .body("WebhookChange")
            .answers(200, "The webhook as it is now.", "Webhook")
            .fails([&NOT_FOUND, &WEBHOOK_CONFLICT]),
        Route::new(Method::DELETE, "/api/v1/webhooks/{id}", "deleteWebhook", "Delete a webhook")
            .says("Wipes its secrets and deletes its deliveries. Nothing more is sent.")
            .needs(WebhooksWrite)
            .with(one())
            .answers_with(204, "The webhook was deleted.", [])
            .fails([&NOT_FOUND]),
    ]
}

/// Tests, secrets and deliveries.
pub fn deliveries() -> Vec<Route> {
    let one = || vec![path::<WebhookId>("id", "The webhook.")];
    vec![
        Route::new(Method::POST, "/api/v1/webhooks/{id}/test", "testWebhook", "Test a webhook")
            .says(
                "Sends `webhook.test` now, once, even if the webhook is off, and returns the result. It may take 15 \
                 seconds.",
            )
            .needs(WebhooksWrite)
            .with(one())
            .answers(200, "The result.", "TestResult")
            .fails([&NOT_FOUND]),
        Route::new(Method::POST, "/api/v1/webhooks/{id}/rotate", "rotateWebhookSecret", "Rotate a webhook's secret")
            .says(
                "Creates a new secret, which is not shown again. For 24 hours everything is signed with the old one \
                 too. While there are two, a further rotation must say with `drop` which of them ends at once.",
            )
            .needs(WebhooksWrite)
            .with(one())
            .optional_body("SecretRotation")
            .answers(200, "The webhook and its new secret.", "MadeWebhook")
            .fails([&NOT_FOUND, &WEBHOOK_CONFLICT]),
        Route::new(Method::GET, "/api/v1/webhooks/{id}/deliveries", "listDeliveries", "List a webhook's deliveries")
            .says(
                "Returns one page, newest first: what was sent and when, and what the response was. Deliveries are \
                 kept for 30 days after they ended.",
            )
            .needs(WebhooksRead)
            .with([
                path::<WebhookId>("id", "The webhook."),
                in_query("state", "Only deliveries in this state.", DeliveryState::schema()),
                page_limit("The maximum number of deliveries per page."),
                page_cursor("dl"),
            ])
            .answers(200, "One page of deliveries.", "DeliveryList")
            .fails([&NOT_FOUND]),
    ]
}

pub fn tokens() -> Vec<Route> {
    let one = || vec![path::<TokenId>("id", "The token.")];
    vec![
        Route::new(Method::GET, "/api/v1/tokens", "listTokens", "List tokens")
            .says(
                "Returns one page, oldest first, without secrets. A limited token gets those that are limited to \
                 some of its own merchants, itself among them.",
            )
            .needs(TokensRead)
            .with([page_limit("The maximum number of tokens per page."), page_cursor("tk")])
            .answers(200, "One page of tokens.", "TokenList"),
        Route::new(Method::POST, "/api/v1/tokens", "issueToken", "Issue a token")
            .says(
                "The new token may do no more than yours: it gets only permissions that yours has (otherwise 403), \
                 accesses no other merchants, calls no other namespaces, has no higher limits and expires no later \
                 (otherwise 422). Its secret is not shown again. \
                 It continues to work when your token is revoked: the event `token.issued` says who issued what.",
            )
            .needs(TokensWrite)
            .body("NewToken")
            .answers(201, "The token.", "MadeToken")
            .leads_to(&[("getToken", "id", "/id")])
            .fails([&TOO_MANY_TOKENS]),
        Route::new(Method::GET, "/api/v1/tokens/{id}", "getToken", "Get a token")
            .says("Returns the token, without its secret.")
            .needs(TokensRead)
            .with(one())
            .answers(200, "The token.", "Token")
            .fails([&NOT_FOUND]),
        Route::new(Method::DELETE, "/api/v1/tokens/{id}", "revokeToken", "Revoke a token")
            .says("The token stops working at once. Repeating the request has no further effect.")
            .needs(TokensWrite)
            .with(one())
            .shows(200, "The token, revoked.", "Token", examples::revoked_token())
            .fails([&NOT_FOUND]),
        Route::new(Method::POST, "/api/v1/tokens/{id}/rotate", "rotateToken", "Rotate a token")
            .says(
                "Issues a successor with the same name, permissions, merchants, namespaces, limits and lifetime, and \
                 a new secret; it expires no later than your own token. The old token keeps working for `overlap`; \
                 its calls and those of its successor are counted together. Your token must have all permissions of \
                 the other (otherwise 403), all its namespaces, and limits that are no lower (otherwise 422). A token \
                 can rotate itself.",
            )
            .needs(TokensWrite)
            .with(one())
            .optional_body("TokenRotation")
            .answers(201, "The token's successor.", "MadeToken")
            .fails([&NOT_FOUND, &NOT_ROTATED, &TOO_MANY_TOKENS]),
    ]
}
