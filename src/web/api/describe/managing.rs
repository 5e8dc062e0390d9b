//! The routes with which services manage webhooks and tokens.

use axum::http::Method;
use utoipa::PartialSchema as _;

use super::routes::{answer, in_query, named, page_cursor, page_limit, path};
use super::{Answer, Body, Route, examples};
use crate::domain::token::Permission::{TokensRead, TokensWrite, WebhooksRead, WebhooksWrite};
use crate::domain::{DeliveryState, TokenId, WebhookId};
use crate::web::problem::{NOT_FOUND, NOT_ROTATED, WEBHOOK_CONFLICT};

pub fn webhooks() -> Vec<Route> {
    let one = || vec![path::<WebhookId>("id", "The webhook.")];
    vec![
        Route {
            permission: Some(WebhooksRead),
            answers: vec![answer(200, "The webhooks.", "WebhookList", examples::webhooks())],
            ..named(
                Method::GET,
                "/api/v1/webhooks",
                "listWebhooks",
                "List webhooks",
                "Returns all webhooks, at most 50, without their secrets. A limited token gets those that are limited to some of \
                 its own merchants.",
            )
        },
        Route {
            permission: Some(WebhooksWrite),
            body: Some(Body { schema: "NewWebhook", example: examples::new_webhook(), is_required: true }),
            answers: vec![Answer {
                leads_to: &[("getWebhook", "id", "/id")],
                ..answer(201, "The webhook and its secret.", "MadeWebhook", examples::made_webhook())
            }],
            problems: vec![&WEBHOOK_CONFLICT],
            ..named(
                Method::POST,
                "/api/v1/webhooks",
                "addWebhook",
                "Add a webhook",
                "A webhook receives events from now on, signed with the secret in the response, which is not shown again. The \
                 webhook of a limited token receives only events of its merchants. There can be 50 webhooks in all. A webhook \
                 continues when the token that added it is revoked.",
            )
        },
        Route {
            permission: Some(WebhooksRead),
            parameters: one(),
            answers: vec![answer(200, "The webhook.", "Webhook", examples::webhook())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::GET,
                "/api/v1/webhooks/{id}",
                "getWebhook",
                "Get a webhook",
                "Returns the webhook, without its secrets.",
            )
        },
        Route {
            permission: Some(WebhooksWrite),
            parameters: one(),
            body: Some(Body { schema: "WebhookChange", example: examples::webhook_change(), is_required: true }),
            answers: vec![answer(200, "The webhook as it is now.", "Webhook", examples::webhook())],
            problems: vec![&NOT_FOUND, &WEBHOOK_CONFLICT],
            ..named(
                Method::PATCH,
                "/api/v1/webhooks/{id}",
                "changeWebhook",
                "Change a webhook",
                "Changes only the members that you send; the webhook keeps its secrets. A new selection of events also applies \
                 to waiting deliveries. `enabled: true` turns on a webhook that is off, and sends what it missed.",
            )
        },
        Route {
            permission: Some(WebhooksWrite),
            parameters: one(),
            answers: vec![Answer {
                status: 204,
                says: "The webhook was deleted.",
                contents: vec![],
                headers: &[],
                leads_to: &[],
            }],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::DELETE,
                "/api/v1/webhooks/{id}",
                "deleteWebhook",
                "Delete a webhook",
                "Wipes its secrets and deletes its deliveries. Nothing more is sent.",
            )
        },
    ]
}

/// Tests, secrets and deliveries.
pub fn deliveries() -> Vec<Route> {
    let one = || vec![path::<WebhookId>("id", "The webhook.")];
    vec![
        Route {
            permission: Some(WebhooksWrite),
            parameters: one(),
            answers: vec![answer(200, "The result.", "TestResult", examples::test_result())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::POST,
                "/api/v1/webhooks/{id}/test",
                "testWebhook",
                "Test a webhook",
                "Sends `webhook.test` now, once, even if the webhook is off, and returns the result. It may take 15 seconds.",
            )
        },
        Route {
            permission: Some(WebhooksWrite),
            parameters: one(),
            body: Some(Body { schema: "SecretRotation", example: examples::secret_rotation(), is_required: false }),
            answers: vec![answer(200, "The webhook and its new secret.", "MadeWebhook", examples::made_webhook())],
            problems: vec![&NOT_FOUND, &WEBHOOK_CONFLICT],
            ..named(
                Method::POST,
                "/api/v1/webhooks/{id}/rotate",
                "rotateWebhookSecret",
                "Rotate a webhook's secret",
                "Creates a new secret, which is not shown again. For 24 hours everything is signed with the old one too. While \
                 there are two, a further rotation must say with `drop` which of them ends at once.",
            )
        },
        Route {
            permission: Some(WebhooksRead),
            parameters: vec![
                path::<WebhookId>("id", "The webhook."),
                in_query("state", "Only deliveries in this state.", DeliveryState::schema()),
                page_limit("The maximum number of deliveries per page."),
                page_cursor("dl"),
            ],
            answers: vec![answer(200, "One page of deliveries.", "DeliveryList", examples::deliveries())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::GET,
                "/api/v1/webhooks/{id}/deliveries",
                "listDeliveries",
                "List a webhook's deliveries",
                "Returns one page, newest first: what was sent and when, and what the response was. Deliveries are kept for 30 \
                 days after they ended.",
            )
        },
    ]
}

pub fn tokens() -> Vec<Route> {
    let one = || vec![path::<TokenId>("id", "The token.")];
    vec![
        Route {
            permission: Some(TokensRead),
            parameters: vec![page_limit("The maximum number of tokens per page."), page_cursor("tk")],
            answers: vec![answer(200, "One page of tokens.", "TokenList", examples::tokens())],
            ..named(
                Method::GET,
                "/api/v1/tokens",
                "listTokens",
                "List tokens",
                "Returns one page, oldest first, without secrets. A limited token gets those that are limited to some of its own \
                 merchants, itself among them.",
            )
        },
        Route {
            permission: Some(TokensWrite),
            body: Some(Body { schema: "NewToken", example: examples::new_token(), is_required: true }),
            answers: vec![Answer {
                leads_to: &[("getToken", "id", "/id")],
                ..answer(201, "The token.", "MadeToken", examples::made_token())
            }],
            ..named(
                Method::POST,
                "/api/v1/tokens",
                "issueToken",
                "Issue a token",
                "The new token may do no more than yours: it gets only permissions that yours has (otherwise 403), accesses no other \
                 merchants and expires no later (otherwise 422). Its secret is not shown again. It continues to work when your \
                 token is revoked: the event `token.issued` says who issued what.",
            )
        },
        Route {
            permission: Some(TokensRead),
            parameters: one(),
            answers: vec![answer(200, "The token.", "Token", examples::token())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::GET,
                "/api/v1/tokens/{id}",
                "getToken",
                "Get a token",
                "Returns the token, without its secret.",
            )
        },
        Route {
            permission: Some(TokensWrite),
            parameters: one(),
            answers: vec![answer(200, "The token, revoked.", "Token", examples::revoked_token())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::DELETE,
                "/api/v1/tokens/{id}",
                "revokeToken",
                "Revoke a token",
                "The token stops working at once. Repeating the request has no further effect.",
            )
        },
        Route {
            permission: Some(TokensWrite),
            parameters: one(),
            body: Some(Body { schema: "TokenRotation", example: examples::token_rotation(), is_required: false }),
            answers: vec![answer(201, "The token's successor.", "MadeToken", examples::made_token())],
            problems: vec![&NOT_FOUND, &NOT_ROTATED],
            ..named(
                Method::POST,
                "/api/v1/tokens/{id}/rotate",
                "rotateToken",
                "Rotate a token",
                "Issues a successor with the same name, permissions, merchants and lifetime, and a new secret; it expires no later \
                 than your own token. The old token keeps working for `overlap`. Your token must have all permissions of the \
                 other (otherwise 403). A token can rotate itself.",
            )
        },
    ]
}
