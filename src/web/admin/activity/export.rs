//! The activity as a file: one JSON document per line, generated while it is sent.

use serde::Serialize;

use crate::app::App;
use crate::domain::activity::{KEY_READ, STORE_CALLED};
use crate::domain::{
    AttemptId, LinkId, OperatorId, Position, RequestId, StoreId, StoreUrl, Time, TokenId, UserId, WebhookId,
};
use crate::flow::dashboard::activity::{self, Entry, Filter};
use crate::web::stream::Pieces;

/// How many lines are fetched and sent at a time.
const AT_ONCE: i64 = 1_000;

/// One line. All members are always present.
#[derive(Debug, Default, Serialize)]
struct Line<'a> {
    at: Option<Time>,
    kind: &'a str,
    who: &'a str,
    who_name: Option<&'a str>,
    user_id: Option<&'a str>,
    store_id: Option<&'a str>,
    store_url: Option<&'a str>,
    link_id: Option<&'a str>,
    attempt_id: Option<&'a str>,
    token_id: Option<&'a str>,
    operator_id: Option<&'a str>,
    webhook_id: Option<&'a str>,
    reason: Option<&'a str>,
    key_version: Option<i64>,
    call: Option<&'a str>,
    from: Option<&'a str>,
    request_id: Option<&'a str>,
    seq: Option<i64>,
}

impl<'a> Line<'a> {
    fn of(entry: &'a Entry) -> Self {
        match entry {
            Entry::Event(event) => Self {
                at: Some(event.at),
                kind: event.kind.as_str(),
                who: &event.actor,
                who_name: event.actor_name.as_deref(),
                user_id: event.user_id.as_ref().map(UserId::as_str),
                store_id: event.store_id.as_ref().map(StoreId::as_str),
                store_url: event.store_home.as_ref().map(StoreUrl::as_str),
                link_id: event.link_id.as_ref().map(LinkId::as_str),
                attempt_id: event.attempt_id.as_ref().map(AttemptId::as_str),
                token_id: event.token_id.as_ref().map(TokenId::as_str),
                operator_id: event.operator_id.as_ref().map(OperatorId::as_str),
                webhook_id: event.webhook_id.as_ref().map(WebhookId::as_str),
                reason: event.reason.as_deref(),
                key_version: None,
                call: None,
                from: event.came_from.as_deref(),
                request_id: event.request_id.as_ref().map(RequestId::as_str),
                seq: Some(event.seq),
            },
            Entry::Read(read) => Self {
                at: Some(read.at),
                kind: if read.call.is_some() { STORE_CALLED } else { KEY_READ },
                who: read.token_id.as_str(),
                who_name: read.token_name.as_deref(),
                user_id: read.user_id.as_ref().map(UserId::as_str),
                store_id: Some(read.store_id.as_str()),
                store_url: read.store_home.as_ref().map(StoreUrl::as_str),
                key_version: Some(read.key_version),
                call: read.call.as_deref(),
                from: Some(&read.read_from),
                request_id: Some(read.id.as_str()),
                ..Self::default()
            },
        }
    }
}

/// Writes everything that matches the filter, the newest first, without what happens meanwhile. Stops if the client
/// disconnects. If the database fails, the response is aborted, so that a part does not look complete.
pub async fn write(app: App, filter: Filter, mut position: Position, pieces: Pieces) {
    loop {
        let page = match activity::list(&app, &filter, &position, AT_ONCE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an export of the activity was aborted");
                return pieces.fail("the export was aborted").await;
            }
        };
        let mut text = Vec::new();
        for entry in &page.rows {
            if let Err(error) = serde_json::to_writer(&mut text, &Line::of(entry)) {
                return pieces.fail(error).await;
            }
            text.push(b'\n');
        }
        let next = page.next.and_then(|next| next.parse().ok());
        match (pieces.put(text).await, next) {
            (Ok(()), Some(next)) => position = next,
            _ => return,
        }
    }
}
