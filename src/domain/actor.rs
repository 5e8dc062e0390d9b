//! Actor: who did something, from where, and in which request.

use std::net::IpAddr;

use super::id::RequestId;

/// Who did something: what an event says of it, and the activity page shows.
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
    /// The id of a token or an operator, or one of the roles below.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), from: None, request: None }
    }

    /// Whoever sits at a browser of the merchant's pages.
    pub fn merchant() -> Self {
        Self::new("merchant")
    }

    /// A store that posts to the callback.
    pub fn store() -> Self {
        Self::new("store")
    }

    /// Whoever runs the program's commands.
    pub fn cli() -> Self {
        Self::new("cli")
    }

    /// Cartkey by itself.
    pub fn cartkey() -> Self {
        Self::new("cartkey")
    }

    /// … who asked from this address, in this request.
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

    /// The address they asked from; none for what has no request.
    pub const fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// The request in which they asked.
    pub const fn request(&self) -> Option<&RequestId> {
        self.request.as_ref()
    }
}
