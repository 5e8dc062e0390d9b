//! The page that people see when a request cannot be served.

use askama::Template;

/// A failure, told to a person: what it is and what to do next.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Whose page this is; `None` leaves the brand line out.
    pub app_name: Option<String>,
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
    pub fn link_gone(app_name: &str, request_id: &str) -> Self {
        Self {
            app_name: Some(app_name.to_owned()),
            title: "This link no longer works".to_owned(),
            says: "Links for connecting a store work for a limited time. Check that you opened the whole link."
                .to_owned(),
            next_label: format!("Ask {app_name}, or whoever sent you the link, for a new one."),
            next_href: None,
            request_id: request_id.to_owned(),
        }
    }
}
