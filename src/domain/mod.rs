//! Values and rules. No I/O, nothing async, and no dependency on other modules. Types are used as `domain::Type`.

#[macro_use]
mod names;

pub mod accent;
pub mod activity;
pub mod actor;
pub mod attempt;
pub mod brand;
pub mod calls;
pub mod check;
pub mod delivery;
pub mod entropy;
pub mod event;
pub mod grant;
pub mod icon;
pub mod id;
pub mod invisible;
pub mod key;
pub mod language;
pub mod link;
pub mod network;
pub mod news;
pub mod operator;
pub mod page;
pub mod product;
pub mod rest_base;
pub mod route;
pub mod scope;
pub mod sealed;
pub mod search;
pub mod secret;
pub mod store;
pub mod store_url;
pub mod time;
pub mod token;
mod typed_address;
pub mod typed_key;
pub mod user_id;
pub mod verdict;
pub mod webhook;

pub use accent::{Accent, NotAnAccent, Shades};
pub use activity::{Keep, NotAChoice, NotAPosition, Position};
pub use actor::Actor;
pub use attempt::{Attempt, Status};
pub use brand::{AppName, Brand, HelpLink, Logo, LogoFormat, LogoRef, NotAHelpLink, NotALogo, NotAnAppName};
pub use calls::{CallLimit, CallLimits, Namespaces, NotLimits, NotNamespaces};
pub use check::Span;
pub use delivery::{Delivery, DeliveryState};
pub use entropy::Entropy;
pub use event::{Event, Group, Kind};
pub use grant::Grant;
pub use icon::{Icon, IconUrl};
pub use id::{
    AttemptId, DeliveryId, GrantId, KeyId, LinkId, NotAnId, OperatorId, RequestId, StoreId, TokenId, WebhookId,
};
pub use key::{AuthMethod, Key, KeyPair, Standing};
pub use language::Language;
pub use link::{Confirm, Link, LinkState};
pub use network::ClientNetwork;
pub use news::{EventId, News, NotAnEventId};
pub use operator::{NotAName, Operator, OperatorName, Session, WeakPassword};
pub use rest_base::RestBase;
pub use route::{NotARoute, RefusedParameter, Route};
pub use scope::{Granted, NotAScope, Scope};
pub use sealed::Sealed;
pub use secret::{Fingerprint, Secret};
pub use store::{Reported, Store, StoreStatus};
pub use store_url::{Network, NotAStoreUrl, StoreUrl};
pub use time::{Clock, Hands, Instant, NotATime, Time};
pub use token::{NotPermissions, NotUsers, OtherUsers, Permission, Permissions, ServiceToken, TokenState, Users};
pub use typed_key::{Half, NotAHalf};
pub use user_id::{NotAUserId, UserId};
pub use verdict::{Product, Verdict};
pub use webhook::{NotAWebhookUrl, NotWanted, Wanted, Webhook, WebhookState, WebhookUrl, WhyOff};
