//! The query of the list of stores: parsed and written.

use super::{Scope, StoreStatus, Verdict, reason_name};
use crate::flow::dashboard::store_list::{Beside, Filter, Order, Reason};
use crate::web::admin::labels;
use crate::web::form::{self, Fields};

/// The maximum length of a search, in characters; the rest is ignored.
const LONGEST: usize = 200;
/// The value that matches any reason.
const ANY: &str = "any";

/// The sort orders in display order; the first is the default.
const SORTS: [form::Choice<Order>; 4] = [
    ("changed", Order::Changed, "Last changed"),
    ("connected", Order::Connected, "Last connected"),
    ("address", Order::Address, "Address A–Z"),
    ("unchecked", Order::Unchecked, "Longest without a check"),
];

/// A filter that is set, and the address without it.
#[derive(Debug)]
pub struct Chip {
    pub says: String,
    /// The same list without this filter.
    pub without: String,
}

#[derive(Debug)]
pub struct Choice {
    pub value: &'static str,
    pub name: String,
    pub chosen: bool,
}

/// The parsed query. Invalid parts are ignored: a truncated address still shows a list.
#[derive(Debug)]
pub struct StoreQuery {
    pub filter: Filter,
    pub sort: Order,
    /// The page's position.
    pub beside: Option<Beside>,
}

impl StoreQuery {
    pub fn read(fields: &Fields) -> Self {
        let q: String =
            fields.get("q").unwrap_or_default().trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        let filter = Filter {
            status: fields.get("status").and_then(StoreStatus::from_text),
            reason: fields.get("reason").and_then(read_reason),
            scope: fields.get("scope").and_then(|scope| scope.parse().ok()),
            q: Some(q).filter(|q| !q.is_empty()),
            ..Filter::default()
        };
        let sort = fields.chosen("sort", &SORTS).unwrap_or(Order::Changed);
        let after = fields.get("after").and_then(|cursor| Beside::read(cursor, sort, false));
        let before = fields.get("before").and_then(|cursor| Beside::read(cursor, sort, true));
        Self { filter, sort, beside: after.or(before) }
    }

    /// The search text.
    pub fn q(&self) -> &str {
        self.filter.q.as_deref().unwrap_or_default()
    }

    pub fn sort_name(&self) -> &'static str {
        SORTS.iter().find(|(_, sort, _)| *sort == self.sort).map_or("", |(.., name)| name)
    }

    pub fn is_filtered(&self) -> bool {
        self.filter != Filter::default()
    }

    /// The address of the CSV file with the same stores.
    pub fn csv_href(&self) -> String {
        address("/admin/stores.csv", &self.filter, self.sort, None)
    }

    /// The address of the page next to a store.
    pub fn beside_href(&self, beside: &Beside) -> String {
        address("/admin/stores", &self.filter, self.sort, Some(beside))
    }

    pub fn statuses(&self) -> Vec<Choice> {
        let choice = |status: StoreStatus| Choice {
            value: status.as_str(),
            name: form::capital(status.as_str()),
            chosen: self.filter.status == Some(status),
        };
        StoreStatus::ALL.map(choice).into()
    }

    pub fn reasons(&self) -> Vec<Choice> {
        let choice = |reason: Reason| Choice {
            value: reason_code(reason),
            name: called(reason),
            chosen: self.filter.reason == Some(reason),
        };
        std::iter::once(Reason::Any).chain(of_stores().map(Reason::Is)).map(choice).collect()
    }

    pub fn scopes(&self) -> Vec<Choice> {
        let choice = |scope: Scope| Choice {
            value: scope.as_str(),
            name: labels::scope(scope).to_owned(),
            chosen: self.filter.scope == Some(scope),
        };
        [Scope::Read, Scope::Write, Scope::ReadWrite].map(choice).into()
    }

    pub fn sorts(&self) -> Vec<Choice> {
        SORTS.map(|(value, sort, name)| Choice { value, name: name.to_owned(), chosen: self.sort == sort }).into()
    }

    /// The filters that are set.
    pub fn chips(&self) -> Vec<Chip> {
        let mut chips = Vec::new();
        let mut chip = |says: String, change: fn(&mut Filter)| {
            let mut filter = self.filter.clone();
            change(&mut filter);
            chips.push(Chip { says, without: address("/admin/stores", &filter, self.sort, None) });
        };
        if let Some(q) = &self.filter.q {
            chip(format!("“{q}”"), |filter| filter.q = None);
        }
        if let Some(status) = self.filter.status {
            chip(form::capital(status.as_str()), |filter| filter.status = None);
        }
        if let Some(reason) = self.filter.reason {
            chip(called(reason), |filter| filter.reason = None);
        }
        if let Some(scope) = self.filter.scope {
            chip(labels::scope(scope).to_owned(), |filter| filter.scope = None);
        }
        chips
    }
}

/// The verdicts that a store can have: those of checks and grants, not those of attempts.
fn of_stores() -> impl Iterator<Item = Verdict> {
    let of_attempts = [
        Verdict::Works,
        Verdict::KeyNotSaved,
        Verdict::ApprovalMisdirected,
        Verdict::PermalinksStale,
        Verdict::Denied,
        Verdict::NotFinished,
        Verdict::NotConfirmed,
        Verdict::Disowned,
        Verdict::ApprovedElsewhere,
        Verdict::WrongStore,
    ];
    Verdict::ALL.iter().copied().filter(move |verdict| !of_attempts.contains(verdict))
}

fn read_reason(code: &str) -> Option<Reason> {
    if code == ANY { Some(Reason::Any) } else { Verdict::from_code(code).map(Reason::Is) }
}

const fn reason_code(reason: Reason) -> &'static str {
    match reason {
        Reason::Any => ANY,
        Reason::Is(verdict) => verdict.code(),
    }
}

fn called(reason: Reason) -> String {
    match reason {
        Reason::Any => "Any reason".to_owned(),
        Reason::Is(verdict) => reason_name(verdict),
    }
}

fn address(path: &str, filter: &Filter, sort: Order, beside: Option<&Beside>) -> String {
    let mut query = Vec::new();
    query.extend(filter.q.as_deref().map(|q| ("q", q.to_owned())));
    query.extend(filter.status.map(|status| ("status", status.as_str().to_owned())));
    query.extend(filter.reason.map(|reason| ("reason", reason_code(reason).to_owned())));
    query.extend(filter.scope.map(|scope| ("scope", scope.as_str().to_owned())));
    let other = SORTS.iter().skip(1).find(|(_, other, _)| *other == sort);
    query.extend(other.map(|(code, ..)| ("sort", (*code).to_owned())));
    query.extend(beside.map(|beside| (if beside.back { "before" } else { "after" }, beside.cursor())));
    let query = serde_urlencoded::to_string(&query).unwrap_or_default();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> StoreQuery {
        StoreQuery::read(&Fields::of_query(Some(query)).unwrap())
    }

    #[test]
    fn an_address_reads_back_as_what_it_was_written_for() {
        let text = "q=Cups+%26+Plates&status=unauthorized&reason=key_rejected&scope=read&sort=address";
        let query = read(text);
        assert_eq!(query.csv_href(), format!("/admin/stores.csv?{text}"));
        let says: Vec<String> = query.chips().into_iter().map(|chip| chip.says).collect();
        assert_eq!(says, ["“Cups & Plates”", "Unauthorized", "Key rejected", "Read"]);
        let without = query.chips().remove(1).without;
        assert_eq!(without, "/admin/stores?q=Cups+%26+Plates&reason=key_rejected&scope=read&sort=address");
        let only = read("status=unreachable");
        assert_eq!(only.chips()[0].without, "/admin/stores");
    }

    #[test]
    fn what_cannot_be_read_is_as_if_it_were_not_there() {
        for text in ["status=x&reason=y&scope=z&sort=w&after=%00&before=!!&q=%20%01", "", "q=", "after=c3RfMQ"] {
            let query = read(text);
            assert!(!query.is_filtered() && query.sort == Order::Changed && query.beside.is_none(), "{text}");
        }
        let long = read(&format!("q={}", "a".repeat(1_000)));
        assert_eq!(long.q().len(), LONGEST);
    }
}
