//! SQL and nothing else. A transaction never leaves this module: whatever must be atomic is one function here.
//!
//! Every statement stands once and runs on both databases, through the one API of [`db`]. Statements are checked by running
//! them, which the stories do on both.

pub mod activity;
pub mod approvals;
pub mod attempts;
pub mod budgets;
pub mod checks;
pub mod db;
pub mod deliveries;
pub mod delivery_log;
pub mod diagnostics;
mod doubt;
mod error;
pub mod events;
mod files;
pub mod grants;
pub mod history;
pub mod host_pauses;
pub mod idempotency;
pub mod keys;
pub mod lending;
pub mod links;
mod lists;
pub mod measures;
mod open;
pub mod operators;
pub mod overview;
pub mod reads;
pub mod retention;
pub mod ring_keys;
pub mod schedule;
pub mod seals;
pub mod sessions;
pub mod settings;
mod statement;
pub mod store_list;
pub mod stores;
pub mod strangers;
mod text;
pub mod tokens;
pub mod transfer;
mod tx;
pub mod webhooks;

pub use db::{Db, Pools};
pub use error::Error;
pub use open::{Making, OpenFault, PostgresSettings};
pub use tx::{Ended, Tx, Writer};
