//! Refusal: whether a store that refused a call still takes its key.

use std::sync::PoisonError;
use std::time::Duration;

use hyper::{Method, StatusCode};

use super::Error;
use crate::app::App;
use crate::domain::{Actor, StoreStatus};
use crate::flow::lending::lend::{self, Request};
use crate::flow::watching::watch;
use crate::live::lending::Lendable;
use crate::woo::answer::{self, Heard, Meaning};
use crate::woo::http::Reply;

/// How long a check holds for requests that the store may refuse for another reason.
const CHECK_HOLDS: Duration = Duration::from_secs(5);

/// What a store refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The key.
    Key,
    /// This request, or the key: an answer to HEAD does not say, and a key may lack the right to something or have lost all.
    Perhaps,
}

/// What the store refuses, if it refuses its key or may do so.
pub(super) fn refused(method: &Method, reply: &Reply) -> Option<Refused> {
    if !matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return None;
    }
    match answer::hear(reply) {
        Heard::Refused(refusal) => match refusal.meaning() {
            Meaning::AuthenticationError | Meaning::Anonymous => Some(Refused::Key),
            Meaning::RoleLost => Some(Refused::Perhaps),
            _ => None,
        },
        _ => (*method == Method::HEAD).then_some(Refused::Perhaps),
    }
}

/// Checks a store that refused its key. Succeeds if the key still works in the same way, so the refusal was about this request.
pub(super) async fn check(
    app: &App,
    request: &Request<'_>,
    lendable: &Lendable,
    refused: Refused,
) -> Result<(), Error> {
    // Without this, a service that repeats such a request would have the store checked each time.
    if refused == Refused::Perhaps && just_worked(app, lendable) {
        return Ok(());
    }
    let token = lend::token(app, request.token).await?;
    let actor = Actor::new(token.id.as_str()).asking(request.from, Some(request.id.clone()));
    let Some(looked) = watch::report(app, &lendable.store.id, &actor).await? else {
        return Err(lend::Error::NotFound.into());
    };
    let (before, now) = (&lendable.store, looked.store);
    if now.status != StoreStatus::Connected {
        return Err(lend::Error::NotConnected(now.status, now.reason).into());
    }
    let is_same =
        (before.auth_method, before.rest(), before.key_version) == (now.auth_method, now.rest(), now.key_version);
    if !is_same {
        return Err(Error::Relearned);
    }
    *lendable.worked.lock().unwrap_or_else(PoisonError::into_inner) = Some(app.clock.instant());
    Ok(())
}

/// Whether a check has found a moment ago that this key works although the store had refused a call.
fn just_worked(app: &App, lendable: &Lendable) -> bool {
    let worked = *lendable.worked.lock().unwrap_or_else(PoisonError::into_inner);
    worked.is_some_and(|at| app.clock.instant().since(at) < CHECK_HOLDS)
}
