//! What the activity is asked for: the filters as they were typed, read, and written into addresses again.

use std::time::Duration;

use crate::domain::activity::{Group, Position};
use crate::domain::time::Time;
use crate::flow::activity::Filter;
use crate::web::failure::Failure;
use crate::web::form::Fields;

/// The filters as they were typed, in the words of the address.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// A [`Group`].
    pub kind: String,
    /// The id of a token or an operator, or a role.
    pub who: String,
    /// A store's id.
    pub store: String,
    /// A merchant.
    pub user_id: String,
    /// A request's id.
    pub request: String,
    /// The first day, in UTC.
    pub from: String,
    /// The last day, in UTC.
    pub to: String,
}

/// What is wrong with a filter: its name, and what it must be.
pub type Wrong = (&'static str, &'static str);

const STORE: Wrong = ("store", "A store’s id begins with st_. You find it on the store’s page.");
const USER: Wrong = ("user_id", "A user_id has 1 to 128 visible characters, without spaces.");
const REQUEST: Wrong = ("request", "A request’s id begins with rq_. It stands in x-request-id of each answer.");
const FROM: Wrong = ("from", "Write the day like 2026-11-22.");
const TO: Wrong = ("to", "Write the day like 2026-11-22.");
const KIND: Wrong = ("kind", "There is no such kind of activity.");

impl Asked {
    /// Reads the address.
    pub fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).unwrap_or_default().trim().to_owned();
        Self {
            kind: text("kind"),
            who: text("who"),
            store: text("store"),
            user_id: text("user_id"),
            request: text("request"),
            from: text("from"),
            to: text("to"),
        }
    }

    /// The filter, or everything that is wrong with it.
    pub fn filter(&self) -> Result<Filter, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let to = read(&self.to, TO, &mut wrong, Time::of_date);
        let filter = Filter {
            group: read(&self.kind, KIND, &mut wrong, Group::from_text),
            store_id: read(&self.store, STORE, &mut wrong, |text| text.parse().ok()),
            user_id: read(&self.user_id, USER, &mut wrong, |text| text.parse().ok()),
            who: Some(self.who.clone()).filter(|who| !who.is_empty()),
            request_id: read(&self.request, REQUEST, &mut wrong, |text| text.parse().ok()),
            from: read(&self.from, FROM, &mut wrong, Time::of_date),
            to: to.map(|midnight| midnight.plus(Duration::from_hours(24))),
        };
        if wrong.is_empty() { Ok(filter) } else { Err(wrong) }
    }

    /// The filter, for an address that no form shows beside its fields.
    pub fn filter_or_fail(&self) -> Result<Filter, Failure> {
        self.filter().map_err(|wrong| {
            let (field, says) = wrong.first().copied().unwrap_or(KIND);
            Failure::invalid(field, says)
        })
    }

    /// Whether anything is filtered.
    pub fn is_any(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// Whether one of the filters is used that few need.
    pub fn is_detailed(&self) -> bool {
        !(self.store.is_empty() && self.user_id.is_empty() && self.request.is_empty())
    }

    /// `path` with these filters, from `position` on.
    pub fn href(&self, path: &str, position: Option<&str>) -> String {
        let mut pairs: Vec<(&str, &str)> = self.pairs().into_iter().filter(|(_, value)| !value.is_empty()).collect();
        pairs.extend(position.map(|position| ("before", position)));
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("kind", &self.kind),
            ("who", &self.who),
            ("store", &self.store),
            ("user_id", &self.user_id),
            ("request", &self.request),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }
}

/// Where the page begins; at the newest unless the address says otherwise.
pub fn position(fields: &Fields) -> Position {
    fields.get("before").and_then(|text| text.parse().ok()).unwrap_or_else(Position::newest)
}

fn read<T>(text: &str, fault: Wrong, wrong: &mut Vec<Wrong>, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    let value = parse(text);
    if value.is_none() {
        wrong.push(fault);
    }
    value
}
