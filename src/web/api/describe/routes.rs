//! Every route of the API, in the order in which an integrator needs them.

use axum::http::Method;
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use super::{Content, JSON, Parameter, Place, Route, examples, managing};
use crate::domain::page::{MOST, USUAL};
use crate::domain::token::Permission::{
    EventsRead, KeysRead, LinksWrite, ProxyRead, ProxyWrite, StoresRead, StoresWrite,
};
use crate::domain::{AttemptId, LinkId, LinkState, StoreId, StoreStatus, UserId};
use crate::web::problem::{
    ATTEMPT_ENDED, CODE_SPENT, IDEMPOTENCY_ANSWER_LOST, IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED, NOT_FOUND,
    OTHER_USER, RATE_LIMITED, SCOPE_MISSING, SEVERAL_STORES, STORE_NOT_CONNECTED, STORE_REDIRECTS, STORE_UNREACHABLE,
    TOKEN_LIMIT,
};

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
        route.problems.extend([&IDEMPOTENCY_KEY_IN_USE, &IDEMPOTENCY_ANSWER_LOST, &IDEMPOTENCY_KEY_REUSED]);
    }
    all
}

fn links() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/api/v1/links", "makeLink", "Create a link")
            .says(
                "A link invites one merchant to connect a store. Send the merchant to its `url`, which can be \
                 opened any number of times until it expires. With `store_id`, it reconnects that store and accepts \
                 no other.",
            )
            .needs(LinksWrite)
            .body("NewLink")
            .answers(201, "The link.", "MadeLink")
            .leads_to(&[("getLink", "id", "/id")]),
        Route::new(Method::GET, "/api/v1/links", "listLinks", "List links")
            .says(
                "Returns one page, newest first, each link with its newest attempt. The addresses that open them \
                 are not included: Cartkey stores only their hashes.",
            )
            .needs(LinksWrite)
            .with([
                of_user("Only links of this merchant."),
                in_query("status", "Only links with this status.", LinkState::schema()),
                page_limit("The maximum number of links per page."),
                page_cursor("ln"),
            ])
            .answers(200, "One page of links.", "LinkList"),
        Route::new(Method::GET, "/api/v1/links/{id}", "getLink", "Get a link")
            .says(
                "Returns the link and its newest attempt. Trust this rather than the parameters of your \
                 `return_url`: anyone can type an address.",
            )
            .needs(LinksWrite)
            .with([
                path::<LinkId>("id", "The link."),
                expand(
                    "`store` includes the store that the attempt connected. Needs the permission `stores:read` too.",
                ),
            ])
            .answers(200, "The link and its newest attempt.", "Link")
            .leads_to(&[("confirmAttempt", "id", "/attempt/id"), ("getKeysOfStore", "id", "/attempt/store_id")])
            .fails([&NOT_FOUND]),
        Route::new(Method::DELETE, "/api/v1/links/{id}", "withdrawLink", "Withdraw a link")
            .says(
                "The link no longer opens, and its attempts in progress end, so that a link sent to the wrong \
                 person connects nothing. A store that is already connected stays connected. Repeating the request \
                 has no further effect.",
            )
            .needs(LinksWrite)
            .with([path::<LinkId>("id", "The link.")])
            .shows(200, "The link, withdrawn.", "Link", examples::withdrawn_link())
            .fails([&NOT_FOUND]),
        Route::new(Method::POST, "/api/v1/attempts/{id}/confirm", "confirmAttempt", "Confirm that it was your user")
            .says(
                "For links with `confirm: \"app\"`. The merchant's browser arrives at your `return_url` with a \
                 one-time code. Check who is signed in to your application, then use the code within a minute. A \
                 code works once, for its own attempt only; a newer code replaces an older one.",
            )
            .needs(LinksWrite)
            .with([path::<AttemptId>("id", "The attempt: `attempt_id` in the query of your `return_url`.")])
            .body("Confirmation")
            .answers(200, "Confirmed; the store is connected.", "Store")
            .fails([&NOT_FOUND, &CODE_SPENT, &OTHER_USER, &ATTEMPT_ENDED]),
    ]
}

fn keys() -> Vec<Route> {
    vec![
        Route::new(
            Method::GET,
            "/api/v1/users/{user_id}/keys",
            "getKeysOfUser",
            "Fetch the keys of a merchant's store",
        )
        .says(
            "Fast: call it whenever you need keys. Every response that contains keys is recorded before it is \
                 sent.",
        )
        .needs(KeysRead)
        .with([path::<UserId>("user_id", "The merchant."), store_url(), if_none_match()])
        .lends("The key.", "Keys")
        .fails([&NOT_FOUND, &SEVERAL_STORES, &STORE_NOT_CONNECTED]),
        Route::new(Method::GET, "/api/v1/stores/{id}/keys", "getKeysOfStore", "Fetch the keys of a store")
            .says("As above, but for one store, by its ID.")
            .needs(KeysRead)
            .with([path::<StoreId>("id", "The store."), if_none_match()])
            .lends("The key.", "Keys")
            .fails([&NOT_FOUND, &STORE_NOT_CONNECTED]),
        Route::new(Method::POST, "/api/v1/keys", "getSeveralKeys", "Fetch the keys of several stores")
            .says(
                "Up to 500 stores, by their IDs or by their merchants, in one response. A store without a key does \
                 not affect the others: its entry has a `problem`. The reads are recorded together, under IDs \
                 counted up from the request's.",
            )
            .needs(KeysRead)
            .with([if_none_match()])
            .body("WantedKeys")
            .lends("For each ID, its key or the problem.", "SeveralKeys"),
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
        a_call(method, OF_STORE, id, title).with([path::<StoreId>("id", "The store."), route()])
    });
    let users = of_user.into_iter().map(|(method, id, title)| {
        let in_header = Parameter { place: Place::Header, name: "Cartkey-Store", ..store_url() };
        a_call(method, OF_USER, id, title)
            .with([path::<UserId>("user_id", "The merchant."), route(), store_url(), in_header])
            .fails([&SEVERAL_STORES])
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
            "As above. The body must be JSON, at most 32 MiB, or less if the token says so. It is sent once; with `Idempotency-Key` and up to 256 KiB, it is sent \
             again if the connection ends without an answer."
        }
        (_, true) => "As above, but for the store of a merchant.",
    };
    let permission = if method == Method::GET { ProxyRead } else { ProxyWrite };
    let schema = ObjectBuilder::new().description(Some("Whatever the store answers.")).build();
    let content = Content { kind: JSON, schema: schema.into(), example: None };
    let route = Route::new(method, path, id, title)
        .says(says)
        .needs(permission)
        .answers_with(200, "The store's answer.", [content])
        .fails([&NOT_FOUND, &STORE_NOT_CONNECTED, &SCOPE_MISSING])
        .fails([&RATE_LIMITED, &TOKEN_LIMIT, &STORE_REDIRECTS, &STORE_UNREACHABLE]);
    Route { is_call: true, ..route }
}

fn route() -> Parameter {
    Parameter {
        place: Place::Path,
        name: "route",
        says: "The route at the store, such as `orders` or `orders/12`, with its slashes as they are. Other versions and namespaces \
               work too: whatever is under `wc/` or `wc-…/`, and in the `namespaces` of the token.",
        schema: text().pattern(Some("^[a-z]+$")).max_length(Some(100)).examples(["orders"]).into(),
    }
}

fn stores() -> Vec<Route> {
    let one = || vec![path::<StoreId>("id", "The store.")];
    vec![
        Route::new(Method::GET, "/api/v1/stores", "listStores", "List stores")
            .says("Returns one page, without secrets. To get the next page, pass `next_cursor` as `cursor`.")
            .needs(StoresRead)
            .with(list_parameters())
            .answers(200, "One page of stores.", "StoreList")
            .leads_to(&[
                ("getStore", "id", "/data/0/id"),
                ("getKeysOfStore", "id", "/data/0/id"),
                ("getKeysOfUser", "user_id", "/data/0/user_id"),
            ]),
        Route::new(Method::GET, "/api/v1/stores/{id}", "getStore", "Get a store")
            .says("Returns the store, without its secrets.")
            .needs(StoresRead)
            .with(one())
            .answers(200, "The store.", "Store")
            .fails([&NOT_FOUND]),
        Route::new(Method::POST, "/api/v1/stores/{id}/check", "checkStore", "Check a store, or report a 401")
            .says(
                "Checks the store now and returns the result. Call it when the store rejects your request: the \
                 result says whether the key was revoked, or what blocks it. A check that began before your request \
                 is never used for it; requests that come during a check share the next one. If the store or its \
                 host asked for fewer requests, the store is not checked and the response is 429. If too many other \
                 stores are being checked, the response is 503, and this store is checked next.",
            )
            .needs(StoresWrite)
            .with(one())
            .answers(200, "The store, after the check.", "Store")
            .fails([&NOT_FOUND, &RATE_LIMITED]),
        Route::new(Method::DELETE, "/api/v1/stores/{id}", "disconnectStore", "Disconnect a store")
            .says(
                "Wipes Cartkey's copy of the secret. Only the merchant can revoke the key, at `revoke_url`. The \
                 store remains in lists as `disconnected`. Repeating the request has no further effect.",
            )
            .needs(StoresWrite)
            .with(one())
            .answers(200, "The store was disconnected and its secret was wiped.", "Disconnected")
            .fails([&NOT_FOUND]),
    ]
}

fn events() -> Route {
    let stream = Content { kind: "text/event-stream", schema: text().into(), example: None };
    let mut route = Route::new(Method::GET, "/api/v1/events", "readEvents", "Follow events")
        .says(
            "Returns every event in order, with no gaps. A limited token gets only the events of its merchants. To \
             continue, pass `next` as `after`; with `wait`, the response comes as soon as something happens. With \
             `Accept: text/event-stream`, the response is a stream of server-sent events that continues until you \
             disconnect.",
        )
        .needs(EventsRead)
        .with([
            in_query(
                "after",
                "The `next` of a previous response, or an event ID; `latest` for new events only. If empty or omitted, \
                 the feed starts from the beginning.",
                text().pattern(Some("^(ev_[0-9]{16}|latest)?$")).examples(["ev_0000000000000042"]),
            ),
            page_limit("The maximum number of events to return."),
            in_query("wait", "How many seconds to wait if there are no new events.", number(0, 30, 0)),
            expand(
                "`store` includes the store that an event is about, as it is now. Needs the permission `stores:read` \
                 too.",
            ),
            in_header(
                "Last-Event-ID",
                "The same as `after`, for streams only: event stream clients send it when they reconnect.",
                text().examples(["ev_0000000000000042"]),
            ),
        ])
        .answers(200, "The events since `after`.", "EventList")
        .fails([&RATE_LIMITED]);
    route.answers[0].contents.push(stream);
    route
}

fn documents() -> Vec<Route> {
    let object =
        || Content { kind: JSON, schema: ObjectBuilder::new().schema_type(Type::Object).into(), example: None };
    let page = Content { kind: "text/html; charset=utf-8", schema: text().into(), example: None };
    vec![
        Route::new(Method::GET, "/api/v1/openapi.json", "getDescription", "This description as OpenAPI")
            .says("OpenAPI 3.1, generated from the code of the running version. No token is needed.")
            .answers_with(200, "The OpenAPI 3.1 document.", [object()]),
        Route::new(Method::GET, "/api/v1/postman.json", "getCollection", "This description as a Postman collection")
            .says(
                "A collection in Postman's format v2.1, for Postman, Bruno, Insomnia and others. Set its variable \
                 `token`. No token is needed to get it.",
            )
            .answers_with(200, "The collection.", [object()]),
        Route::new(Method::GET, "/api/v1/docs", "getDocs", "This description as a page")
            .says("This documentation as an HTML page. No token is needed.")
            .answers_with(200, "The HTML page.", [page]),
    ]
}

impl Route {
    /// Returns keys.
    fn lends(self, says: &'static str, schema: &'static str) -> Self {
        let mut route = self.answers(200, says, schema).answers_with(304, "Your copy is current. No key was sent.", []);
        for answer in &mut route.answers {
            answer.headers = &[("ETag", "Identifies this response. It changes when anything in the response changes.")];
        }
        route
    }
}

pub fn path<T: ToSchema>(name: &'static str, says: &'static str) -> Parameter {
    Parameter { place: Place::Path, name, says, schema: T::schema() }
}

pub fn in_query(name: &'static str, says: &'static str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    Parameter { place: Place::Query, name, says, schema: schema.into() }
}

fn in_header(name: &'static str, says: &'static str, schema: ObjectBuilder) -> Parameter {
    Parameter { place: Place::Header, name, says, schema: schema.into() }
}

/// Which of a merchant's stores is meant.
fn store_url() -> Parameter {
    let says = "Which store, if the merchant has several. Any form of its address is accepted.";
    in_query("store_url", says, text().max_length(Some(2000)).examples(["https://shop.example"]))
}

fn if_none_match() -> Parameter {
    let says = "The `ETag` of the response you have: if it is still current, the response is 304 without a body.";
    in_header("If-None-Match", says, text().examples(["\"0123456789abcdef\""]))
}

fn idempotency_key() -> Parameter {
    let says = "A new random value for each request, such as a UUID. If you repeat the request with the same value within 24 \
                hours, it is not done again: you get the first answer again, with the header `Idempotency-Replayed: true`.";
    let schema = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
    in_header("Idempotency-Key", says, schema.examples(["0b9f3c6e-52d4-4c1f-9c55-6f0c2f8f1d3a"]))
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
