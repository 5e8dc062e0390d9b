//! Parses the forms and queries of pages, and shows forms again with their errors.

use axum::body::Bytes;
use axum::http::StatusCode;

use crate::domain::Secret;
use crate::web::failure::{Failure, english};

/// Names and values as sent by the browser; if a name occurs more than once, the first value counts.
#[derive(Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Parses a posted form.
    pub fn of_form(body: &Bytes) -> Result<Self, Failure> {
        serde_urlencoded::from_bytes(body).map(Self).map_err(|_| unreadable())
    }

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

    /// The first value of `name`, which is a secret.
    pub fn secret(&self, name: &str) -> Secret {
        Secret::new(self.get(name).unwrap_or_default().to_owned())
    }

    /// The item of `choices` that `name` selects.
    pub fn chosen<T: Copy>(&self, name: &str, choices: &[Choice<T>]) -> Option<T> {
        choices.iter().find(|(known, ..)| self.get(name) == Some(known)).map(|(_, chosen, _)| *chosen)
    }

    /// The first value of `name` without surrounding spaces; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default().trim()
    }
}

fn unreadable() -> Failure {
    Failure::said(StatusCode::BAD_REQUEST, "invalid_request", english("failure-form"))
}

/// `path` with a query of the pairs that have a value.
pub fn address<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let given = pairs.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let query = serde_urlencoded::to_string(given.collect::<Vec<_>>()).unwrap_or_default();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A choice in a list: the submitted value, what it stands for, its label.
pub type Choice<T> = (&'static str, T, &'static str);

/// The error for a time that is not in its list of [`Choice`]s.
pub const A_TIME: &str = "Choose a time from the list.";

/// A form to show: its values and their errors. Fields of kind `password` are never filled in again.
#[derive(Default)]
pub struct Form {
    fields: Fields,
    wrong: Vec<(&'static str, String)>,
}

impl Form {
    /// The form as the browser sent it.
    pub const fn of(fields: Fields) -> Self {
        Self { fields, wrong: Vec::new() }
    }

    pub fn filled(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self::of(Fields(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
    }

    /// The value of a field, without surrounding spaces.
    pub fn value(&self, name: &str) -> &str {
        self.fields.text(name)
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.all(name)
    }

    /// Whether this value is chosen or ticked.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.fields.all(name).any(|chosen| chosen == value)
    }

    /// The error of a field.
    pub fn wrong(&self, name: &str) -> Option<&str> {
        self.wrong.iter().find(|(field, _)| *field == name).map(|(_, says)| says.as_str())
    }

    /// The first error, with its field.
    pub fn first_wrong(&self) -> Option<(&'static str, &str)> {
        self.wrong.first().map(|(field, says)| (*field, says.as_str()))
    }

    /// Whether any field has an error.
    pub const fn is_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// Records an error of a field.
    pub fn refuse(&mut self, name: &'static str, says: impl Into<String>) {
        self.wrong.push((name, says.into()));
    }

    /// The form with one more error.
    #[must_use]
    pub fn refused(mut self, name: &'static str, says: impl Into<String>) -> Self {
        self.refuse(name, says);
        self
    }

    /// Parses a field, or records its error.
    pub fn read<T, E: ToString>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let read = read(self.value(name)).map_err(|wrong| wrong.to_string());
        read.map_err(|wrong| self.refuse(name, wrong)).ok()
    }

    /// The same for a field that may be empty.
    pub fn optional<T, E: ToString>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.value(name).is_empty() { None } else { self.read(name, read) }
    }

    /// The selected item of `choices`; if there is none, records the error `says`.
    pub fn choose<T: Copy>(&mut self, name: &'static str, choices: &[Choice<T>], says: &str) -> Option<T> {
        let chosen = self.fields.chosen(name, choices);
        self.read(name, |_| chosen.ok_or(says))
    }
}

/// An error as a sentence.
pub fn sentence(fault: &impl ToString) -> String {
    format!("{}.", capital(&fault.to_string()))
}

/// The text with its first letter capitalised.
pub fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
