//! The form of a new token: typed values and errors.

use std::time::Duration;

use crate::domain::token::{Permission, Permissions, Users};
use crate::flow::lending::tokens::NewToken;
use crate::web::form::Fields;

/// The lifetimes offered: the value, days (`None`: no expiry), label.
pub const LIVES: [(&str, Option<u64>, &str); 5] = [
    ("30", Some(30), "30 days"),
    ("90", Some(90), "90 days"),
    ("365", Some(365), "1 year"),
    ("730", Some(730), "2 years"),
    ("never", None, "Until it is revoked"),
];

/// Typed values and errors.
#[derive(Debug, Clone)]
pub struct TokenForm {
    /// The name.
    pub name: String,
    /// See `name`.
    pub name_wrong: Option<&'static str>,
    /// The ticked permissions.
    pub allow: Vec<String>,
    /// See `allow`.
    pub allow_wrong: Option<&'static str>,
    /// One of [`LIVES`].
    pub lives: String,
    /// See `lives`.
    pub lives_wrong: Option<&'static str>,
    /// The merchants, one per line.
    pub users: String,
    /// See `users`.
    pub users_wrong: Option<String>,
}

impl Default for TokenForm {
    fn default() -> Self {
        Self {
            name: String::new(),
            name_wrong: None,
            allow: Vec::new(),
            allow_wrong: None,
            lives: "365".to_owned(),
            lives_wrong: None,
            users: String::new(),
            users_wrong: None,
        }
    }
}

impl TokenForm {
    /// Reads the form.
    pub fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).unwrap_or_default().to_owned();
        Self {
            name: text("name").trim().to_owned(),
            allow: fields.all("allow").map(str::to_owned).collect(),
            lives: text("lives"),
            users: text("users"),
            ..Self::default()
        }
    }

    /// Whether this permission is ticked.
    pub fn allows(&self, permission: Permission) -> bool {
        self.allow.iter().any(|ticked| ticked == permission.as_str())
    }

    /// Whether there are errors.
    pub fn is_wrong(&self) -> bool {
        self.name_wrong.is_some()
            || self.allow_wrong.is_some()
            || self.lives_wrong.is_some()
            || self.users_wrong.is_some()
    }

    /// The parsed token, or the form with errors.
    pub fn read(mut self) -> Result<NewToken, Box<Self>> {
        let fits = (1..=80).contains(&self.name.chars().count()) && !self.name.chars().any(char::is_control);
        self.name_wrong = (!fits).then_some("Type a name of 1 to 80 characters, such as the service’s name.");
        let permissions = self.allow.join(",").parse::<Permissions>().ok();
        self.allow_wrong = permissions.is_none().then_some("Select at least one permission.");
        let lives = LIVES.iter().find(|(value, ..)| *value == self.lives).map(|(_, days, _)| *days);
        self.lives_wrong = lives.is_none().then_some("Choose a time from the list.");
        let users = if self.users.trim().is_empty() { Ok(None) } else { self.users.parse::<Users>().map(Some) };
        self.users_wrong = users.as_ref().err().map(|fault| capital(&format!("{fault}.")));
        match (self.is_wrong(), permissions, lives, users) {
            (false, Some(permissions), Some(days), Ok(users)) => {
                let lives = days.map(|days| Duration::from_hours(24 * days));
                Ok(NewToken { users, lives, ..NewToken::new(self.name, permissions) })
            }
            _ => Err(Box::new(self)),
        }
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
