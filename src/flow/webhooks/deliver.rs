//! One delivery try: signed, sent through the guarded client, and judged by the status of the answer.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};

use crate::app::App;
use crate::domain::webhook::{SCHEDULE, pause};
use crate::domain::{Actor, Delivery, DeliveryState, Event, Kind, Secret, Time, WebhookId, WebhookUrl, WhyOff};
use crate::flow::Beneath;
use crate::flow::open_vault::is_known;
use crate::storage::deliveries::{self, Disables, Kept, Tried};
use crate::storage::events;
use crate::storage::webhooks::WebhookWithSecret;
use crate::vault::{Place, Unopenable, signature};
use crate::woo::{Call, Reply};

/// The time limit for a webhook's answer.
pub const WITHIN: Duration = Duration::from_secs(15);
/// The longest `Retry-After` that is honoured.
const RETRY_AFTER_AT_MOST: Duration = Duration::from_hours(12);
/// A webhook is turned off when a delivery has failed after all its tries and nothing was delivered for this long.
const FAILING_FOR: Duration = Duration::from_hours(24);

#[derive(Debug, Clone)]
pub struct Outcome {
    pub status: Option<StatusCode>,
    /// Why there was no answer, as a stable code.
    pub fault: Option<&'static str>,
    /// The pause requested by `Retry-After`.
    pub retry_after: Option<Duration>,
    pub took: Duration,
}

impl Outcome {
    /// Whether the webhook accepted the delivery: only 2xx means so.
    pub fn is_delivered(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }

    pub fn took_ms(&self) -> i64 {
        i64::try_from(self.took.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Tries a delivery claimed until `until`, and saves the result.
pub(super) async fn deliver(
    app: &App,
    held: &WebhookWithSecret,
    delivery: &Delivery,
    until: Time,
) -> Result<(), Beneath> {
    let Some(id) = delivery.event else { return Ok(()) };
    let Some(news) = events::find(&app.db, id).await? else { return Ok(()) };
    // The webhook's filter may have changed since the delivery was created.
    if !held.webhook.is_told_of(&news) {
        tracing::info!(webhook.id = %held.webhook.id, event.id = %id, "skipped: the webhook no longer receives this event");
        return Ok(deliveries::not_wanted(&app.db, &delivery.id, until, app.now()).await?);
    }
    is_known(app, &held.secret).await?;
    let body = serde_json::to_string(&news).unwrap_or_default();
    let outcome = try_once(app, held, &id.to_string(), body).await;
    let tried = judge(app, held, delivery, &outcome);
    tracing::info!(
        webhook.id = %held.webhook.id,
        event.id = %id,
        http.status = outcome.status.map(|status| status.as_u16()),
        fault = outcome.fault,
        tries = tried.tries,
        took_ms = outcome.took_ms(),
        "delivery to {}", host(&held.webhook.url)
    );
    let kept = deliveries::tried(&app.db, delivery, until, &tried).await?;
    app.metrics.delivery(label(kept, tried.state), outcome.took);
    match kept {
        Kept::Yes => {}
        Kept::AndTurnedOff => {
            let why = tried.disables.map(|disables| disables.why.as_str());
            tracing::warn!(webhook.id = %held.webhook.id, why, "turned a webhook off");
        }
        Kept::No => tracing::info!(delivery.id = %delivery.id, "a claim expired before its delivery ended"),
    }
    Ok(())
}

/// The outcome of a try, as metrics count it.
fn label(kept: Kept, state: DeliveryState) -> &'static str {
    match (kept, state) {
        (Kept::AndTurnedOff, _) => "turned_off",
        (_, DeliveryState::Delivered) => "delivered",
        (_, DeliveryState::Failed) => "failed",
        (_, _) => "retried",
    }
}

/// Sends `body` to a webhook once. Each try has a new signature, because receivers refuse old ones.
pub async fn try_once(app: &App, held: &WebhookWithSecret, id: &str, body: String) -> Outcome {
    let (begun, instant) = (app.now(), app.clock.instant());
    let signed = secrets(app, held, begun).and_then(|secrets| signature::sign(&secrets, id, begun, &body));
    let signed = match signed {
        Ok(signed) => signed,
        // The secret is damaged, or the address was changed in the database. This counts as no answer.
        Err(error) => {
            tracing::error!(webhook.id = %held.webhook.id, %error, "the secret of a webhook does not open");
            return Outcome { status: None, fault: Some("secret_unopenable"), retry_after: None, took: Duration::ZERO };
        }
    };
    let header = |name, value: &str| Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?));
    let headers = [
        header("webhook-id", id),
        header("webhook-timestamp", &begun.seconds().to_string()),
        header("webhook-signature", &signed),
        Some((CONTENT_TYPE, HeaderValue::from_static("application/json"))),
    ];
    let call = Call {
        method: Method::POST,
        url: held.webhook.url.as_str(),
        headers: headers.into_iter().flatten().collect(),
        body: body.into_bytes(),
        within: app.deliver_within,
        at_most: 0,
    };
    let answer = app.woo.send_for_status(call).await;
    let took = app.clock.instant().since(instant);
    match answer {
        Ok(reply) => {
            Outcome { status: Some(reply.status), fault: None, retry_after: retry_after(&reply, app.now()), took }
        }
        Err(fault) => Outcome { status: None, fault: Some(fault.verdict().code()), retry_after: None, took },
    }
}

/// The decrypted secrets that sign at `now`. An old one that does not open does not prevent signing with the new one.
fn secrets(app: &App, held: &WebhookWithSecret, now: Time) -> Result<Vec<Secret>, Unopenable> {
    let id = &held.webhook.id;
    let place = Place::webhook(id, &held.webhook.url);
    let mut secrets = vec![app.vault.open_secret(&place, &held.secret)?];
    if let Some(old) = held.old_secret.as_ref().filter(|_| held.webhook.has_two_secrets(now)) {
        match app.vault.open_secret(&place, old) {
            Ok(old) => secrets.push(old),
            Err(error) if is_new_to_the_log(id) => {
                tracing::error!(webhook.id = %id, %error, "the old secret of a webhook does not open");
            }
            Err(_) => {}
        }
    }
    Ok(secrets)
}

/// Whether this process has not yet logged that this webhook's old secret does not open. It would otherwise log it at each try.
fn is_new_to_the_log(id: &WebhookId) -> bool {
    static SAID: Mutex<BTreeSet<WebhookId>> = Mutex::new(BTreeSet::new());
    SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone())
}

fn judge(app: &App, held: &WebhookWithSecret, delivery: &Delivery, outcome: &Outcome) -> Tried {
    let (now, tries) = (app.now(), delivery.tries + 1);
    let mut dice = [0];
    app.entropy.fill(&mut dice);
    let off = |why: WhyOff| {
        let event = Event::new(Kind::WebhookDisabled, now, &Actor::cartkey());
        let failing_since = held.webhook.failing_since.filter(|_| why == WhyOff::Failing);
        Disables { why, failing_since, event: event.webhook(&held.webhook.id).because_of(why.as_str()) }
    };
    let failing_for = held.webhook.failing_since.map_or(Duration::ZERO, |since| now.since(since));
    let (state, due_at, disables) = if outcome.is_delivered() {
        (DeliveryState::Delivered, None, None)
    } else if outcome.status == Some(StatusCode::GONE) {
        // The delivery waits, and continues when the webhook is turned on again.
        (DeliveryState::Waiting, Some(now), Some(off(WhyOff::Gone)))
    } else if let Some(pause) = pause(tries, dice[0]) {
        let asked = outcome.retry_after.unwrap_or_default().min(RETRY_AFTER_AT_MOST);
        // Deliveries to a hanging webhook also wait for each other, so none may ever reach its last try.
        let disables = (failing_for >= SCHEDULE).then(|| off(WhyOff::Failing));
        (DeliveryState::Waiting, Some(now.plus(pause.max(asked))), disables)
    } else {
        (DeliveryState::Failed, None, (failing_for >= FAILING_FOR).then(|| off(WhyOff::Failing)))
    };
    Tried {
        due_at,
        state,
        tries,
        status: outcome.status.map(|status| i64::from(status.as_u16())),
        fault: outcome.fault,
        took_ms: outcome.took_ms(),
        now,
        disables,
    }
}

/// The pause that a busy webhook requests, as seconds or as a date.
fn retry_after(reply: &Reply, now: Time) -> Option<Duration> {
    if !matches!(reply.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = reply.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Time::from_millis(i64::try_from(date.as_millis()).ok()?).since(now))
}

/// The host alone: the path may be secret.
fn host(url: &WebhookUrl) -> String {
    url.shown().split(['/', '?']).next().unwrap_or_default().to_owned()
}
