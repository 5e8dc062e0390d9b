//! The flow in a real Chromium over real TLS: what a merchant's browser does with our pages and headers.
//!
//! Needs Debian's `chromium` and `chromium-driver`; `scripts/test` installs them.

#![expect(clippy::unwrap_used, reason = "test code: a panic is the failure")]
#![expect(clippy::disallowed_methods, reason = "tests dial their own servers and name their own schemas")]

mod accessible;
mod accessible_by_hand;
mod accessible_merchant;
mod accessible_passwords;
mod application_password;
mod axe;
mod button;
mod chromium;
mod dashboard;
mod hostile;
mod languages;
mod pages;
mod places;
mod way_back;

#[path = "../it/database.rs"]
mod database;
#[path = "../it/described.rs"]
mod described;
#[expect(dead_code, reason = "shared with tests/it, which uses more of it")]
#[path = "../it/merchant.rs"]
mod merchant;
#[expect(dead_code, reason = "shared with tests/it, which uses more of it")]
#[path = "../it/operator.rs"]
mod operator;
#[expect(dead_code, reason = "shared with tests/it, which uses more of it")]
#[path = "../it/webhooks/receiver.rs"]
mod receiver;
#[path = "../it/sample_app.rs"]
mod sample_app;
#[expect(dead_code, reason = "shared with tests/it, which uses more of it")]
#[path = "../it/service.rs"]
mod service;
#[path = "../it/tls.rs"]
mod tls;
#[expect(dead_code, reason = "shared with tests/it, which uses more of it")]
#[path = "../it/world.rs"]
mod world;
