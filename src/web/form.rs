//! Reading a form or a query of a page.

use axum::body::Bytes;
use axum::http::StatusCode;

use crate::web::failure::{Failure, english};

/// Names and values, as a browser sends them; the first of a name counts.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a posted form.
    pub fn of_form(body: &Bytes) -> Result<Self, Failure> {
        serde_urlencoded::from_bytes(body).map(Self).map_err(|_| unreadable())
    }

    /// Reads a query.
    pub fn of_query(query: Option<&str>) -> Result<Self, Failure> {
        serde_urlencoded::from_str(query.unwrap_or_default()).map(Self).map_err(|_| unreadable())
    }

    /// Every value of `name`, in the order in which the browser sent them.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn unreadable() -> Failure {
    Failure::said(StatusCode::BAD_REQUEST, "invalid_request", english("failure-form"))
}
