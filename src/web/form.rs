//! Parses the forms and queries of pages.

use axum::body::Bytes;
use axum::http::StatusCode;

use crate::web::failure::{Failure, english};

/// Names and values as sent by the browser; if a name occurs more than once, the first value counts.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Parses a posted form.
    pub fn of_form(body: &Bytes) -> Result<Self, Failure> {
        serde_urlencoded::from_bytes(body).map(Self).map_err(|_| unreadable())
    }

    /// Parses a query.
    pub fn of_query(query: Option<&str>) -> Result<Self, Failure> {
        serde_urlencoded::from_str(query.unwrap_or_default()).map(Self).map_err(|_| unreadable())
    }

    /// All values of `name`, in the order received.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn unreadable() -> Failure {
    Failure::said(StatusCode::BAD_REQUEST, "invalid_request", english("failure-form"))
}
