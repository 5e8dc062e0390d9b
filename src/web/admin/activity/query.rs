//! The activity's query: its filters, parsed and written into URLs.

use std::time::Duration;

use crate::domain::{Group, Position, Time};
use crate::flow::dashboard::activity::Filter;
use crate::web::form::{Fields, Form, address};

/// The filters by their names in the URL: a [`Group`]; a token, operator or role; IDs; the first and the last day, in UTC.
const NAMES: [&str; 7] = ["kind", "who", "store", "user_id", "request", "from", "to"];

/// Parses the filter; records errors.
pub fn filter(form: &mut Form) -> Filter {
    let date = |text: &str| Time::of_date(text).ok_or("Type the date as in 2026-11-22.");
    let who = Some(form.value("who").to_owned());
    Filter {
        group: form.optional("kind", |text| Group::from_text(text).ok_or("This kind of activity does not exist.")),
        store_id: form.optional("store", |text| {
            text.parse().map_err(|_| "A store ID begins with st_. The store’s page shows it.")
        }),
        user_id: form.optional("user_id", |text| {
            text.parse().map_err(|_| "A user_id must be 1 to 128 visible characters, without spaces.")
        }),
        who: who.filter(|who| !who.is_empty()),
        request_id: form.optional("request", |text| {
            text.parse().map_err(|_| "A request ID begins with rq_. Each response has it in Cartkey-Request-Id.")
        }),
        from: form.optional("from", date),
        to: form.optional("to", date).map(|midnight| midnight.plus(Duration::from_hours(24))),
    }
}

/// Whether any filter is set.
pub fn is_any(form: &Form) -> bool {
    NAMES.iter().any(|name| !form.value(name).is_empty())
}

/// Whether a rarely used filter is set.
pub fn is_detailed(form: &Form) -> bool {
    ["store", "user_id", "request"].iter().any(|name| !form.value(name).is_empty())
}

/// `path` with these filters, starting at `position`.
pub fn href(form: &Form, path: &str, position: Option<&str>) -> String {
    address(path, NAMES.map(|name| (name, Some(form.value(name)))).into_iter().chain([("before", position)]))
}

/// Where the page begins; by default at the newest entry.
pub fn position(fields: &Fields) -> Position {
    fields.get("before").and_then(|text| text.parse().ok()).unwrap_or_else(Position::newest)
}
