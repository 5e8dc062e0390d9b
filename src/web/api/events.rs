//! `GET /api/v1/events`: the feed, a part at a time, or as a stream of server-sent events.

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

/// The longest that one request may wait, in seconds.
const LONGEST: u64 = 30;
/// How often a stream on which nothing happens says that it is alive, and looks whether its token is.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client may take to read what it is sent.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// How soon a client that lost its stream asks again, in milliseconds.
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
        Some(id) => id.parse().map_err(|_| bad("after", "after must be the id of an event, or latest.".to_owned()))?,
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
    // An id that there is not is told as every other fault; later it could only be told by hanging up.
    feed::read(&app, &token, after, 1).await?;
    let (pieces, body) = streamed();
    tokio::spawn(async move {
        let _place = place;
        follow(&app, &token, after, pieces).await;
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // A proxy that gathers what it is sent would hold the news back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

/// Sends everything after `after` and then whatever happens, until nobody reads it, the token stops working, or the process
/// is told to stop.
async fn follow(app: &App, token: &ServiceToken, mut after: EventId, pieces: Pieces) {
    let mut watcher = app.feed.watch(&app.db);
    let mut says = RETRY.to_owned();
    loop {
        let Ok(part) = feed::read(app, token, after, MOST).await else { return };
        // Looked at behind the reading: a token is not even told that it was revoked.
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
                    "after names an event that has not happened; the newest is {newest}. Was the database restored from a copy? Then begin again after an event that you know."
                );
                bad("after", says)
            }
            E::Crowded(Crowded::ByOne) => crowded(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "Too many requests with this token wait for news. One is enough for each reader.",
            ),
            E::Crowded(Crowded::ByAll) => crowded(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Too many wait for news here. Ask again, or ask without wait.",
            ),
            E::Unauthenticated => Self::unauthenticated(),
            E::Beneath(beneath) => beneath.into(),
        }
    }
}
