//! The form of a webhook: typed values and errors.

use crate::domain::event::Kind;
use crate::domain::store_url::Network;
use crate::domain::token::Users;
use crate::domain::webhook::{DESCRIPTION_AT_MOST, Wanted, Webhook, WebhookUrl};
use crate::flow::webhooks::{Error, NewWebhook};
use crate::web::form::Fields;

/// Typed values and errors. Not `Debug`: the address may contain a secret.
#[derive(Clone)]
pub struct Typed {
    /// The address.
    pub url: String,
    /// See `url`.
    pub url_wrong: Option<String>,
    /// The description.
    pub description: String,
    /// See `description`.
    pub description_wrong: Option<String>,
    /// Whether it wants all events.
    pub all: bool,
    /// The ticked groups, such as `store`.
    pub groups: Vec<String>,
    /// Single types.
    pub kinds: String,
    /// See `groups` and `kinds`.
    pub wanted_wrong: Option<String>,
    /// The merchants, one per line.
    pub users: String,
    /// See `users`.
    pub users_wrong: Option<String>,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            url: String::new(),
            url_wrong: None,
            description: String::new(),
            description_wrong: None,
            all: true,
            groups: Vec::new(),
            kinds: String::new(),
            wanted_wrong: None,
            users: String::new(),
            users_wrong: None,
        }
    }
}

impl Typed {
    /// Reads the form.
    pub fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).unwrap_or_default().trim().to_owned();
        Self {
            url: text("url"),
            description: text("description"),
            all: fields.get("which") != Some("some"),
            groups: fields.all("group").map(str::to_owned).collect(),
            kinds: text("kinds"),
            users: fields.get("users").unwrap_or_default().to_owned(),
            ..Self::default()
        }
    }

    /// The form filled with an existing webhook.
    pub fn of_webhook(webhook: &Webhook) -> Self {
        let all = webhook.wanted == Wanted::everything();
        let (groups, kinds): (Vec<&str>, Vec<&str>) = webhook.wanted.iter().partition(|one| one.ends_with(".*"));
        Self {
            url: webhook.url.as_str().to_owned(),
            description: webhook.description.clone(),
            all,
            groups: groups.iter().map(|group| group.trim_end_matches(".*").to_owned()).collect(),
            kinds: if all { String::new() } else { kinds.join(", ") },
            users: webhook.users.as_ref().map(ToString::to_string).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Whether this group is ticked.
    pub fn has(&self, group: &str) -> bool {
        self.groups.iter().any(|ticked| ticked == group)
    }

    /// Whether there are errors.
    pub fn is_wrong(&self) -> bool {
        self.url_wrong.is_some()
            || self.description_wrong.is_some()
            || self.wanted_wrong.is_some()
            || self.users_wrong.is_some()
    }

    /// The form, with the reason why its address was rejected.
    pub fn refused(mut self, why: &Error) -> Self {
        self.url_wrong = Some(capital(&why.to_string()));
        self
    }

    /// The parsed webhook and the form, or the form with errors.
    pub fn read(mut self, network: Network) -> Result<(Self, NewWebhook), Box<Self>> {
        let url = WebhookUrl::parse(&self.url, network);
        self.url_wrong = url.as_ref().err().map(ToString::to_string);
        let fits =
            self.description.chars().count() <= DESCRIPTION_AT_MOST && !self.description.contains(char::is_control);
        self.description_wrong = (!fits).then(|| format!("Use at most {DESCRIPTION_AT_MOST} characters."));
        let wanted = self.wanted();
        self.wanted_wrong = wanted.as_ref().err().map(|fault| format!("{}.", capital(fault)));
        let users = if self.users.trim().is_empty() { Ok(None) } else { self.users.parse::<Users>().map(Some) };
        self.users_wrong = users.as_ref().err().map(|fault| format!("{}.", capital(&fault.to_string())));
        match (url, wanted, users) {
            (Ok(url), Ok(wanted), Ok(users)) if fits => {
                let new = NewWebhook { url, description: self.description.clone(), wanted, users };
                Ok((self, new))
            }
            _ => Err(Box::new(self)),
        }
    }

    fn wanted(&self) -> Result<Wanted, String> {
        if self.all {
            return Ok(Wanted::everything());
        }
        let groups: Vec<String> = self.groups.iter().map(|group| format!("{group}.*")).collect();
        if groups.is_empty() && self.kinds.is_empty() {
            return Err("select at least one group, or enter an event type".to_owned());
        }
        format!("{} {}", groups.join(" "), self.kinds)
            .parse()
            .map_err(|fault: crate::domain::webhook::NotWanted| fault.to_string())
    }
}

/// The types of a group, without their prefix.
pub fn types_of(group: &str) -> String {
    let of_group =
        |kind: &Kind| kind.as_str().strip_prefix(group)?.strip_prefix('.').map(|rest| rest.replace('_', " "));
    Kind::ALL.iter().filter_map(of_group).collect::<Vec<_>>().join(", ")
}

/// The text with its first letter capitalised.
pub fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
