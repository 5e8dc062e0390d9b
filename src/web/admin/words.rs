//! Words of the dashboard for what the program calls by codes.

use std::time::Duration;

use crate::domain::attempt::Status;
use crate::domain::key::AuthMethod;
use crate::domain::scope::Scope;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::time::Time;
use crate::domain::verdict::Verdict;
use crate::flow::watch::Pulse;

/// The watch is late when a store waits for longer than this.
const LATE: Duration = Duration::from_mins(5);

/// Who did something: what a token or an operator is called, or a role.
pub fn who<'a>(actor: &'a str, name: Option<&'a str>) -> &'a str {
    match (name, actor) {
        (Some(name), _) => name,
        (None, "merchant") => "the merchant's browser",
        (None, "store") => "the store",
        (None, "cli") => "the command line",
        (None, "cartkey") => "Cartkey by itself",
        (None, other) => other,
    }
}

/// A moment in UTC, to the minute: `2026-11-22 12:00`.
pub fn minute(time: &Time) -> String {
    time.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// How a store takes its key.
pub const fn method(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Basic => "Basic: key and secret in a header",
        AuthMethod::Query => "Query string, because its host drops the header",
        AuthMethod::Oauth1 => "OAuth 1.0a, because plain keys are dropped on the way",
        AuthMethod::Oauth1Http => "OAuth 1.0a for http, because its PHP does not see https",
    }
}

/// What a key may do.
pub const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "Read",
        Scope::Write => "Write",
        Scope::ReadWrite => "Read and write",
    }
}

/// What a check told, about the store at `home`.
pub fn told(verdict: &Verdict, home: &str) -> String {
    match verdict {
        Verdict::Works => "The key works.".to_owned(),
        other => other.says(home),
    }
}

/// How a store stands, in a sentence.
pub fn stands(store: &Store) -> String {
    match (store.status, store.reason) {
        (StoreStatus::Disconnected, _) => "It was disconnected, and its secret is wiped here.".to_owned(),
        (StoreStatus::Connected, None) => "Its key works.".to_owned(),
        (_, Some(reason)) => reason.says(store.home.shown()),
        (StoreStatus::Unauthorized, None) => "It refuses its key.".to_owned(),
        (StoreStatus::Unreachable, None) => "It cannot be asked.".to_owned(),
    }
}

/// When the next check is that is due at `due`. Not to the second: checks have their turn, and are spread a little.
pub fn next_check(due: Time, now: Time) -> String {
    if due > now { format!("next check {}", about(due, now)) } else { "next check is due".to_owned() }
}

/// `in about 15 min`; `in a moment`.
fn about(due: Time, now: Time) -> String {
    super::show::ago(&due, &now).replacen("in ", "in about ", 1).replace("about a moment", "a moment")
}

/// How the schedule goes on, over all stores.
pub fn schedule(pulse: &Pulse, now: Time) -> Option<String> {
    let last = super::show::ago(&pulse.last?, &now);
    let next = match pulse.next? {
        due if due > now => format!("the next check is {}", about(due, now)),
        due if now.since(due) < LATE => "the next checks are due".to_owned(),
        due => format!("checks are late: the first was due {}", super::show::ago(&due, &now)),
    };
    let minutes = pulse.every.as_secs() / 60;
    let every = if minutes.is_multiple_of(60) { format!("{} h", minutes / 60) } else { format!("{minutes} min") };
    Some(format!("Stores are checked about every {every}. The last was asked {last}; {next}."))
}

/// What an operator does next about a store; `None` when there is nothing to do.
pub const fn next_step(store: &Store) -> Option<&'static str> {
    match (store.status, store.reason) {
        (StoreStatus::Connected, None) => None,
        (StoreStatus::Connected, Some(remark)) if remark.is_works() => None,
        (StoreStatus::Connected, Some(Verdict::Moved)) if store.failures == 0 => Some(
            "It still works at the old address, and services still get the key. Have the merchant connect the new address before the old one is switched off.",
        ),
        (StoreStatus::Connected, Some(Verdict::RateLimited)) => Some(
            "The store works and asks us to come less often. Services still get the key; it is asked again by itself.",
        ),
        (StoreStatus::Connected, Some(_)) => {
            Some("One check failed, which may be a passing trouble: services still get the key. Check it again now.")
        }
        (StoreStatus::Unauthorized, Some(Verdict::CloneSuspected)) => Some(
            "Ask the merchant which of the two their customers use. If it is the other, make a link for that address; if it is this one, its site address must be put right, then check again.",
        ),
        (StoreStatus::Unreachable, Some(Verdict::Moved)) => Some(
            "Make a new link for the merchant, who connects the store at its new address: a reconnect link takes only the old one. Then disconnect this one.",
        ),
        (StoreStatus::Unauthorized, Some(Verdict::KeyUnreadable)) => Some(
            "Restore the record from a backup: the next check picks it up and services can fetch the key again. Otherwise make a reconnect link and send it to the merchant. Run “cartkey doctor --deep” to find other damaged keys.",
        ),
        (StoreStatus::Unauthorized, Some(Verdict::RoleLost)) => Some(
            "Ask the merchant to give that person the role back and check again, or make a reconnect link and send it to them.",
        ),
        (StoreStatus::Unauthorized, _) => Some(
            "Make a reconnect link and send it to the merchant. The store keeps its id, and services get the new key by themselves.",
        ),
        (StoreStatus::Unreachable, _) => Some(
            "Nothing needs to be connected again: pass this on to the merchant or their host. When it is mended, check again.",
        ),
        (StoreStatus::Disconnected, _) => {
            Some("Services do not get its key any more. To connect it again, make a reconnect link.")
        }
    }
}

/// How an attempt stands: the class of its badge, and its words.
pub const fn attempt(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Open => ("quiet", "Waiting for the merchant"),
        Status::Received => ("quiet", "Key received"),
        Status::Proving => ("quiet", "Key being tried"),
        Status::AwaitingConfirmation => ("warn", "Needs a confirmation"),
        Status::Connected => ("good", "Connected"),
        Status::Denied => ("quiet", "Denied"),
        Status::Failed => ("bad", "Failed"),
        Status::Expired => ("quiet", "Expired"),
    }
}
