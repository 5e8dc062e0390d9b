//! Values and rules. Nothing here does I/O, awaits, or knows another room.

pub mod accent;
pub mod activity;
pub mod actor;
pub mod attempt;
pub mod brand;
pub mod check;
pub mod entropy;
pub mod event;
pub mod grant;
pub mod id;
pub mod key;
pub mod language;
pub mod link;
pub mod news;
pub mod operator;
pub mod page;
pub mod scope;
pub mod search;
pub mod secret;
pub mod store;
pub mod store_url;
pub mod time;
pub mod token;
pub mod typed_key;
pub mod user_id;
pub mod verdict;
