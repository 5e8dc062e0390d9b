//! `GET /api/v1/events`: the feed, in parts or as a stream of server-sent events.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::answers::EventList;
use super::read::{allowed, bad, parameter, query};
use crate::app::App;
use crate::domain::news::{EventId, News};
use crate::domain::page::{MOST, USUAL};
use crate::domain::token::{Permission, ServiceToken};
use crate::flow::feed::{self, Crowded};
use crate::web::failure::Failure;
use crate::web::stream::{Pieces, streamed};

/// The longest time that a request may wait, in seconds.
const LONGEST: u64 = 30;
/// How often an idle stream sends a heartbeat and checks its token.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client may take to read a part.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// When a client should reconnect after losing its stream, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";

pub async fn read(State(app): State<App>, parts: Parts) -> Result<Response, Failure> {
    let token = allowed(&app, &parts, Permission::EventsRead).await?;
    let pairs = query(&parts, &["after", "limit", "wait"])?;
    let limit: i64 = parameter(&pairs, "limit", "a number from 1 to 200")?.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(bad("limit", "limit must be a number from 1 to 200.".to_owned()));
    }
    let wait: u64 = parameter(&pairs, "wait", "a number of seconds from 0 to 30")?.unwrap_or(0);
    if wait > LONGEST {
        return Err(bad("wait", "wait must be a number of seconds from 0 to 30.".to_owned()));
    }
    let streams = wants_stream(&parts);
    let seen = parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|_| streams);
    let after = match seen.or_else(|| pairs.iter().find(|(name, _)| name == "after").map(|(_, value)| value.as_str())) {
        None | Some("") => EventId::BEGINNING,
        Some("latest") => feed::newest(&app).await?,
        Some(id) => id.parse().map_err(|_| bad("after", "after must be an event ID or latest.".to_owned()))?,
    };
    if streams {
        return stream(app, token, after).await;
    }
    let part = match wait {
        0 => feed::read(&app, &token, after, limit).await?,
        seconds => feed::wait(&app, &token, after, limit, Duration::from_secs(seconds)).await?,
    };
    Ok(Json(EventList { data: part.news, next: part.next }).into_response())
}

fn wants_stream(parts: &Parts) -> bool {
    let accepted = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream"))
}

async fn stream(app: App, token: ServiceToken, after: EventId) -> Result<Response, Failure> {
    let place = feed::enter(&app, &token)?;
    // Reports an unknown ID as a problem; once the stream has begun, it could only be closed.
    feed::read(&app, &token, after, 1).await?;
    let (pieces, body) = streamed();
    tokio::spawn(async move {
        let _place = place;
        follow(&app, &token, after, pieces).await;
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // A proxy that buffers the response would delay events.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

/// Sends all events after `after` and then new ones, until the client disconnects, the token stops working, or the process
/// stops.
async fn follow(app: &App, token: &ServiceToken, mut after: EventId, pieces: Pieces) {
    let mut watcher = app.feed.watch(&app.db);
    let mut says = RETRY.to_owned();
    loop {
        let Ok(part) = feed::read(app, token, after, MOST).await else { return };
        // Checked after reading: a revoked token does not even receive the event of its revocation.
        if app.is_draining() || feed::still_works(app, token).await.is_err() {
            return;
        }
        let is_behind = !part.news.is_empty();
        after = part.next;
        says.extend(part.news.iter().map(frame));
        if !says.is_empty() && !matches!(tokio::time::timeout(READ_WITHIN, pieces.put(says)).await, Ok(Ok(()))) {
            return;
        }
        says = String::new();
        if !is_behind {
            tokio::select! {
                goes_on = watcher.beyond(after) => if !goes_on { return },
                () = tokio::time::sleep(HEARTBEAT) => ":\n\n".clone_into(&mut says),
                () = pieces.hung_up() => return,
            }
        }
    }
}

/// One event of the stream.
fn frame(news: &News) -> String {
    let data = serde_json::to_string(news).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", news.id, news.kind)
}

impl From<feed::Error> for Failure {
    fn from(error: feed::Error) -> Self {
        use feed::Error as E;
        let crowded = |status, code, says: &'static str| Self { retry_after: Some(5), ..Self::new(status, code, says) };
        match error {
            E::Ahead { newest } => {
                let says = format!(
                    "after is the ID of an event that does not exist yet; the newest is {newest}. If the database was restored from a backup, continue after an event that you know."
                );
                bad("after", says)
            }
            E::Crowded(Crowded::ByOne) => crowded(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "Too many requests with this token are waiting for events. Each reader needs only one.",
            ),
            E::Crowded(Crowded::ByAll) => crowded(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Too many requests are waiting for events. Try again later, or without wait.",
            ),
            E::Unauthenticated => Self::unauthenticated(),
            E::Beneath(beneath) => beneath.into(),
        }
    }
}
