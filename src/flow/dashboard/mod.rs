//! The data behind the dashboard's pages.

pub mod activity;
pub mod diagnostics;
pub mod history;
pub mod metrics;
pub mod overview;
pub mod store_list;
pub mod stores;
