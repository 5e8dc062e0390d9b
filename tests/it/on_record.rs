//! The record of lent keys, as its readers see it, and reads put there directly.

use std::net::IpAddr;

use cartkey::app::App;
use cartkey::domain::id::{RequestId, StoreId, TokenId};
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
