//! The stories, in one binary. They run on SQLite, and on PostgreSQL too when `TEST_POSTGRES_URL` is set.

mod api;
mod api_stores;
mod begin;
mod callback;
mod canary;
mod database;
mod first_story;
mod floors;
mod keep;
mod lend;
mod merchant;
mod migrations;
mod pretend_store;
mod prove;
mod prove_twice;
mod receive;
mod return_leg;
mod send;
mod service;
mod tls;
mod world;
