//! Receive: seals what a store posts to the callback and commits it to disk before answering 200.
//!
//! This flow never sends a request to the store. The store answers its merchant's browser only after we have answered, and may have
//! no other PHP worker to answer us (docs/protocol/wc-auth.md §3.3).

use std::time::Duration;

use crate::app::App;
use crate::domain::{Actor, Grant, GrantId, KeyPair, Kind, Secret, Status, Verdict};
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::Db;
use crate::storage::attempts::{self, AttemptWithSecrets, Ending, Still};
use crate::storage::grants::{self, Kept, NewGrant};
use crate::vault::{Place, fingerprint};
use crate::woo::grant::{self, Malformed};

/// The delay of a key's first try: by then the store has our answer and has sent the browser on.
const FIRST_TRY_AFTER: Duration = Duration::from_secs(1);

/// How long a callback waits for a database that is down, locked or refuses writes. WooCommerce waits 60 s and never retries; our
/// handler is cut off after 45 s. The store deletes the key if it has no 200 by then.
const PATIENCE: Duration = Duration::from_secs(43);

/// Why a callback is refused. The store deletes the key after every refusal, so a refused grant is not stored even in part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no open attempt matches this callback")]
    Unknown,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Receives a grant. After `Ok` it is on disk. Duplicates and replays return `Ok` and change nothing.
///
/// Every step may run twice: a grant whose commit had an unknown outcome is found again on the retry.
pub async fn receive(app: &App, token: Secret, body: &[u8], actor: &Actor) -> Result<(), Error> {
    let (db, token) = (app.db.patient(PATIENCE), fingerprint(&token));
    let held = db.insist(|| attempts::by_callback(&db, &token)).await?.ok_or(Error::Unknown)?;
    let grant = grant::parse(body)?;
    // Compares fingerprints, not secrets: the timing reveals nothing about either.
    if fingerprint(&grant.state) != held.state || !held.attempt.takes_grants_at(app.now()) {
        return Err(Error::Unknown);
    }
    if grant.key_id == 0 {
        // A second approval that the store failed to save says nothing about the first, which stays.
        return if held.attempt.received_at.is_some() { Ok(()) } else { not_saved(app, &db, &held, actor).await };
    }
    keep(app, &db, &held, grant, actor).await
}

/// Seals a grant and saves it for the prover.
pub(super) async fn keep(
    app: &App,
    db: &Db,
    held: &AttemptWithSecrets,
    grant: Grant,
    actor: &Actor,
) -> Result<(), Error> {
    let attempt = &held.attempt;
    let now = app.now();
    let id = GrantId::mint(now, &app.entropy);
    // A user name is the same each time, and nothing of a password may be shown.
    let (key_fingerprint, last7) = if attempt.password_page.is_some() {
        let key_fingerprint = fingerprint(&grant.consumer_secret);
        let last7 = key_fingerprint.last7();
        (key_fingerprint, last7)
    } else {
        (fingerprint(&grant.consumer_key), grant.consumer_key.last7())
    };
    let pair = KeyPair { consumer_key: grant.consumer_key, consumer_secret: grant.consumer_secret };
    let place = Place::grant(&id, &attempt.home, &attempt.user_id);
    let sealed = app.vault.seal_pair(&app.entropy, &place, &pair);
    let new = NewGrant {
        sealed,
        attempt_id: attempt.id.clone(),
        woo_key_id: grant.key_id,
        key_fingerprint,
        last7,
        scope: grant.scope,
        received_at: now,
        received_from: actor.from().map(|from| from.to_string()).unwrap_or_default(),
        first_try_at: now.plus(FIRST_TRY_AFTER),
        id,
    };
    let event = attempt.event(Kind::AttemptReceived, now, actor);
    let kept = db.insist(|| grants::receive(db, &new, &event)).await?;
    tracing::info!(attempt.id = %attempt.id, key.last7 = %new.last7, kept = ?kept, "received a grant for {}", attempt.home.shown());
    if kept == Kept::Refused {
        return Err(Error::Unknown);
    }
    app.proving.notify_one();
    Ok(())
}

/// The store posted a key that it did not save. We answer 200 all the same: the store has nothing to delete, and only after a 200
/// does the merchant return to us and learn what to do (docs/protocol/wc-auth.md §3.3).
async fn not_saved(app: &App, db: &Db, held: &AttemptWithSecrets, actor: &Actor) -> Result<(), Error> {
    let attempt = &held.attempt;
    let ending = Ending { still: Still::Open, status: Status::Failed, reason: Verdict::KeyNotSaved };
    let event = super::ended(attempt, ending, app.now(), actor);
    if db.insist(|| attempts::end(db, &attempt.id, ending, &event)).await? {
        app.metrics.attempt_ended(ending.status, Some(ending.reason));
    }
    Ok(())
}
