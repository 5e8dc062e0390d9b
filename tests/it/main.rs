//! The stories, in one binary. They run on SQLite, and on PostgreSQL too when `TEST_POSTGRES_URL` is set.

#![expect(clippy::unwrap_used, reason = "test code: a panic is the failure")]
#![expect(clippy::disallowed_methods, reason = "tests dial their own servers and name their own schemas")]

mod binary;
mod command_line;
mod crash;
mod database;
mod first_story;
mod merchant;
mod pretend_store;
mod process;
mod service;
mod tls;
mod world;
