//! One line of the activity, for people.

use crate::domain::{Kind, RequestId, Time};
use crate::flow::dashboard::activity::{Entry, Happened, KeyRead};
use crate::web::admin::show::utc;

/// One line of the list.
#[derive(Debug)]
pub struct Row {
    pub at: Time,
    pub what: &'static str,
    /// The reason or detail; may be empty.
    pub why: String,
    /// The actor's name.
    pub who: String,
    /// The address of everything the actor did.
    pub who_href: String,
    /// What it concerns.
    pub about: Vec<About>,
    /// The client's address; `None` if there was no request, or it was deleted.
    pub from: Option<String>,
    pub request: Option<RequestId>,
}

/// Something that a line concerns.
#[derive(Debug)]
pub struct About {
    /// The kind of thing.
    pub what: &'static str,
    pub name: String,
    /// Its page, or the activity filtered by it.
    pub href: Option<String>,
}

impl Row {
    pub fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Event(event) => Self::of_event(event),
            Entry::Read(read) => Self::of_read(read),
        }
    }

    /// The time to the second, in UTC.
    pub fn exact(&self) -> String {
        utc(&self.at).trim_end_matches(" UTC").to_owned()
    }

    fn of_event(event: &Happened) -> Self {
        let mut about = Vec::new();
        if let (Some(id), Some(home)) = (&event.store_id, &event.store_home) {
            about.push(About::new("Store", home.shown(), format!("/admin/stores/{id}")));
        }
        if let Some(user) = &event.user_id {
            about.push(About::new("Merchant", user.as_str(), filtered("user_id", user.as_str())));
        }
        if let Some(id) = &event.attempt_id {
            about.push(About::new("Approval", short(id.as_str()), format!("/admin/attempts/{id}")));
        } else if let Some(id) = &event.link_id {
            let href = event.user_id.as_ref().map(|user| href("/admin/links", "user_id", user.as_str()));
            about.push(About { what: "Link", name: short(id.as_str()), href });
        }
        if let Some(id) = &event.token_id {
            let name = event.token_name.clone().unwrap_or_else(|| id.to_string());
            about.push(About::new("Token", &name, filtered("who", id.as_str())));
        }
        if let Some(id) = &event.webhook_id {
            about.push(About::new("Webhook", short(id.as_str()), format!("/admin/webhooks/{id}")));
        }
        // An operator who signs in is already shown as the actor.
        if let Some(id) = event.operator_id.as_ref().filter(|id| id.as_str() != event.actor) {
            let name = event.operator_name.clone().unwrap_or_else(|| id.to_string());
            about.push(About::new("Operator", &name, filtered("who", id.as_str())));
        }
        Self {
            at: event.at,
            what: event.kind.in_words(),
            why: why(event),
            who: who(&event.actor, event.actor_name.as_deref()),
            who_href: filtered("who", &event.actor),
            about,
            from: event.came_from.clone(),
            request: event.request_id.clone(),
        }
    }

    fn of_read(read: &KeyRead) -> Self {
        let mut about = Vec::new();
        if let Some(home) = &read.store_home {
            about.push(About::new("Store", home.shown(), format!("/admin/stores/{}", read.store_id)));
        }
        if let Some(user) = &read.user_id {
            about.push(About::new("Merchant", user.as_str(), filtered("user_id", user.as_str())));
        }
        Self {
            at: read.at,
            what: if read.call.is_some() { "Call to the store" } else { "Key read" },
            why: read.call.clone().unwrap_or_else(|| format!("version {}", read.key_version)),
            who: who(read.token_id.as_str(), read.token_name.as_deref()),
            who_href: filtered("who", read.token_id.as_str()),
            about,
            from: Some(read.read_from.clone()),
            request: Some(read.id.clone()),
        }
    }
}

impl About {
    fn new(what: &'static str, name: impl Into<String>, href: String) -> Self {
        Self { what, name: name.into(), href: Some(href) }
    }
}

/// The reason, unless the kind of event implies it.
fn why(event: &Happened) -> String {
    match event.kind {
        Kind::AttemptDenied | Kind::AttemptExpired => String::new(),
        _ => event.reason.as_deref().map(|reason| reason.replace('_', " ")).unwrap_or_default(),
    }
}

/// The name of the actor: that of the token or operator if known.
pub fn who(actor: &str, name: Option<&str>) -> String {
    let role = match actor {
        "merchant" => "Merchant",
        "store" => "Store",
        "cli" => "Command line",
        "cartkey" => "Cartkey",
        "nobody" => "Not signed in",
        _ => actor,
    };
    name.unwrap_or(role).to_owned()
}

/// The end of an ID, which distinguishes it from its neighbours.
pub fn short(id: &str) -> String {
    format!("…{}", &id[id.len().saturating_sub(6)..])
}

fn filtered(name: &str, value: &str) -> String {
    href("/admin/activity", name, value)
}

fn href(path: &str, name: &str, value: &str) -> String {
    format!("{path}?{}", serde_urlencoded::to_string([(name, value)]).unwrap_or_default())
}
