//! Every route of the API, in the order in which an integrator needs them.

use axum::http::Method;
use serde_json::{Value, json};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use super::{Answer, Body, Content, Parameter, Place, Route, examples, managing};
use crate::domain::page::{MOST, USUAL};
use crate::domain::token::Permission::{
    EventsRead, KeysRead, LinksWrite, ProxyRead, ProxyWrite, StoresRead, StoresWrite,
};
use crate::domain::{AttemptId, LinkId, LinkState, StoreId, StoreStatus, UserId};
use crate::web::problem::{
    ATTEMPT_ENDED, CODE_SPENT, IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED, NOT_FOUND, OTHER_USER, RATE_LIMITED,
    SCOPE_MISSING, SEVERAL_STORES, STORE_NOT_CONNECTED, STORE_REDIRECTS, STORE_UNREACHABLE,
};

const JSON: &str = "application/json";

pub fn all() -> Vec<Route> {
    let mut all = links();
    all.extend(keys());
    all.extend(calls());
    all.extend(stores());
    all.push(events());
    all.extend(managing::webhooks());
    all.extend(managing::deliveries());
    all.extend(managing::tokens());
    all.extend(documents());
    for route in all.iter_mut().filter(|route| route.takes_key()) {
        route.parameters.push(idempotency_key());
        route.problems.extend([&IDEMPOTENCY_KEY_IN_USE, &IDEMPOTENCY_KEY_REUSED]);
    }
    all
}

fn links() -> Vec<Route> {
    vec![
        Route {
            body: Some(Body { schema: "NewLink", example: examples::new_link(), is_required: true }),
            permission: Some(LinksWrite),
            answers: vec![Answer {
                leads_to: &[("getLink", "id", "/id")],
                ..answer(201, "The link.", "MadeLink", examples::made_link())
            }],
            ..named(
                Method::POST,
                "/api/v1/links",
                "makeLink",
                "Create a link",
                "A link invites one merchant to connect a store. Send the merchant to its `url`, which can be opened any \
                 number of times until it expires. With `store_id`, it reconnects that store and accepts no other.",
            )
        },
        Route {
            permission: Some(LinksWrite),
            parameters: vec![
                of_user("Only links of this merchant."),
                in_query("status", "Only links with this status.", LinkState::schema()),
                page_limit("The maximum number of links per page."),
                page_cursor("ln"),
            ],
            answers: vec![answer(200, "One page of links.", "LinkList", examples::links())],
            ..named(
                Method::GET,
                "/api/v1/links",
                "listLinks",
                "List links",
                "Returns one page, newest first, each link with its newest attempt. The addresses that open them are not \
                 included: Cartkey stores only their hashes.",
            )
        },
        Route {
            permission: Some(LinksWrite),
            parameters: vec![
                path::<LinkId>("id", "The link."),
                expand(
                    "`store` includes the store that the attempt connected. Needs the permission `stores:read` too.",
                ),
            ],
            answers: vec![Answer {
                leads_to: &[("confirmAttempt", "id", "/attempt/id"), ("getKeysOfStore", "id", "/attempt/store_id")],
                ..answer(200, "The link and its newest attempt.", "Link", examples::link())
            }],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::GET,
                "/api/v1/links/{id}",
                "getLink",
                "Get a link",
                "Returns the link and its newest attempt. Trust this rather than the parameters of your `return_url`: anyone \
                 can type an address.",
            )
        },
        Route {
            permission: Some(LinksWrite),
            parameters: vec![path::<LinkId>("id", "The link.")],
            answers: vec![answer(200, "The link, withdrawn.", "Link", examples::withdrawn_link())],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::DELETE,
                "/api/v1/links/{id}",
                "withdrawLink",
                "Withdraw a link",
                "The link no longer opens, and its attempts in progress end, so that a link sent to the wrong person connects \
                 nothing. A store that is already connected stays connected. Repeating the request has no further effect.",
            )
        },
        Route {
            permission: Some(LinksWrite),
            parameters: vec![path::<AttemptId>("id", "The attempt: `attempt_id` in the query of your `return_url`.")],
            body: Some(Body { schema: "Confirmation", example: examples::confirmation(), is_required: true }),
            answers: vec![answer(200, "Confirmed; the store is connected.", "Store", examples::store())],
            problems: vec![&NOT_FOUND, &CODE_SPENT, &OTHER_USER, &ATTEMPT_ENDED],
            ..named(
                Method::POST,
                "/api/v1/attempts/{id}/confirm",
                "confirmAttempt",
                "Confirm that it was your user",
                "For links with `confirm: \"app\"`. The merchant's browser arrives at your `return_url` with a one-time code. \
                 Check who is signed in to your application, then use the code within a minute. A code works once, for its \
                 own attempt only; a newer code replaces an older one.",
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
                    says: "Which store, if the merchant has several. Any form of its address is accepted.",
                    schema: text().max_length(Some(2000)).examples(["https://shop.example"]).into(),
                },
                if_none_match(),
            ],
            answers: lent("The key.", "Keys", examples::keys()),
            problems: vec![&NOT_FOUND, &SEVERAL_STORES, &STORE_NOT_CONNECTED],
            ..named(
                Method::GET,
                "/api/v1/users/{user_id}/keys",
                "getKeysOfUser",
                "Fetch the keys of a merchant's store",
                "Fast: call it whenever you need keys. Every response that contains keys is recorded before it is sent.",
            )
        },
        Route {
            permission: Some(KeysRead),
            parameters: vec![path::<StoreId>("id", "The store."), if_none_match()],
            answers: lent("The key.", "Keys", examples::keys()),
            problems: vec![&NOT_FOUND, &STORE_NOT_CONNECTED],
            ..named(
                Method::GET,
                "/api/v1/stores/{id}/keys",
                "getKeysOfStore",
                "Fetch the keys of a store",
                "As above, but for one store, by its ID.",
            )
        },
        Route {
            permission: Some(KeysRead),
            parameters: vec![if_none_match()],
            body: Some(Body { schema: "WantedKeys", example: examples::wanted_keys(), is_required: true }),
            answers: lent("For each ID, its key or the problem.", "SeveralKeys", examples::several_keys()),
            ..named(
                Method::POST,
                "/api/v1/keys",
                "getSeveralKeys",
                "Fetch the keys of several stores",
                "Up to 500 stores, by their IDs or by their merchants, in one response. A store without a key does not affect the \
                 others: its entry has a `problem`. The reads are recorded together, under IDs counted up from the request's.",
            )
        },
    ]
}

/// Calls to stores: each method, by store and by merchant.
fn calls() -> Vec<Route> {
    const OF_STORE: &str = "/api/v1/stores/{id}/wp-json/wc/v3/{route}";
    const OF_USER: &str = "/api/v1/users/{user_id}/wp-json/wc/v3/{route}";
    let of_store = [
        (Method::GET, "readFromStore", "Read from a store"),
        (Method::POST, "postToStore", "Post to a store"),
        (Method::PUT, "putToStore", "Put to a store"),
        (Method::PATCH, "patchInStore", "Patch in a store"),
        (Method::DELETE, "deleteInStore", "Delete in a store"),
    ];
    let of_user = [
        (Method::GET, "readFromStoreOfUser", "Read from a merchant's store"),
        (Method::POST, "postToStoreOfUser", "Post to a merchant's store"),
        (Method::PUT, "putToStoreOfUser", "Put to a merchant's store"),
        (Method::PATCH, "patchInStoreOfUser", "Patch in a merchant's store"),
        (Method::DELETE, "deleteInStoreOfUser", "Delete in a merchant's store"),
    ];
    let stores = of_store.into_iter().map(|(method, id, title)| {
        let parameters = vec![path::<StoreId>("id", "The store."), route()];
        Route { parameters, ..a_call(method, OF_STORE, id, title) }
    });
    let users = of_user.into_iter().map(|(method, id, title)| {
        let address = |place, name| Parameter {
            place,
            name,
            says: "Which store, if the merchant has several. Any form of its address is accepted.",
            schema: text().max_length(Some(2000)).examples(["https://shop.example"]).into(),
        };
        let which = [address(Place::Query, "store_url"), address(Place::Header, "Cartkey-Store")];
        let parameters = [path::<UserId>("user_id", "The merchant."), route()].into_iter().chain(which).collect();
        let mut call = Route { parameters, ..a_call(method, OF_USER, id, title) };
        call.problems.push(&SEVERAL_STORES);
        call
    });
    stores.chain(users).collect()
}

fn a_call(method: Method, path: &'static str, id: &'static str, title: &'static str) -> Route {
    let says = match (method == Method::GET, path.contains("user_id")) {
        (true, false) => {
            "Sends the request to the store with its key, in the way that this store takes it, and passes the answer on. You never \
             see the key. Official WooCommerce clients work with `/api/v1/stores/{id}` as the store's address and the token as \
             consumer secret. HEAD and OPTIONS work too. `Link` headers and `_links` lead back through Cartkey, and output around \
             the JSON is removed (`Cartkey-Json-Noise: removed`), in answers of up to 4 MiB; larger ones are streamed as they are. \
             Cookies are not passed on, and redirects are not followed. Every call is recorded before it is sent."
        }
        (false, false) => {
            "As above. The body must be JSON, at most 32 MiB. It is sent once; with `Idempotency-Key` and up to 256 KiB, it is sent \
             again if the connection ends without an answer."
        }
        (_, true) => "As above, but for the store of a merchant.",
    };
    let permission = if method == Method::GET { ProxyRead } else { ProxyWrite };
    let schema = ObjectBuilder::new().description(Some("Whatever the store answers.")).build();
    let content = Content { kind: JSON, schema: schema.into(), example: None };
    let answers =
        vec![Answer { status: 200, says: "The store's answer.", contents: vec![content], headers: &[], leads_to: &[] }];
    Route {
        permission: Some(permission),
        answers,
        problems: vec![
            &NOT_FOUND,
            &STORE_NOT_CONNECTED,
            &SCOPE_MISSING,
            &RATE_LIMITED,
            &STORE_REDIRECTS,
            &STORE_UNREACHABLE,
        ],
        is_call: true,
        ..named(method, path, id, title, says)
    }
}

fn route() -> Parameter {
    Parameter {
        place: Place::Path,
        name: "route",
        says: "The route at the store, such as `orders` or `orders/12`, with its slashes as they are. Other versions and namespaces \
               work too: whatever is under `wc/` or `wc-…/`.",
        schema: text().pattern(Some("^[a-z]+$")).max_length(Some(100)).examples(["orders"]).into(),
    }
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
                "Returns one page, without secrets. To get the next page, pass `next_cursor` as `cursor`.",
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
                "Get a store",
                "Returns the store, without its secrets.",
            )
        },
        Route {
            permission: Some(StoresWrite),
            parameters: one(),
            answers: vec![answer(200, "The store, after the check.", "Store", examples::store())],
            problems: vec![&NOT_FOUND, &RATE_LIMITED],
            ..named(
                Method::POST,
                "/api/v1/stores/{id}/check",
                "checkStore",
                "Check a store, or report a 401",
                "Checks the store now and returns the result. Call it when the store rejects your request: the result says \
                 whether the key was revoked, or what blocks it. A check that began before your request is never used for it; \
                 requests that come during a check share the next one. If the store or its host asked for fewer \
                 requests, the store is not checked and the response is 429. If too many other stores are being checked, the \
                 response is 503, and this store is checked next.",
            )
        },
        Route {
            permission: Some(StoresWrite),
            parameters: one(),
            answers: vec![answer(
                200,
                "The store was disconnected and its secret was wiped.",
                "Disconnected",
                examples::disconnected(),
            )],
            problems: vec![&NOT_FOUND],
            ..named(
                Method::DELETE,
                "/api/v1/stores/{id}",
                "disconnectStore",
                "Disconnect a store",
                "Wipes Cartkey's copy of the secret. Only the merchant can revoke the key, at `revoke_url`. The store remains in \
                 lists as `disconnected`. Repeating the request has no further effect.",
            )
        },
    ]
}

fn events() -> Route {
    let stream = Content { kind: "text/event-stream", schema: text().into(), example: None };
    let mut told = answer(200, "The events since `after`.", "EventList", examples::events());
    told.contents.push(stream);
    Route {
        permission: Some(EventsRead),
        parameters: vec![
            in_query(
                "after",
                "The `next` of a previous response, or an event ID; `latest` for new events only. If empty or omitted, the \
                 feed starts from the beginning.",
                text().pattern(Some("^(ev_[0-9]{16}|latest)?$")).examples(["ev_0000000000000042"]),
            ),
            page_limit("The maximum number of events to return."),
            in_query("wait", "How many seconds to wait if there are no new events.", number(0, 30, 0)),
            expand(
                "`store` includes the store that an event is about, as it is now. Needs the permission `stores:read` too.",
            ),
            Parameter {
                place: Place::Header,
                name: "Last-Event-ID",
                says: "The same as `after`, for streams only: event stream clients send it when they reconnect.",
                schema: text().examples(["ev_0000000000000042"]).into(),
            },
        ],
        answers: vec![told],
        problems: vec![&RATE_LIMITED],
        ..named(
            Method::GET,
            "/api/v1/events",
            "readEvents",
            "Follow events",
            "Returns every event in order, with no gaps. A limited token gets only the events of its merchants. To continue, \
             pass `next` as `after`; with `wait`, the response comes as soon as something happens. With `Accept: \
             text/event-stream`, the response is a stream of server-sent events that continues until you disconnect.",
        )
    }
}

fn documents() -> Vec<Route> {
    let object =
        || Content { kind: JSON, schema: ObjectBuilder::new().schema_type(Type::Object).into(), example: None };
    let (document, collection) = (object(), object());
    let page = Content { kind: "text/html; charset=utf-8", schema: text().into(), example: None };
    let plain =
        |says, content| vec![Answer { status: 200, says, contents: vec![content], headers: &[], leads_to: &[] }];
    vec![
        Route {
            answers: plain("The OpenAPI 3.1 document.", document),
            ..named(
                Method::GET,
                "/api/v1/openapi.json",
                "getDescription",
                "This description as OpenAPI",
                "OpenAPI 3.1, generated from the code of the running version. No token is needed.",
            )
        },
        Route {
            answers: plain("The collection.", collection),
            ..named(
                Method::GET,
                "/api/v1/postman.json",
                "getCollection",
                "This description as a Postman collection",
                "A collection in Postman's format v2.1, for Postman, Bruno, Insomnia and others. Set its variable `token`. No token \
                 is needed to get it.",
            )
        },
        Route {
            answers: plain("The HTML page.", page),
            ..named(
                Method::GET,
                "/api/v1/docs",
                "getDocs",
                "This description as a page",
                "This documentation as an HTML page. No token is needed.",
            )
        },
    ]
}

/// A route with only its names.
pub fn named(method: Method, path: &'static str, id: &'static str, title: &'static str, says: &'static str) -> Route {
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
        is_call: false,
    }
}

pub fn answer(status: u16, says: &'static str, schema: &'static str, example: Value) -> Answer {
    let content = Content { kind: JSON, schema: RefOr::Ref(Ref::from_schema_name(schema)), example: Some(example) };
    Answer { status, says, contents: vec![content], headers: &[], leads_to: &[] }
}

/// The responses of the routes that return keys.
fn lent(says: &'static str, schema: &'static str, example: Value) -> Vec<Answer> {
    let headers = &[("ETag", "Identifies this response. It changes when anything in the response changes.")];
    vec![
        Answer { headers, ..answer(200, says, schema, example) },
        Answer {
            status: 304,
            says: "Your copy is current. No key was sent.",
            contents: vec![],
            headers,
            leads_to: &[],
        },
    ]
}

pub fn path<T: ToSchema>(name: &'static str, says: &'static str) -> Parameter {
    Parameter { place: Place::Path, name, says, schema: T::schema() }
}

fn if_none_match() -> Parameter {
    Parameter {
        place: Place::Header,
        name: "If-None-Match",
        says: "The `ETag` of the response you have: if it is still current, the response is 304 without a body.",
        schema: text().examples(["\"0123456789abcdef\""]).into(),
    }
}

fn idempotency_key() -> Parameter {
    Parameter {
        place: Place::Header,
        name: "Idempotency-Key",
        says: "A new random value for each request, such as a UUID. If you repeat the request with the same value within 24 hours, it is \
               not done again: you get the first answer again, with the header `Idempotency-Replayed: true`.",
        schema: text()
            .min_length(Some(1))
            .max_length(Some(255))
            .pattern(Some("^[!-~]+$"))
            .examples(["0b9f3c6e-52d4-4c1f-9c55-6f0c2f8f1d3a"])
            .into(),
    }
}

fn list_parameters() -> Vec<Parameter> {
    vec![
        of_user("Only stores of this merchant."),
        in_query("status", "Only stores with this status.", StoreStatus::schema()),
        in_query(
            "q",
            "Search. Every word must occur in the store's name, address or `user_id`; case and punctuation do not matter. Words of \
             three or more characters match anywhere, words of two match at the beginning of a word, and single characters and \
             numbers match only whole words. A store's ID finds that store; the address of any of its pages finds it too. No \
             control characters.",
            text().pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$")).examples(["harbour"]),
        ),
        page_limit("The maximum number of stores per page."),
        page_cursor("st"),
    ]
}

pub fn in_query(name: &'static str, says: &'static str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    Parameter { place: Place::Query, name, says, schema: schema.into() }
}

fn of_user(says: &'static str) -> Parameter {
    in_query("user_id", says, UserId::schema())
}

pub fn page_limit(says: &'static str) -> Parameter {
    in_query("limit", says, number(1, MOST.unsigned_abs(), USUAL))
}

/// The cursor of a list of what has IDs with this prefix.
pub fn page_cursor(prefix: &str) -> Parameter {
    let pattern = format!("^({prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}})?$");
    let says = "The `next_cursor` of the previous page; empty for the first page.";
    in_query("cursor", says, text().pattern(Some(pattern)))
}

/// What the response includes if it is asked for.
fn expand(says: &'static str) -> Parameter {
    in_query("expand", says, text().enum_values(Some(["store"])))
}

fn number(least: u64, most: u64, usual: i64) -> ObjectBuilder {
    let schema = ObjectBuilder::new().schema_type(Type::Integer);
    schema.minimum(Some(least)).maximum(Some(most)).default(Some(json!(usual)))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
