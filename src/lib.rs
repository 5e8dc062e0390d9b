//! Cartkey connects WooCommerce stores without anyone copying API keys, and lends the keys to your services.
//!
//! The rooms and which may enter which: `docs/architecture.md`.

pub mod demo;
pub mod domain;
pub mod woo;
