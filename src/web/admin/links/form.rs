//! The form of a new link: typed values and errors.

use std::time::Duration;

use crate::app::App;
use crate::domain::link::Confirm;
use crate::domain::scope::Scope;
use crate::domain::store_url::StoreUrl;
use crate::flow::connecting::links::{self, Error};
use crate::web::form::Fields;

/// The lifetimes offered: the value, minutes, label.
pub const LIVES: [(&str, u64, &str); 6] = [
    ("30m", 30, "30 minutes"),
    ("4h", 4 * 60, "4 hours"),
    ("1d", 24 * 60, "1 day"),
    ("3d", 3 * 24 * 60, "3 days"),
    ("7d", 7 * 24 * 60, "7 days"),
    ("30d", 30 * 24 * 60, "30 days"),
];

/// A field: the typed value, and its error.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The typed value.
    pub value: String,
    /// The error.
    pub wrong: Option<String>,
}

/// Typed values and errors.
#[derive(Debug, Clone, Default)]
pub struct LinkForm {
    /// The merchant.
    pub user_id: Typed,
    /// The account's name in the application.
    pub label: Typed,
    /// The store's address.
    pub store: Typed,
    /// The scope.
    pub scope: Typed,
    /// One of [`LIVES`].
    pub lives: Typed,
    /// Where to send the merchant afterwards.
    pub return_url: Typed,
}

impl LinkForm {
    /// An empty form, prefilled with the merchant and store from the query.
    pub fn blank(app: &App, query: &Fields) -> Self {
        let text = |name: &str| Typed { value: query.get(name).unwrap_or_default().to_owned(), wrong: None };
        let chosen = |value: &str| Typed { value: value.to_owned(), wrong: None };
        Self {
            user_id: text("user_id"),
            store: text("store_url"),
            scope: chosen(app.site.scope.as_str()),
            lives: chosen("1d"),
            ..Self::default()
        }
    }

    /// Reads the form.
    pub fn of(fields: &Fields) -> Self {
        let text = |name: &str| Typed { value: fields.get(name).unwrap_or_default().trim().to_owned(), wrong: None };
        Self {
            user_id: text("user_id"),
            label: text("label"),
            store: text("store"),
            scope: text("scope"),
            lives: text("lives"),
            return_url: text("return_url"),
        }
    }

    /// Whether there are errors.
    pub fn is_wrong(&self) -> bool {
        [&self.user_id, &self.label, &self.store, &self.scope, &self.lives, &self.return_url]
            .iter()
            .any(|typed| typed.wrong.is_some())
    }

    /// The parsed link and the form, or the form with errors.
    pub fn read(mut self, app: &App) -> Result<(Self, links::NewLink), Box<Self>> {
        let user_id = self.user_id.read(|text| {
            text.parse().map_err(
                |_| "Type your application’s ID for the merchant: 1 to 128 visible characters, without spaces.",
            )
        });
        let home =
            self.store.read_some(|text| StoreUrl::typed(text, app.site.network).map_err(|fault| fault.to_string()));
        let scope = self.scope.read(|text| text.parse::<Scope>().map_err(|_| "Choose the scope."));
        let lives = self.lives.read(|text| {
            let found = LIVES.iter().find(|(value, ..)| *value == text);
            found.map(|(_, minutes, _)| Duration::from_mins(*minutes)).ok_or("Choose a time from the list.")
        });
        match (self.is_wrong(), user_id, scope, lives) {
            (false, Some(user_id), Some(scope), Some(lives)) => {
                let new = links::NewLink {
                    user_id,
                    account_label: self.label.some(),
                    home,
                    store_id: None,
                    scope: Some(scope),
                    return_url: self.return_url.some(),
                    confirm: Confirm::Browser,
                    lives: Some(lives),
                };
                Ok((self, new))
            }
            _ => Err(Box::new(self)),
        }
    }

    /// The form, with the flow's error.
    pub fn refused(mut self, error: &Error) -> Self {
        let (typed, says) = match error {
            Error::Label => (&mut self.label, "Use 1 to 80 characters.".to_owned()),
            Error::ReturnNotAllowed => {
                (&mut self.return_url, "Use a web address whose origin is listed in CARTKEY_RETURN_ORIGINS.".to_owned())
            }
            _ => (&mut self.user_id, format!("{error}.")),
        };
        typed.wrong = Some(says);
        self
    }
}

impl Typed {
    /// The typed value, unless empty.
    fn some(&self) -> Option<String> {
        Some(self.value.clone()).filter(|value| !value.is_empty())
    }

    /// Parses the typed value; records the error.
    fn read<T, E: Into<String>>(&mut self, read: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        match read(&self.value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong = Some(wrong.into());
                None
            }
        }
    }

    /// The same for an optional field.
    fn read_some<T, E: Into<String>>(&mut self, read: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        if self.value.is_empty() { None } else { self.read(read) }
    }
}
