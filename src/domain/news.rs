//! News: an event as services receive it, identical in the feed and in webhooks.
//!
//! The type is text here, not a [`super::event::Kind`], so that a process passes on events of a newer version that runs beside
//! it.

use std::fmt;
use std::str::FromStr;

use serde::ser::{SerializeStruct as _, Serializer};

use super::{AttemptId, Kind, LinkId, OperatorId, StoreId, Time, TokenId, UserId, Users, WebhookId};

/// An event's ID: its number, padded so that IDs sort as text in the order in which events happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct EventId(i64);

impl EventId {
    /// The prefix of every event ID.
    const PREFIX: &'static str = "ev_";
    /// The number of digits: enough for three hundred years of a million events a second.
    const DIGITS: usize = 16;
    /// The position before the first event.
    pub const BEGINNING: Self = Self(0);

    /// The ID of the event with this number.
    pub const fn of_number(number: i64) -> Self {
        Self(number)
    }

    /// The number; the first event has 1.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:0digits$}", Self::PREFIX, self.0, digits = Self::DIGITS)
    }
}

impl serde::Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not an event ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an ID such as {}", EventId(42))]
pub struct NotAnEventId;

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(NotAnEventId)?;
        if digits.len() != Self::DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnEventId);
        }
        digits.parse().map(Self).map_err(|_| NotAnEventId)
    }
}

/// An event as services receive it. `related` is added when it is sent.
#[derive(Debug, Clone, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = Event)]
pub struct News {
    /// The event's ID.
    #[sqlx(rename = "seq")]
    pub id: EventId,
    /// The event's type, such as `store.connected`.
    #[schema(rename = "type")]
    #[sqlx(rename = "kind")]
    pub kind: String,
    /// When it happened.
    #[schema(rename = "timestamp")]
    pub at: Time,
    /// What the event is about, and who caused it.
    #[sqlx(flatten)]
    pub data: Data,
}

/// What an event is about, and who caused it. Members that do not apply are omitted. Client addresses are not included: only
/// operators can see them.
#[derive(Debug, Clone, Default, serde::Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = EventData)]
pub struct Data {
    /// The merchant's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_id: Option<UserId>,
    /// The store's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub store_id: Option<StoreId>,
    /// The link's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub link_id: Option<LinkId>,
    /// The attempt's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempt_id: Option<AttemptId>,
    /// The token's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub token_id: Option<TokenId>,
    /// The operator's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub operator_id: Option<OperatorId>,
    /// The webhook's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub webhook_id: Option<WebhookId>,
    /// The reason, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Who caused it: the ID of a token or an operator, or a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub actor: Option<String>,
}

impl News {
    /// Whether it is about one of these merchants. `None` means all, including events about no merchant.
    pub fn is_about_one_of(&self, users: Option<&Users>) -> bool {
        match (users, &self.data.user_id) {
            (None, _) => true,
            (Some(users), Some(user)) => users.contain(user),
            (Some(_), None) => false,
        }
    }

    /// The API path of what it is about: a store, link, webhook or token. `None` if there is nothing to see.
    pub fn related(&self) -> Option<String> {
        let Data { store_id, link_id, webhook_id, token_id, .. } = &self.data;
        let webhook_id = webhook_id.as_ref().filter(|_| self.kind != Kind::WebhookDeleted.as_str());
        let shown = [
            ("stores", store_id.as_ref().map(StoreId::as_str)),
            ("links", link_id.as_ref().map(LinkId::as_str)),
            ("webhooks", webhook_id.map(WebhookId::as_str)),
            ("tokens", token_id.as_ref().map(TokenId::as_str)),
        ];
        shown.into_iter().find_map(|(what, id)| Some(format!("/api/v1/{what}/{}", id?)))
    }
}

impl serde::Serialize for News {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Event", 5)?;
        event.serialize_field("id", &self.id)?;
        event.serialize_field("type", &self.kind)?;
        event.serialize_field("timestamp", &self.at)?;
        event.serialize_field("data", &self.data)?;
        match self.related() {
            Some(related) => event.serialize_field("related", &related)?,
            None => event.skip_field("related")?,
        }
        event.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_sort_as_text_in_the_order_of_their_numbers() {
        let numbers = [0, 1, 9, 10, 99, 1_000_000, 9_999_999_999_999_999];
        let texts: Vec<String> = numbers.iter().map(|number| EventId(*number).to_string()).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        for (number, text) in numbers.iter().zip(&texts) {
            assert_eq!(text.parse(), Ok(EventId(*number)));
        }
        assert_eq!(texts[2], "ev_0000000000000009");
        for bad in ["", "ev_", "9", "ev_9", "ev_00000000000000009", "EV_0000000000000009", "ev_+000000000000009"] {
            assert_eq!(bad.parse::<EventId>(), Err(NotAnEventId), "{bad}");
        }
    }

    #[test]
    fn what_there_is_nothing_to_say_of_is_left_out() {
        let data = Data { user_id: Some("m-1".parse().unwrap()), actor: Some("cli".to_owned()), ..Data::default() };
        let mut news = News { id: EventId(42), kind: "link.created".to_owned(), at: Time::from_millis(0), data };
        assert_eq!(
            serde_json::to_string(&news).unwrap(),
            r#"{"id":"ev_0000000000000042","type":"link.created","timestamp":"1970-01-01T00:00:00.000Z","data":{"user_id":"m-1","actor":"cli"}}"#
        );
        let (link, store) = (LinkId::least(Time::from_millis(0)), StoreId::least(Time::from_millis(0)));
        news.data.webhook_id = Some(WebhookId::least(Time::from_millis(0)));
        assert!(news.related().is_some_and(|path| path.starts_with("/api/v1/webhooks/wh_")));
        news.kind = "webhook.deleted".to_owned();
        assert_eq!(news.related(), None);
        news.data.link_id = Some(link.clone());
        assert_eq!(news.related(), Some(format!("/api/v1/links/{link}")));
        news.data.store_id = Some(store.clone());
        assert_eq!(news.related(), Some(format!("/api/v1/stores/{store}")));
    }
}
