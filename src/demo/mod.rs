//! What `cartkey demo` and the tests need beside the service itself.

pub mod pretend_network;
pub mod pretend_store;
mod run;
pub mod sample_app;

pub use run::run;
