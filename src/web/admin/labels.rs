//! Labels that the dashboard shows for codes.

use std::time::Duration;

use crate::domain::{AuthMethod, Scope, Status, Store, StoreStatus, Time, Verdict};
use crate::flow::watching::watch::Pulse;
use crate::web::form::Choice;

/// Checks are behind schedule when a store has been due for longer than this.
const LATE: Duration = Duration::from_mins(5);

/// The name of an actor: of a token or an operator, or a role.
pub fn who<'a>(actor: &'a str, name: Option<&'a str>) -> &'a str {
    match (name, actor) {
        (Some(name), _) => name,
        (None, "merchant") => "the merchant's browser",
        (None, "store") => "the store",
        (None, "cli") => "the command line",
        (None, "cartkey") => "Cartkey",
        (None, other) => other,
    }
}

/// A UTC time to the minute: `2026-11-22 12:00`.
pub fn minute(time: &Time) -> String {
    time.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

pub const fn method(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Basic => "Basic: key and secret in a header",
        AuthMethod::Query => "Query string: the host removes the Authorization header",
        AuthMethod::Oauth1 => "OAuth 1.0a: plain keys do not reach WooCommerce",
        AuthMethod::Oauth1Http => "OAuth 1.0a, signed for http: the store's PHP does not see https",
        AuthMethod::ApplicationPassword => "Application password of WordPress: user name and password in a header",
    }
}

/// What a credential may do.
pub const fn granted(of: Scope, method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::ApplicationPassword => "Whatever its WordPress user may do",
        _ => scope(of),
    }
}

/// The scopes to choose from, in display order.
pub const SCOPES: [Choice<Scope>; 3] = [
    (Scope::ReadWrite.as_str(), Scope::ReadWrite, scope(Scope::ReadWrite)),
    (Scope::Read.as_str(), Scope::Read, scope(Scope::Read)),
    (Scope::Write.as_str(), Scope::Write, scope(Scope::Write)),
];

pub const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "Read",
        Scope::Write => "Write",
        Scope::ReadWrite => "Read and write",
    }
}

/// The result of a check of the store at `home`.
pub fn check_result(verdict: &Verdict, home: &str) -> String {
    match verdict {
        Verdict::Works => "The key works.".to_owned(),
        other => other.says(home),
    }
}

/// A store's state, as a sentence.
pub fn stands(store: &Store) -> String {
    match (store.status, store.reason) {
        (StoreStatus::Disconnected, _) if store.auth_method == AuthMethod::ApplicationPassword => {
            "The store was disconnected.".to_owned()
        }
        (StoreStatus::Disconnected, _) => "The store was disconnected and its secret was wiped.".to_owned(),
        (StoreStatus::Connected, None) => "The key works.".to_owned(),
        (_, Some(reason)) => reason.says(store.home.shown()),
        (StoreStatus::Unauthorized, None) => "The store rejects its key.".to_owned(),
        (StoreStatus::Unreachable, None) => "The store cannot be reached.".to_owned(),
    }
}

/// When the check due at `due` will run. Approximate, because checks are queued and spread out.
pub fn next_check(due: Time, now: Time) -> String {
    if due > now { format!("next check {}", about(due, now)) } else { "the next check is due".to_owned() }
}

/// `in about 15 min`; `in a moment`.
fn about(due: Time, now: Time) -> String {
    super::show::ago(&due, &now).replacen("in ", "in about ", 1).replace("about a moment", "a moment")
}

/// The state of the check schedule for all stores.
pub fn schedule(pulse: &Pulse, now: Time) -> Option<String> {
    let last = super::show::ago(&pulse.last?, &now);
    let next = match pulse.next? {
        due if due > now => format!("the next check is {}", about(due, now)),
        due if now.since(due) < LATE => "the next checks are due".to_owned(),
        due => format!("checks are late: the first was due {}", super::show::ago(&due, &now)),
    };
    let minutes = pulse.every.as_secs() / 60;
    let every = if minutes.is_multiple_of(60) { format!("{} h", minutes / 60) } else { format!("{minutes} min") };
    Some(format!("Stores are checked about every {every}. The last check was {last}; {next}."))
}

/// What an operator should do next about a store; `None` if there is nothing to do.
pub const fn next_step(store: &Store) -> Option<&'static str> {
    match (store.status, store.reason) {
        (StoreStatus::Connected, None) => None,
        (StoreStatus::Connected, Some(remark)) if remark.is_works() => None,
        (StoreStatus::Connected, Some(Verdict::Moved)) if store.failures == 0 => Some(
            "It still works at the old address, and services still get the key. Ask the merchant to connect the new address before the old one is switched off.",
        ),
        (StoreStatus::Connected, Some(Verdict::RateLimited)) => Some(
            "The store works but asks for fewer requests. Services still get the key, and Cartkey checks again automatically.",
        ),
        (StoreStatus::Connected, Some(_)) => {
            Some("One check failed; the problem may be temporary. Services still get the key. Check again now.")
        }
        (StoreStatus::Unauthorized, Some(Verdict::CloneSuspected)) => Some(
            "Ask the merchant which of the two their customers use. If it is the other one, create a link for that address. If it is this one, ask the merchant to correct its site address, then check again.",
        ),
        (StoreStatus::Unreachable, Some(Verdict::Moved)) => Some(
            "Create a new link so that the merchant can connect the store at its new address: a reconnect link works only for the old one. Then disconnect this store.",
        ),
        (StoreStatus::Unauthorized, Some(Verdict::KeyUnreadable)) => Some(
            "Restore the record from a backup: the next check picks it up and services can fetch the key again. Otherwise, create a reconnect link and send it to the merchant. Run “cartkey doctor --deep” to find other damaged keys.",
        ),
        (StoreStatus::Unauthorized, Some(Verdict::RoleLost)) => Some(
            "Ask the merchant to restore that person's role, then check again. Or create a reconnect link and send it to them.",
        ),
        (StoreStatus::Unauthorized, _) => Some(
            "Create a reconnect link and send it to the merchant. The store keeps its ID, and services get the new key automatically.",
        ),
        (StoreStatus::Unreachable, _) => Some(
            "There is no need to reconnect: pass this on to the merchant or their host. When the problem is fixed, check again.",
        ),
        (StoreStatus::Disconnected, _) => {
            Some("Services no longer get its key. To connect it again, create a reconnect link.")
        }
    }
}

/// An attempt's status: the badge's class and text.
pub const fn attempt(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Open => ("quiet", "Waiting for approval"),
        Status::Received => ("quiet", "Key received"),
        Status::Proving => ("quiet", "Testing the key"),
        Status::AwaitingConfirmation => ("warn", "Waiting for confirmation"),
        Status::Connected => ("good", "Connected"),
        Status::Denied => ("quiet", "Denied"),
        Status::Failed => ("bad", "Failed"),
        Status::Expired => ("quiet", "Expired"),
    }
}
