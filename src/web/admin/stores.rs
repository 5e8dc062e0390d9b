//! The list of stores: search, filters, sorting, paging, export.

mod add;
mod csv;
mod query;

use askama::Template;
use axum::Router;
use axum::routing::get;

use super::guard::SignedIn;
use super::show::{Section, Shell};
use crate::app::App;
use crate::domain::{Scope, Store, StoreStatus, Verdict};
use crate::flow::dashboard::store_list::{self, Found};
use crate::web::failure::Failure;
use crate::web::page::Page;
use query::StoreQuery;

/// The number of stores per page.
const ROWS: usize = 50;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/stores", get(list))
        .route("/admin/stores.csv", get(csv::export))
        .route("/admin/stores/add", get(add::offer).post(add::add))
}

#[derive(Template)]
#[template(path = "admin/stores.html")]
struct StoresPage {
    shell: Shell,
    query: StoreQuery,
    rows: Vec<Store>,
    found: Found,
    previous: Option<String>,
    next: Option<String>,
}

async fn list(who: SignedIn) -> Result<Page<StoresPage>, Failure> {
    let query = StoreQuery::read(&who.query);
    let (part, found) = store_list::part(&who.app, &query.filter, query.sort, query.beside.as_ref(), ROWS).await?;
    Ok(Page(StoresPage {
        shell: who.shell(Section::Stores),
        previous: part.previous.map(|beside| query.beside_href(&beside)),
        next: part.next.map(|beside| query.beside_href(&beside)),
        rows: part.rows,
        found,
        query,
    }))
}

impl StoresPage {
    /// How many stores match, in words.
    fn count(&self) -> String {
        let s = if self.found.n == 1 && !self.found.more { "" } else { "s" };
        format!("{}{} store{s}", thousands(self.found.n), if self.found.more { "+" } else { "" })
    }

    fn is_new(&self) -> bool {
        self.found.n == 0 && !self.query.is_filtered()
    }
}

/// A number with thousands separators: `1,204`.
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let grouped: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    format!("{}{}", if n < 0 { "-" } else { "" }, grouped.join(","))
}

/// A store's own name, or its address if it has not reported one.
pub fn called(store: &Store) -> &str {
    store.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| store.home.shown())
}

/// The name of a verdict in a list of choices: its code in words.
pub fn reason_name(reason: Verdict) -> String {
    let words = reason.code().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let said = [0, 7, 999, 1_000, 1_204, 100_000, 1_234_567, -1_204].map(thousands);
        assert_eq!(said, ["0", "7", "999", "1,000", "1,204", "100,000", "1,234,567", "-1,204"]);
    }

    #[test]
    fn verdicts_have_names() {
        assert_eq!(reason_name(Verdict::KeyRejected), "Key rejected");
    }
}
