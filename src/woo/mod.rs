//! WooCommerce only: how its stores are asked, and what their answers mean.

pub mod http;
pub mod reach;

mod dial;

pub use http::{Call, Client, Fault, Outgoing, Reply, Resolver};
