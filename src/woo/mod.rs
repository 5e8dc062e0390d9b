//! WooCommerce only: how its stores are asked, and what their answers mean.
//!
//! `http` is the only way out of this program to addresses that others chose. `preflight` looks at a store before
//! a merchant is sent there, `authorize` makes the address of the approval, `grant` reads what the store posts,
//! `check` proves a key and tells what is wrong with it. The protocol, measured: docs/protocol/wc-auth.md, docs/protocol/store-answers.md.

pub mod answer;
pub mod auth;
pub mod authorize;
pub mod check;
pub mod encode;
pub mod grant;
pub mod http;
pub mod oauth1;
pub mod parting;
pub mod preflight;
pub mod reach;

mod approval;
mod dial;
mod locate;
mod products;
mod site;
mod whereabouts;

#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod preflight_tests;

pub use http::{Call, Client, Fault, Outgoing, Reply, Resolver};

/// What we call ourselves towards stores: honest, with an address where people can read about us, and without the
/// words that firewalls and hosts dislike (docs/protocol/wc-auth.md §6, rows 28 and 29).
pub fn user_agent(public_url: &str) -> String {
    format!("Cartkey/{} (+{public_url})", env!("CARGO_PKG_VERSION"))
}
