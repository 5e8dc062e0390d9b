//! Support for `cartkey demo` and the tests: a pretend store and a sample application.

pub mod pretend_store;
mod run;
pub mod sample_app;

pub use run::run;
