//! Labels for the states of webhooks and deliveries.

use crate::domain::delivery::NOT_WANTED;
use crate::domain::{Delivery, DeliveryState, Webhook, WhyOff};

/// A webhook's description, or its address if that is empty.
pub fn name(webhook: &Webhook) -> String {
    if webhook.description.is_empty() { webhook.url.shown() } else { webhook.description.clone() }
}

/// A webhook's badge: class and text.
pub const fn state(webhook: &Webhook) -> (&'static str, &'static str) {
    match (webhook.disabled_why, webhook.disabled_at, webhook.failing_since) {
        (Some(WhyOff::Gone), ..) => ("bad", "Off: gone"),
        (Some(WhyOff::Failing), ..) => ("bad", "Off: failed for days"),
        (Some(WhyOff::ByHand), ..) | (None, Some(_), _) => ("quiet", "Off"),
        (None, None, Some(_)) => ("warn", "Failing"),
        (None, None, None) => ("good", "On"),
    }
}

/// Why a webhook is off, for operators.
pub const fn why_off(why: Option<WhyOff>) -> &'static str {
    match why {
        Some(WhyOff::Gone) => {
            "It answered 410 Gone, which means that the service wants no more events. If that was a mistake, fix the service, send a test, and turn the webhook on."
        }
        Some(WhyOff::Failing) => {
            "All tries of a delivery failed and nothing else was delivered for a day, or nothing was delivered for 63 hours. Fix the service, send a test, and turn the webhook on."
        }
        Some(WhyOff::ByHand) | None => "It was turned off by hand. Nothing is sent to it.",
    }
}

/// A delivery's badge: class and text.
pub fn delivery(delivery: &Delivery, is_off: bool) -> (&'static str, &'static str) {
    match delivery.state {
        DeliveryState::Waiting if is_off => ("quiet", "On hold"),
        DeliveryState::Waiting if delivery.tries == 0 => ("", "Waiting"),
        DeliveryState::Waiting => ("warn", "Will be retried"),
        DeliveryState::Delivered => ("good", "Delivered"),
        DeliveryState::Failed => ("bad", "Failed"),
        DeliveryState::Skipped if delivery.fault.as_deref() == Some(NOT_WANTED) => {
            ("quiet", "Skipped: no longer selected")
        }
        DeliveryState::Skipped => ("quiet", "Skipped"),
    }
}

/// The result of the last try.
pub fn answer(delivery: &Delivery) -> String {
    match (delivery.status, delivery.fault.as_deref()) {
        (Some(status), _) => format!("HTTP {status}"),
        (None, Some("dns_failed")) => "Host name not found".to_owned(),
        (None, Some("private_address")) => "Address is not public".to_owned(),
        (None, Some("connect_failed")) => "No response".to_owned(),
        (None, Some("tls_outdated")) => "Only outdated encryption offered".to_owned(),
        (None, Some("tls_failed")) => "Certificate not trusted".to_owned(),
        (None, Some("timed_out")) => "No response within 15 seconds".to_owned(),
        (None, Some("secret_unopenable")) => "Secret cannot be read: rotate it".to_owned(),
        (None, None | Some(NOT_WANTED)) => "–".to_owned(),
        (None, Some(_)) => "Unreadable response".to_owned(),
    }
}
