//! The activity's query: the filters as typed, parsed, and written into URLs.

use std::time::Duration;

use crate::domain::activity::{Group, Position};
use crate::domain::time::Time;
use crate::flow::dashboard::activity::Filter;
use crate::web::failure::Failure;
use crate::web::form::Fields;

/// The filters as typed, by their names in the URL.
#[derive(Debug, Clone, Default)]
pub struct ActivityQuery {
    /// A [`Group`].
    pub kind: String,
    /// The ID of a token or an operator, or a role.
    pub who: String,
    /// A store's ID.
    pub store: String,
    /// A merchant's `user_id`.
    pub user_id: String,
    /// A request ID.
    pub request: String,
    /// The first day, in UTC.
    pub from: String,
    /// The last day, in UTC.
    pub to: String,
}

/// The name of an invalid filter, and what it must be.
pub type Wrong = (&'static str, &'static str);

const STORE: Wrong = ("store", "A store ID begins with st_. The store’s page shows it.");
const USER: Wrong = ("user_id", "A user_id must be 1 to 128 visible characters, without spaces.");
const REQUEST: Wrong = ("request", "A request ID begins with rq_. Each response has it in the x-request-id header.");
const FROM: Wrong = ("from", "Type the date as in 2026-11-22.");
const TO: Wrong = ("to", "Type the date as in 2026-11-22.");
const KIND: Wrong = ("kind", "This kind of activity does not exist.");

impl ActivityQuery {
    /// Reads the query.
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

    /// The parsed filter, or all errors.
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

    /// The parsed filter, for addresses without a form; any error is a failure.
    pub fn filter_or_fail(&self) -> Result<Filter, Failure> {
        self.filter().map_err(|wrong| {
            let (field, says) = wrong.first().copied().unwrap_or(KIND);
            Failure::invalid(field, says)
        })
    }

    /// Whether any filter is set.
    pub fn is_any(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// Whether a rarely used filter is set.
    pub fn is_detailed(&self) -> bool {
        !(self.store.is_empty() && self.user_id.is_empty() && self.request.is_empty())
    }

    /// `path` with these filters, starting at `position`.
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

/// Where the page begins; by default at the newest entry.
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
