//! The stories, in one binary. They run on SQLite, and on PostgreSQL too when `TEST_POSTGRES_URL` is set.

mod begin;
mod callback;
mod database;
mod first_story;
mod merchant;
mod pretend_store;
mod receive;
mod return_leg;
mod send;
mod service;
mod tls;
mod world;
