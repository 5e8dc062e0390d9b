//! WooCommerce: requests to stores, and the interpretation of their answers.
//!
//! `http` is the program's only way to contact addresses chosen by others. `preflight` examines a store before a
//! merchant is sent there, `authorize` builds the address of the approval, `grant` parses what the store posts, `check`
//! proves a key and reports what is wrong with it. The protocol, measured: docs/protocol/wc-auth.md,
//! docs/protocol/store-answers.md.

pub mod answer;
pub mod application_password;
pub mod auth;
pub mod authorize;
pub mod check;
pub mod encode;
pub mod grant;
pub mod http;
pub mod icon;
pub mod oauth1;
pub mod preflight;
pub mod public_ip;
pub mod relay;
pub mod revocation;
pub mod rewrite;

mod approval;
mod dial;
mod elsewhere;
mod json;
mod ladder;
mod locate;
mod pool;
mod products;
mod relocation;
mod site;

#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod pool_tests;
#[cfg(test)]
mod preflight_tests;

pub use http::{Call, Client, Fault, Outgoing, Reply, Resolver};
pub use site::ACCEPT_JSON;

/// Our `User-Agent` for stores: honest, with an address where people can read about us, and without words that
/// firewalls and hosts block (docs/protocol/wc-auth.md §6, rows 28 and 29).
pub fn user_agent(public_url: &str) -> String {
    format!("Cartkey/{} (+{public_url})", env!("CARGO_PKG_VERSION"))
}
