//! The examples in the description, built from the response types so that they cannot become outdated.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::answers::{
    CallLimits, Delivery, DeliveryList, Disconnected, EventList, Keys, Link, LinkAttempt, LinkList, ListedEvent,
    MadeLink, MadeToken, MadeWebhook, Store, StoreList, TestResult, Token, TokenList, Webhook, WebhookList,
};
use crate::domain::delivery::TRIAL;
use crate::domain::news::Data;
use crate::domain::{
    AttemptId, AuthMethod, Confirm, DeliveryState, EventId, Granted, Group, Kind, LinkId, LinkState, Network, News,
    OperatorId, Permission, RequestId, RestBase, Scope, Status, StoreId, StoreStatus, StoreUrl, Time, TokenState,
    UserId, Verdict, WebhookId, WebhookState, WhyOff,
};
use crate::flow::lending::lend;
use crate::web::failure::Failure;
use crate::web::problem::Problem;

/// Noon on a day in November 2026.
const NOON: Time = Time::from_millis(1_795_348_800_000);
const LAST7: &str = "4f2a9c1";

fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an example is well-formed")
}

pub fn store_id() -> StoreId {
    read("st_01kayjt000e8k2m4c6q9s1vwxy")
}

pub fn link_id() -> LinkId {
    read("ln_01kayjs2ge3v8n5b7d1f9h2j4k")
}

pub fn attempt_id() -> AttemptId {
    read("at_01kayjsnzrt5w2x8y4z6a9c1e3")
}

fn user_id() -> UserId {
    read("merchant-42")
}

fn shop() -> StoreUrl {
    StoreUrl::parse("https://shop.example", Network::Public).expect("an example is well-formed")
}

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).expect("an answer is JSON")
}

/// The example of the body or response with this schema.
pub fn of(schema: &str) -> Value {
    match schema {
        "Store" => value(a_store()),
        "StoreList" => value(StoreList { data: vec![a_store()], next_cursor: None }),
        "Disconnected" => value(Disconnected {
            revoke_url: crate::flow::connecting::disconnect::revoke_url(&shop(), AuthMethod::Basic, 17),
            key_last7: LAST7.to_owned(),
            revoked: false,
        }),
        "Keys" => keys(),
        "WantedKeys" => json!({"user_ids": ["merchant-42", "merchant-43"]}),
        "SeveralKeys" => several_keys(),
        "NewLink" => json!({"user_id": "merchant-42", "account_label": "Jane’s Shop"}),
        "MadeLink" => {
            let url = format!("https://keys.example.com/connect/{}", "A".repeat(43));
            value(MadeLink { id: &link_id(), url: &url, user_id: &user_id(), expires_at: NOON, warning: None })
        }
        "Link" => value(a_link()),
        "LinkList" => value(LinkList { data: vec![a_link()], next_cursor: None }),
        "Confirmation" => json!({"code": "A".repeat(43), "user_id": "merchant-42"}),
        "EventList" => {
            let event = event(Kind::StoreConnected);
            value(EventList { next: event.id, data: vec![ListedEvent { event, store: None }] })
        }
        "NewWebhook" => json!({
            "url": "https://app.example.com/hooks/cartkey",
            "events": ["store.*", "key.rotated"],
            "description": "Shipping",
        }),
        "MadeWebhook" => value(MadeWebhook { webhook: a_webhook(), secret: &format!("whsec_{}=", "A".repeat(43)) }),
        "Webhook" => value(a_webhook()),
        "WebhookList" => value(WebhookList { data: vec![a_webhook()] }),
        "WebhookChange" => json!({"events": ["store.*", "key.rotated"]}),
        "SecretRotation" => json!({"drop": "older"}),
        "TestResult" => value(TestResult { delivered: true, status: Some(204), fault: None, took_ms: 87 }),
        "DeliveryList" => value(DeliveryList { data: vec![a_delivery()], next_cursor: None }),
        "NewToken" => {
            let limits = json!({"seconds": 30, "per_minute": 600});
            json!({"name": "Shipping", "permissions": ["keys:read", "stores:read"], "user_ids": ["merchant-42"], "limits": limits})
        }
        "MadeToken" => value(MadeToken { info: a_token(), token: &format!("cartkey_{}", "A".repeat(43)) }),
        "Token" => value(a_token()),
        "TokenList" => value(TokenList { data: vec![a_token()], next_cursor: None }),
        "TokenRotation" => json!({"overlap": 86_400}),
        other => unreachable!("{other} has no example"),
    }
}

fn a_store() -> Store {
    Store {
        id: store_id(),
        user_id: user_id(),
        url: shop(),
        name: Some("Harbour Coffee Roasters".to_owned()),
        status: StoreStatus::Connected,
        reason: None,
        scope: Granted::ReadWrite,
        key_id: 17,
        key_last7: LAST7.to_owned(),
        key_version: 1,
        auth_method: AuthMethod::Basic,
        woocommerce_version: Some("11.0.2".to_owned()),
        wordpress_version: Some("7.0.4".to_owned()),
        moved_to: None,
        connected_at: NOON,
        checked_at: NOON,
        changed_at: NOON,
    }
}

fn keys() -> Value {
    let (store_id, user_id, store_url) = (store_id(), user_id(), shop());
    value(Keys {
        store_id: &store_id,
        user_id: &user_id,
        api_url: RestBase::usual(&store_url).api_url(),
        store_url: &store_url,
        consumer_key: Some("ck_0000000000000000000000000000000004f2a9c1"),
        consumer_secret: Some("cs_0000000000000000000000000000000000000000"),
        username: None,
        password: None,
        permissions: Granted::ReadWrite,
        auth_method: AuthMethod::Basic,
        notes: Vec::new(),
        key_version: 1,
        issued_at: NOON,
    })
}

fn several_keys() -> Value {
    let (failure, request) = (Failure::from(lend::Error::NotFound), RequestId::least(NOON));
    json!({"data": [
        {"id": "merchant-42", "keys": keys(), "problem": null},
        {"id": "merchant-43", "keys": null, "problem": Problem::of(&failure, &request)},
    ]})
}

fn a_link() -> Link {
    Link {
        status: LinkState::Used,
        id: link_id(),
        user_id: user_id(),
        account_label: Some("Jane’s Shop".to_owned()),
        store_url: None,
        store_id: None,
        scope: Scope::ReadWrite,
        return_url: Some("https://app.example.com/settings".to_owned()),
        confirm: Confirm::Browser,
        created_at: NOON,
        expires_at: NOON.plus(crate::domain::link::DEFAULT_LIFE),
        withdrawn_at: None,
        attempt: Some(LinkAttempt {
            id: attempt_id(),
            status: Status::Connected,
            reason: None,
            store_id: Some(store_id()),
            store: None,
        }),
    }
}

pub fn withdrawn_link() -> Value {
    value(Link { status: LinkState::Withdrawn, withdrawn_at: Some(NOON), attempt: None, ..a_link() })
}

/// An event of this kind, with what it usually has.
pub fn event(kind: Kind) -> News {
    let mut data = Data {
        actor: Some(match kind.group() {
            Group::Connections | Group::Stores if kind.members().any(|(name, _)| name == "attempt_id") => {
                "merchant".to_owned()
            }
            Group::Stores => "cartkey".to_owned(),
            _ => operator_id().to_string(),
        }),
        ..Data::default()
    };
    for (name, always) in kind.members() {
        match name {
            "user_id" => data.user_id = Some(user_id()),
            "store_id" => data.store_id = Some(store_id()),
            "link_id" => data.link_id = Some(link_id()),
            "attempt_id" => data.attempt_id = Some(attempt_id()),
            "token_id" => data.token_id = Some(read("tk_01kayjpq80m3n5b7c9d1f2g4h6")),
            "operator_id" => data.operator_id = Some(operator_id()),
            "webhook_id" => data.webhook_id = Some(read("wh_01kayjr1m0q4w6e8r2t5y7z9v1")),
            _ if always => data.reason = Some(reason(kind).to_owned()),
            _ => {}
        }
    }
    News { id: EventId::of_number(42), kind: kind.as_str().to_owned(), at: NOON, data }
}

/// The event of a webhook's test.
pub fn trial() -> Value {
    let webhook: WebhookId = read("wh_01kayjr1m0q4w6e8r2t5y7z9v1");
    json!({"id": "dl_01kayjt000e8k2m4c6q9s1vwxy", "type": TRIAL, "timestamp": NOON, "data": {"webhook_id": webhook}})
}

fn operator_id() -> OperatorId {
    read("op_01kayjne60a2s4d6f8g1h3j5k7")
}

/// A reason that events of this kind may have.
const fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::AttemptRejected => Verdict::Disowned.code(),
        Kind::AttemptDenied => Verdict::Denied.code(),
        Kind::AttemptExpired => Verdict::NotFinished.code(),
        Kind::StoreUnreachable => Verdict::TimedOut.code(),
        Kind::StoreMoved => Verdict::Moved.code(),
        Kind::WebhookDisabled => WhyOff::Failing.as_str(),
        _ => Verdict::KeyRejected.code(),
    }
}

fn a_webhook() -> Webhook {
    Webhook {
        id: read("wh_01kayjt5m8d3f6h9k2n4q7s1vx"),
        state: WebhookState::On,
        address: "app.example.com/hooks/cartkey".to_owned(),
        description: "Shipping".to_owned(),
        events: vec!["store.*".to_owned(), "key.rotated".to_owned()],
        user_ids: None,
        created_at: NOON,
        succeeded_at: Some(NOON),
        failing_since: None,
        disabled_at: None,
        disabled_reason: None,
        old_secret_until: None,
    }
}

fn a_delivery() -> Delivery {
    let event = event(Kind::StoreConnected);
    Delivery {
        id: read("dl_01kayjt9r4g7j1m5p8s2v6x9z3"),
        event_id: Some(event.id),
        r#type: event.kind,
        state: DeliveryState::Delivered,
        created_at: NOON,
        due_at: None,
        tries: 1,
        tried_at: Some(NOON),
        ended_at: Some(NOON),
        status: Some(204),
        fault: None,
        took_ms: Some(87),
    }
}

fn a_token() -> Token {
    Token {
        id: read("tk_01kayjs8h2b5d9f3j6m1q4t7wy"),
        name: "Shipping".to_owned(),
        permissions: vec![Permission::KeysRead, Permission::StoresRead],
        user_ids: Some(vec![user_id()]),
        namespaces: Vec::new(),
        limits: CallLimits { seconds: Some(30), per_minute: Some(600), ..CallLimits::default() },
        state: TokenState::Working,
        created_at: NOON,
        expires_at: None,
        revoked_at: None,
        successor_id: None,
    }
}

pub fn revoked_token() -> Value {
    value(Token { state: TokenState::Revoked, revoked_at: Some(NOON), ..a_token() })
}
