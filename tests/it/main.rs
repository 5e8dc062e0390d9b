//! The stories, in one binary. They run on SQLite, and on PostgreSQL too when `TEST_POSTGRES_URL` is set.

#![expect(clippy::unwrap_used, reason = "test code: a panic is the failure")]
#![expect(clippy::disallowed_methods, reason = "tests dial their own servers and name their own schemas")]

mod admin_activity;
mod admin_attempts;
mod admin_diagnostics;
mod admin_links;
mod admin_overview;
mod admin_store;
mod admin_stores;
mod admin_tokens;
mod admin_webhooks;
mod api;
mod api_stores;
mod begin;
mod binary;
mod brand;
mod callback;
mod canary;
mod check_spans;
mod command_line;
mod command_line_operator;
mod crash;
mod database;
mod feed;
mod first_story;
mod floors;
mod keep;
mod languages;
mod lend;
mod merchant;
mod migrations;
mod operator;
mod parting;
mod pretend_store;
mod process;
mod prove;
mod prove_twice;
mod reads;
mod receive;
mod return_leg;
mod second_factor;
mod send;
mod service;
mod set_up;
mod sign_in;
mod tls;
mod token_commands;
mod token_limits;
mod visitors;
mod webhook_commands;
mod webhooks;
mod withdraw;
mod world;
