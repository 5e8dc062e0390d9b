//! HTTP: parse, call one flow, show.

pub mod assets;
pub mod failure_page;
pub mod merchant;
pub mod page;
