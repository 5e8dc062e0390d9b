//! Actor: who did something, from where, and in which request.

use std::net::IpAddr;

use super::id::{RequestId, TokenId};

/// Who did something, as recorded with events and shown on the activity page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    from: Option<IpAddr>,
    request: Option<RequestId>,
}

impl From<&str> for Actor {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl Actor {
    /// Creates an actor from the ID of a token or an operator, or from one of the roles below.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), from: None, request: None }
    }

    /// A visitor of the merchant's pages.
    pub fn merchant() -> Self {
        Self::new("merchant")
    }

    /// A store posting to the callback.
    pub fn store() -> Self {
        Self::new("store")
    }

    /// A user of the command line.
    pub fn cli() -> Self {
        Self::new("cli")
    }

    pub fn cartkey() -> Self {
        Self::new("cartkey")
    }

    /// Adds the address and the request.
    #[must_use]
    pub fn asking(mut self, from: IpAddr, request: Option<RequestId>) -> Self {
        self.from = Some(from);
        self.request = request;
        self
    }

    /// A token's id (`tk_…`), an operator's (`op_…`), `merchant`, `store`, `cli`, or `cartkey` itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The token, if it is one.
    pub fn token(&self) -> Option<TokenId> {
        self.name.parse().ok()
    }

    /// The client's address; `None` if there was no request.
    pub const fn from(&self) -> Option<IpAddr> {
        self.from
    }

    pub const fn request(&self) -> Option<&RequestId> {
        self.request.as_ref()
    }
}
