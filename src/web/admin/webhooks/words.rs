//! How webhooks and deliveries stand, in words.

use crate::domain::delivery::{Delivery, DeliveryState, NOT_WANTED};
use crate::domain::webhook::{Webhook, WhyOff};

/// What a webhook is called: as people call it, or its address.
pub fn name(webhook: &Webhook) -> String {
    if webhook.description.is_empty() { webhook.url.shown() } else { webhook.description.clone() }
}

/// How a webhook stands: the class of its badge, and its words.
pub const fn state(webhook: &Webhook) -> (&'static str, &'static str) {
    match (webhook.disabled_why, webhook.disabled_at, webhook.failing_since) {
        (Some(WhyOff::Gone), ..) => ("bad", "Off: it is gone"),
        (Some(WhyOff::Failing), ..) => ("bad", "Off: it failed for days"),
        (Some(WhyOff::ByHand), ..) | (None, Some(_), _) => ("quiet", "Off"),
        (None, None, Some(_)) => ("warn", "Failing"),
        (None, None, None) => ("good", "On"),
    }
}

/// What an operator is told about a webhook that is off.
pub const fn why_off(why: Option<WhyOff>) -> &'static str {
    match why {
        Some(WhyOff::Gone) => {
            "It answered 410 Gone, by which a service says that it wants nothing more. If that was a mistake, mend it, send a test, and turn it on."
        }
        Some(WhyOff::Failing) => {
            "A delivery failed with all its tries and nothing else arrived for a day, or nothing arrived for 63 hours. Mend the service, send a test, and turn it on."
        }
        Some(WhyOff::ByHand) | None => "Somebody turned it off. Nothing is sent to it.",
    }
}

/// How a delivery stands: the class of its badge, and its words.
pub fn delivery(delivery: &Delivery, is_off: bool) -> (&'static str, &'static str) {
    match delivery.state {
        DeliveryState::Waiting if is_off => ("quiet", "Held"),
        DeliveryState::Waiting if delivery.tries == 0 => ("", "Waiting"),
        DeliveryState::Waiting => ("warn", "To be tried again"),
        DeliveryState::Delivered => ("good", "Delivered"),
        DeliveryState::Failed => ("bad", "Failed"),
        DeliveryState::Skipped if delivery.fault.as_deref() == Some(NOT_WANTED) => {
            ("quiet", "Skipped: not wanted any more")
        }
        DeliveryState::Skipped => ("quiet", "Skipped"),
    }
}

/// A state, as the filter offers it.
pub const fn state_name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Waiting => "Waiting",
        DeliveryState::Delivered => "Delivered",
        DeliveryState::Failed => "Failed",
        DeliveryState::Skipped => "Skipped",
    }
}

/// What the last try told.
pub fn answer(delivery: &Delivery) -> String {
    match (delivery.status, delivery.fault.as_deref()) {
        (Some(status), _) => format!("HTTP {status}"),
        (None, Some("dns_failed")) => "No such name".to_owned(),
        (None, Some("private_address")) => "The address is not public".to_owned(),
        (None, Some("connect_failed")) => "Nothing answers".to_owned(),
        (None, Some("tls_failed")) => "Its certificate cannot be trusted".to_owned(),
        (None, Some("timed_out")) => "No answer in 15 seconds".to_owned(),
        (None, Some("secret_unopenable")) => "Its secret does not open: rotate it".to_owned(),
        (None, None | Some(NOT_WANTED)) => "–".to_owned(),
        (None, Some(_)) => "No answer that can be read".to_owned(),
    }
}
