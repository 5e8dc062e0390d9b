//! The page that merchants see when a request cannot be served.

use askama::Template;

use super::merchant::frame::Frame;

/// A failure, told to a person: what it is and what to do next.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What stands around it.
    pub frame: Frame,
    /// What is the matter, in a few words.
    pub title: String,
    /// One or two sentences that say what to do.
    pub says: String,
    /// The next step: the button's text with `next_href`, a sentence (or nothing) without.
    pub next_label: String,
    /// Where the next step leads.
    pub next_href: Option<String>,
    /// The request's id, which is in the log too.
    pub request_id: String,
}

impl ErrorPage {
    /// A connect link that is unknown, spent or past its time; the three look alike, so that guessing tells nothing.
    pub fn link_gone(frame: Frame, request_id: &str) -> Self {
        Self {
            title: frame.say("link-gone-title").to_string(),
            says: frame.say("link-gone").to_string(),
            next_label: frame.say("link-gone-ask").with("app", frame.app()).to_string(),
            next_href: None,
            request_id: request_id.to_owned(),
            frame,
        }
    }
}
