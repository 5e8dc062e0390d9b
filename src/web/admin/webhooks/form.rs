//! The form of a webhook.

use crate::domain::webhook::DESCRIPTION_AT_MOST;
use crate::domain::{Kind, Network, NotWanted, Users, Wanted, Webhook, WebhookUrl};
use crate::flow::webhooks::NewWebhook;
use crate::web::form::{Form, sentence};

/// The form filled with an existing webhook.
pub fn of_webhook(webhook: &Webhook) -> Form {
    let all = webhook.wanted == Wanted::everything();
    let (groups, kinds): (Vec<&str>, Vec<&str>) = webhook.wanted.iter().partition(|one| one.ends_with(".*"));
    let fields = [
        ("url", webhook.url.as_str().to_owned()),
        ("description", webhook.description.clone()),
        ("which", if all { "all" } else { "some" }.to_owned()),
        ("kinds", if all { String::new() } else { kinds.join(", ") }),
        ("users", webhook.users.as_ref().map(ToString::to_string).unwrap_or_default()),
    ];
    let groups = groups.iter().map(|group| ("group", group.trim_end_matches(".*").to_owned()));
    Form::filled(fields.into_iter().chain(groups))
}

/// Parses the form; records errors.
pub fn new_webhook(form: &mut Form, network: Network) -> Option<NewWebhook> {
    let url = form.read("url", |url| WebhookUrl::parse(url, network));
    let fits = |text: &str| text.chars().count() <= DESCRIPTION_AT_MOST && !text.contains(char::is_control);
    let says = format!("Use at most {DESCRIPTION_AT_MOST} characters.");
    let description = form.read("description", |text| fits(text).then(|| text.to_owned()).ok_or(says));
    let wanted = wanted(form);
    let wanted = form.read("wanted", |_| wanted);
    let users = form.optional("users", |users| users.parse::<Users>().map_err(|fault| sentence(&fault)));
    let (url, description, wanted) = (url?, description?, wanted?);
    (!form.is_wrong()).then_some(NewWebhook { url, description, wanted, users })
}

fn wanted(form: &Form) -> Result<Wanted, String> {
    if !form.has("which", "some") {
        return Ok(Wanted::everything());
    }
    let groups: Vec<String> = form.all("group").map(|group| format!("{group}.*")).collect();
    if groups.is_empty() && form.value("kinds").is_empty() {
        return Err("Select at least one group, or enter an event type.".to_owned());
    }
    format!("{} {}", groups.join(" "), form.value("kinds")).parse().map_err(|fault: NotWanted| sentence(&fault))
}

/// The types of a group, without their prefix.
pub fn types_of(group: &str) -> String {
    let of_group =
        |kind: &Kind| kind.as_str().strip_prefix(group)?.strip_prefix('.').map(|rest| rest.replace('_', " "));
    Kind::ALL.iter().filter_map(of_group).collect::<Vec<_>>().join(", ")
}
