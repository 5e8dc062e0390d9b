//! `GET /api/v1/events`: the feed, in parts or as a stream of server-sent events.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, StreamExt as _};

use super::answers::{EventList, ListedEvent, Store};
use super::read::{Allowed, EventsRead, bad, limit, parameter, query};
use crate::app::App;
use crate::domain::{EventId, News, ServiceToken};
use crate::flow::Beneath;
use crate::flow::feed::{self, Crowded};
use crate::web::failure::Failure;

/// The longest time that a request may wait, in seconds.
const LONGEST: u64 = 30;
/// How often an idle stream sends a heartbeat and checks its token.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When a client should reconnect after losing its stream.
const RETRY: Duration = Duration::from_secs(2);

pub async fn read(client: Allowed<EventsRead>, parts: Parts) -> Result<Response, Failure> {
    let pairs = query(parts.uri.query(), &["after", "limit", "wait", "expand"])?;
    let expands = client.expands_stores(&pairs)?;
    let Allowed { app, token, .. } = client;
    let limit = limit(&pairs)?;
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
        return stream(&app, token, after, expands).await;
    }
    let part = match wait {
        0 => feed::read(&app, &token, after, limit).await?,
        seconds => feed::wait(&app, &token, after, limit, Duration::from_secs(seconds)).await?,
    };
    let data = listed(&app, &token, part.news, expands).await?;
    Ok(Json(EventList { data, next: part.next }).into_response())
}

/// The events as they are sent, with their stores if `expands`.
async fn listed(app: &App, token: &ServiceToken, news: Vec<News>, expands: bool) -> Result<Vec<ListedEvent>, Beneath> {
    let stores = if expands { feed::stores_of(app, token, &news).await? } else { HashMap::new() };
    let store = |event: &News| stores.get(event.data.store_id.as_ref()?).map(Store::from);
    Ok(news.into_iter().map(|event| ListedEvent { store: store(&event), event }).collect())
}

fn wants_stream(parts: &Parts) -> bool {
    let accepted = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream"))
}

async fn stream(app: &App, token: ServiceToken, after: EventId, expands: bool) -> Result<Response, Failure> {
    let follower = feed::follow(app, token, after).await?;
    let events = stream::unfold(follower, move |mut follower| async move {
        let news = follower.next(HEARTBEAT).await?;
        let news = listed(&follower.app, &follower.token, news, expands).await.ok()?;
        let heartbeat = news.is_empty().then(|| Event::default().comment(""));
        let sent: Vec<Event> = news.iter().map(event).chain(heartbeat).collect();
        Some((stream::iter(sent), follower))
    });
    let begins = stream::once(async { Event::default().retry(RETRY) });
    let events = begins.chain(events.flatten()).map(Ok::<_, Infallible>);
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that buffers the response would delay events.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Sse::new(events)).into_response())
}

fn event(listed: &ListedEvent) -> Event {
    let news = &listed.event;
    Event::default().id(news.id.to_string()).event(&news.kind).json_data(listed).unwrap_or_default()
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
