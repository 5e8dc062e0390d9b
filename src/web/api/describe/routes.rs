//! Every route of the API, in the order in which an integrator meets them.

use axum::http::Method;
use serde_json::{Value, json};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema as _, ToSchema};

use super::{Answer, Body, Content, Parameter, Place, Route, examples};
use crate::domain::id::{AttemptId, LinkId, StoreId};
use crate::domain::page::{MOST, USUAL};
use crate::domain::store::StoreStatus;
use crate::domain::token::Permission::{EventsRead, KeysRead, LinksWrite, StoresRead, StoresWrite};
use crate::domain::user_id::UserId;
use crate::web::problem::{
    ATTEMPT_ENDED, CODE_SPENT, NOT_FOUND, OTHER_USER, RATE_LIMITED, SEVERAL_STORES, STORE_NOT_CONNECTED,
};

const JSON: &str = "application/json";

pub fn all() -> Vec<Route> {
    let mut all = links();
    all.extend(keys());
    all.extend(stores());
    all.push(events());
    all.extend(documents());
    all
}

fn links() -> Vec<Route> {
    vec![
        Route {
            body: Some(Body { schema: "NewLink", example: examples::new_link() }),
            permission: Some(LinksWrite),
            answers: vec![Answer {
                leads_to: &[("getLink", "id", "/id")],
                ..answer(201, "The link.", "MadeLink", examples::made_link())
            }],
            ..named(
                Method::POST,
                "/api/v1/links",
                "makeLink",
                "Make a link",
                "An invitation to connect a store, for one merchant. Send the merchant to its `url`, which opens as often as \
                 they like until it expires. With `store_id` it reconnects that store and takes no other.",
            )
        },
        Route {
            permission: Some(LinksWrite),
            parameters: vec![path::<LinkId>("id", "The link.")],
            answers: vec![Answer {
                leads_to: &[("confirmAttempt", "id", "/attempt/id"), ("getKeysOfStore", "id", "/attempt/store_id")],
                ..answer(200, "The link and its newest attempt.", "Link", examples::link())
            }],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::GET,
                "/api/v1/links/{id}",
                "getLink",
                "See how a link stands",
                "The link and the newest attempt that was begun from it. Believe this, not what a browser brings: anyone can \
                 type an address.",
            )
        },
        Route {
            permission: Some(LinksWrite),
            parameters: vec![path::<AttemptId>("id", "The attempt: `attempt_id` at your `return_url`.")],
            body: Some(Body { schema: "Confirmation", example: examples::confirmation() }),
            answers: vec![answer(200, "Confirmed: the store is connected.", "Store", examples::store())],
            problems: vec![&NOT_FOUND, &CODE_SPENT, &OTHER_USER, &ATTEMPT_ENDED],
            ..named(
                Method::POST,
                "/api/v1/attempts/{id}/confirm",
                "confirmAttempt",
                "Confirm that it was your user",
                "For links with `confirm: \"app\"`. The merchant's browser comes to your `return_url` with a one-time code. \
                 Check who is signed in at your application, then spend the code within a minute. A code works once, for its \
                 own attempt; a newer one takes the place of an older one.",
            )
        },
    ]
}

fn keys() -> Vec<Route> {
    vec![
        Route {
            permission: Some(KeysRead),
            parameters: vec![
                path::<UserId>("user_id", "The merchant."),
                Parameter {
                    place: Place::Query,
                    name: "store_url",
                    says: "Which store, when the merchant has several. As people write it.",
                    schema: text().max_length(Some(2000)).examples(["https://shop.example"]).into(),
                },
                if_none_match(),
            ],
            answers: lent(),
            problems: vec![&NOT_FOUND, &SEVERAL_STORES, &STORE_NOT_CONNECTED],
            ..named(
                Method::GET,
                "/api/v1/users/{user_id}/keys",
                "getKeysOfUser",
                "Fetch the keys of a merchant's store",
                "Quick, and meant to be called whenever you need them. Each answer with keys is on record before it leaves.",
            )
        },
        Route {
            permission: Some(KeysRead),
            parameters: vec![path::<StoreId>("id", "The store."), if_none_match()],
            answers: lent(),
            problems: vec![&NOT_FOUND, &STORE_NOT_CONNECTED],
            ..named(
                Method::GET,
                "/api/v1/stores/{id}/keys",
                "getKeysOfStore",
                "Fetch the keys of a store",
                "The same, for one store by its id.",
            )
        },
    ]
}

fn stores() -> Vec<Route> {
    let one = || vec![path::<StoreId>("id", "The store.")];
    vec![
        Route {
            permission: Some(StoresRead),
            parameters: list_parameters(),
            answers: vec![Answer {
                leads_to: &[
                    ("getStore", "id", "/data/0/id"),
                    ("getKeysOfStore", "id", "/data/0/id"),
                    ("getKeysOfUser", "user_id", "/data/0/user_id"),
                ],
                ..answer(200, "One page of stores.", "StoreList", examples::stores())
            }],
            ..named(
                Method::GET,
                "/api/v1/stores",
                "listStores",
                "List stores",
                "A page at a time, without their secrets. Give `next_cursor` as `cursor` for the next page.",
            )
        },
        Route {
            permission: Some(StoresRead),
            parameters: one(),
            answers: vec![answer(200, "The store.", "Store", examples::store())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::GET,
                "/api/v1/stores/{id}",
                "getStore",
                "See how a store stands",
                "What Cartkey knows of it, without its secrets.",
            )
        },
        Route {
            permission: Some(StoresWrite),
            parameters: one(),
            answers: vec![answer(200, "The store, after it was asked.", "Store", examples::store())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::POST,
                "/api/v1/stores/{id}/check",
                "checkStore",
                "Check a store, or report a 401",
                "Cartkey asks the store itself, now, and answers what it found. Call it when the store refused you: the answer \
                 says whether the key is revoked, or whether something is in the way. Of many who report a store at the same \
                 time one has it asked and all are told. A store that was asked within the last five seconds, or whose host \
                 asked for patience (`Retry-After`), is answered as it is known; `checked_at` says when it was asked. When too \
                 many stores are being asked for this one to have its turn, the answer is 503 and it is asked next.",
            )
        },
        Route {
            permission: Some(StoresWrite),
            parameters: one(),
            answers: vec![answer(200, "The secrets are wiped.", "Disconnected", examples::disconnected())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::DELETE,
                "/api/v1/stores/{id}",
                "disconnectStore",
                "Disconnect a store",
                "Cartkey wipes its copy of the key. Only the merchant can revoke the key, at `revoke_url`. The store stays in \
                 the lists as `disconnected`; twice is the same as once.",
            )
        },
    ]
}

fn events() -> Route {
    let query =
        |name, says, schema: ObjectBuilder| Parameter { place: Place::Query, name, says, schema: schema.into() };
    let number = |least: u64, most: u64, usual: i64| {
        let schema = ObjectBuilder::new().schema_type(Type::Integer);
        schema.minimum(Some(least)).maximum(Some(most)).default(Some(json!(usual)))
    };
    let stream = Content { kind: "text/event-stream", schema: text().into(), example: None };
    let mut told = answer(200, "What happened since.", "EventList", examples::events());
    told.contents.push(stream);
    Route {
        permission: Some(EventsRead),
        parameters: vec![
            query(
                "after",
                "The `next` of an earlier answer, or the id of an event; `latest` for what happens from now on. From the beginning \
                 when it is empty or left out.",
                text().pattern(Some("^(ev_[0-9]{16}|latest)?$")).examples(["ev_0000000000000042"]),
            ),
            query("limit", "The most events of a part.", number(1, MOST.unsigned_abs(), USUAL)),
            query("wait", "Seconds to wait when there is nothing new.", number(0, 30, 0)),
            Parameter {
                place: Place::Header,
                name: "Last-Event-ID",
                says: "The same as `after`, for streams, and passed over elsewhere: readers of event streams send it.",
                schema: text().examples(["ev_0000000000000042"]).into(),
            },
        ],
        answers: vec![told],
        problems: vec![&RATE_LIMITED],
        ..named(
            Method::GET,
            "/api/v1/events",
            "readEvents",
            "Follow what happens",
            "Every event in order, none skipped, also those of a token's merchants alone when it is limited. Ask again with \
             `next`; with `wait` the answer comes as soon as something happens. With `Accept: text/event-stream` it is a \
             stream of server-sent events, one for each, that goes on until you hang up.",
        )
    }
}

fn documents() -> Vec<Route> {
    let document = Content { kind: JSON, schema: ObjectBuilder::new().schema_type(Type::Object).into(), example: None };
    let page = Content { kind: "text/html; charset=utf-8", schema: text().into(), example: None };
    let plain =
        |says, content| vec![Answer { status: 200, says, contents: vec![content], headers: &[], leads_to: &[] }];
    vec![
        Route {
            answers: plain("OpenAPI 3.1.", document),
            ..named(
                Method::GET,
                "/api/v1/openapi.json",
                "getDescription",
                "This description, for machines",
                "OpenAPI 3.1, made from the code of the very version that answers. No token is needed.",
            )
        },
        Route {
            answers: plain("A page.", page),
            ..named(
                Method::GET,
                "/api/v1/docs",
                "getDocs",
                "This description, for people",
                "The page that says all this. No token is needed.",
            )
        },
    ]
}

/// A route without anything but its names.
fn named(method: Method, path: &'static str, id: &'static str, title: &'static str, says: &'static str) -> Route {
    Route {
        method,
        path,
        id,
        title,
        says,
        permission: None,
        parameters: Vec::new(),
        body: None,
        answers: Vec::new(),
        problems: Vec::new(),
    }
}

fn answer(status: u16, says: &'static str, schema: &'static str, example: Value) -> Answer {
    let content = Content { kind: JSON, schema: RefOr::Ref(Ref::from_schema_name(schema)), example: Some(example) };
    Answer { status, says, contents: vec![content], headers: &[], leads_to: &[] }
}

/// What is answered to who asks for keys.
fn lent() -> Vec<Answer> {
    let headers = &[("ETag", "Names this answer. Another one when anything in it changes.")];
    vec![
        Answer { headers, ..answer(200, "The key.", "Keys", examples::keys()) },
        Answer {
            status: 304,
            says: "You have it already. Nothing was lent.",
            contents: vec![],
            headers,
            leads_to: &[],
        },
    ]
}

fn path<T: ToSchema>(name: &'static str, says: &'static str) -> Parameter {
    Parameter { place: Place::Path, name, says, schema: T::schema() }
}

fn if_none_match() -> Parameter {
    Parameter {
        place: Place::Header,
        name: "If-None-Match",
        says: "The `ETag` of the answer that you have: while it is still right, you are answered 304 without a body.",
        schema: text().examples(["\"0123456789abcdef\""]).into(),
    }
}

fn list_parameters() -> Vec<Parameter> {
    let query =
        |name, says, schema: ObjectBuilder| Parameter { place: Place::Query, name, says, schema: schema.into() };
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(MOST.unsigned_abs()))
        .default(Some(json!(USUAL)));
    vec![
        Parameter { place: Place::Query, name: "user_id", says: "Only this merchant's.", schema: UserId::schema() },
        Parameter {
            place: Place::Query,
            name: "status",
            says: "Only those that stand so.",
            schema: StoreStatus::schema(),
        },
        query(
            "q",
            "Words, or beginnings of words, of name, address and `user_id`; or a pasted address. Without control characters.",
            text().pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$")).examples(["harbour"]),
        ),
        query("limit", "The most stores of a page.", number),
        query(
            "cursor",
            "The `next_cursor` of an earlier answer; empty for the first page.",
            text().pattern(Some("^(st_[0-7][0-9a-hjkmnp-tv-z]{25})?$")),
        ),
    ]
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
