//! The record of lent keys, as its readers see it, and reads and events put there directly.

use std::net::IpAddr;

use cartkey::app::App;
use cartkey::domain::actor::Actor;
use cartkey::domain::event::{Event, Kind};
use cartkey::domain::id::{AttemptId, LinkId, OperatorId, RequestId, StoreId, TokenId, WebhookId};
use cartkey::domain::time::Time;
use cartkey::flow::lending::key_reads;
use cartkey::storage::Db;
use cartkey::storage::reads::{self, KeyRead, Read, Recorder, Wanted};

/// The most that a request of a service could ever be.
const LAST: i64 = i64::MAX;

/// Every read on record, the oldest first.
pub async fn all(db: &Db) -> Vec<Read> {
    let wanted = Wanted {
        store: None,
        token: None,
        low: RequestId::least(Time::from_millis(0)),
        high: RequestId::least(Time::from_millis(LAST)),
    };
    let mut reads = reads::newest(db, &wanted, i64::MAX).await.unwrap();
    reads.reverse();
    reads
}

/// Every read on record as `request token store version address`, and the method and route of a call; the oldest first.
pub async fn lines(db: &Db) -> Vec<String> {
    let line = |read: Read| {
        let (id, token, store) =
            (RequestId::of_ulid(read.id), TokenId::of_ulid(read.token), StoreId::of_ulid(read.store));
        let call = read.call.map(|call| format!(" {call}")).unwrap_or_default();
        format!("{id} {token} {store} {} {}{call}", read.key_version, read.from)
    };
    all(db).await.into_iter().map(line).collect()
}

/// An event to be put on record, with the members that its kind always has.
pub fn event(kind: Kind, at: Time, actor: &Actor) -> Event {
    let mut event = Event::new(kind, at, actor);
    for (name, _) in kind.members().filter(|(_, always)| *always) {
        match name {
            "user_id" => event.user_id = Some("m".parse().unwrap()),
            "store_id" => event.store_id = Some(StoreId::least(at)),
            "link_id" => event.link_id = Some(LinkId::least(at)),
            "attempt_id" => event.attempt_id = Some(AttemptId::least(at)),
            "token_id" => event.token_id = Some(TokenId::least(at)),
            "operator_id" => event.operator_id = Some(OperatorId::least(at)),
            "webhook_id" => event.webhook_id = Some(WebhookId::least(at)),
            _ => event.reason = Some("key_rejected"),
        }
    }
    event
}

/// A read to be put on record.
pub fn read(id: &RequestId, at: Time, token: &TokenId, store: &StoreId) -> KeyRead {
    KeyRead {
        id: id.clone(),
        at,
        token_id: token.clone(),
        store_id: store.clone(),
        key_version: 1,
        from: IpAddr::from([192, 0, 2, 9]),
        call: None,
    }
}

/// Puts these reads on record, in commits of 200.
pub async fn put(app: &App, reads: &[KeyRead]) {
    let mut recorder = Recorder::new(app.db.clone());
    let mut revision = recorder.record(&[], 0).await.unwrap();
    for some in reads.chunks(200) {
        revision = recorder.record(some, revision).await.unwrap();
    }
}

/// Moves every read out of the journal.
pub async fn index(app: &App) {
    while key_reads::index(app, 1).await.unwrap() > 0 {}
}
