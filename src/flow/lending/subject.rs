//! The token and the store of a request, for its log line: kept in a task-local.

use std::sync::{Arc, OnceLock};

use crate::domain::{StoreId, TokenId};

tokio::task_local! {
    static SUBJECT: Arc<Subject>;
}

/// What was learned while a request was served.
#[derive(Debug, Default)]
pub struct Subject {
    token: OnceLock<TokenId>,
    store: OnceLock<StoreId>,
}

impl Subject {
    /// The token that was presented and found valid.
    pub fn token(&self) -> Option<&str> {
        self.token.get().map(TokenId::as_str)
    }

    /// The store that was asked for.
    pub fn store(&self) -> Option<&str> {
        self.store.get().map(StoreId::as_str)
    }

    /// Sets the store, unless it is set already.
    pub fn set_store(&self, id: StoreId) {
        let _ = self.store.set(id);
    }
}

/// Runs `serving`; returns its output and what was learned.
pub async fn noted<T>(serving: impl Future<Output = T>) -> (T, Arc<Subject>) {
    let subject = Arc::<Subject>::default();
    (SUBJECT.scope(Arc::clone(&subject), serving).await, subject)
}

/// Runs `serving` in another task for the current request, and records there what it learns.
pub fn carried<T>(serving: impl Future<Output = T>) -> impl Future<Output = T> {
    SUBJECT.scope(SUBJECT.try_with(Arc::clone).unwrap_or_default(), serving)
}

/// Records the token of the current request, if there is one.
pub(super) fn is_token(id: &TokenId) {
    let _ = SUBJECT.try_with(|subject| subject.token.set(id.clone()));
}

/// Records the store of the current request, if there is one.
pub(super) fn is_store(id: &StoreId) {
    let _ = SUBJECT.try_with(|subject| subject.set_store(id.clone()));
}
