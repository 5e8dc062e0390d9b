//! Cartkey connects WooCommerce stores without anyone copying API keys, and lends the keys to your services.
//!
//! The rooms and which may enter which: `docs/architecture.md`.

pub mod app;
pub mod config;
pub mod domain;
pub mod flow;
pub mod storage;
pub mod telemetry;
pub mod vault;
pub mod web;
pub mod woo;
