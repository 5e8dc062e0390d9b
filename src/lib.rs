//! Cartkey connects WooCommerce stores without anyone copying API keys, and lends the keys to your services.
//!
//! The layers, the path of a key, and where to put something new: `docs/architecture.md`.

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
mod doctor;
pub mod domain;
mod files;
pub mod flow;
pub mod live;
pub mod serve;
pub mod storage;
pub mod telemetry;
pub mod vault;
pub mod web;
pub mod woo;

/// The version, and for a release build the commit and its date.
pub const VERSION: &str = env!("CARTKEY_VERSION");

/// Keeps this process's memory to itself: no core dump is written, and no other process of the same user may read it.
/// A system that does not allow this is left as it is.
pub fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
