//! The words by which stores are found.

use super::store_list::MOST_WORDS;
use super::{Db, Error, Tx};
use crate::domain::id::StoreId;
use crate::domain::search::{self, Word};
use crate::domain::store_url::StoreUrl;
use crate::domain::user_id::UserId;

/// How often stores have this word; counted up to `most`.
pub async fn count(db: &Db, word: &Word, most: i64) -> Result<i64, Error> {
    db.read(
        "SELECT COUNT(*)
         FROM (SELECT 1 FROM store_words WHERE word >= $1 AND word < $2 LIMIT $3) AS found",
    )
    .bind(word.from())
    .bind(word.to())
    .bind(most)
    .planned_each_time()
    .value()
    .await
}

/// How many stores have all of these words, counted up to `most`; those after the first [`MOST_WORDS`] do not count.
pub async fn together(db: &Db, words: &[Word], most: i64) -> Result<i64, Error> {
    let Some((first, others)) = words.split_first() else { return Ok(0) };
    let mut query = db.read(
            "SELECT COUNT(*)
             FROM (SELECT DISTINCT store_id
                   FROM store_words AS first
                   WHERE word >= $1 AND word < $2
                     AND ($3 IS NULL OR EXISTS (SELECT 1 FROM store_words AS other
                                                WHERE other.store_id = first.store_id AND other.word >= $4 AND other.word < $5))
                     AND ($6 IS NULL OR EXISTS (SELECT 1 FROM store_words AS other
                                                WHERE other.store_id = first.store_id AND other.word >= $7 AND other.word < $8))
                     AND ($9 IS NULL OR EXISTS (SELECT 1 FROM store_words AS other
                                                WHERE other.store_id = first.store_id AND other.word >= $10 AND other.word < $11))
                     AND ($12 IS NULL OR EXISTS (SELECT 1 FROM store_words AS other
                                                 WHERE other.store_id = first.store_id AND other.word >= $13 AND other.word < $14))
                     AND ($15 IS NULL OR EXISTS (SELECT 1 FROM store_words AS other
                                                 WHERE other.store_id = first.store_id AND other.word >= $16 AND other.word < $17))
                   LIMIT $18) AS found",
        )
        .bind(first.from())
        .bind(first.to());
    for at in 0..MOST_WORDS - 1 {
        let word = others.get(at);
        query = query.bind(word.map(Word::from)).bind(word.map(Word::from)).bind(word.map(Word::to));
    }
    query.bind(most).planned_each_time().value().await
}

/// Whether a store after `after` has no words. Only reads: it may look through every store, and is asked at each start.
pub async fn is_any_wordless(db: &Db, after: &str) -> Result<bool, Error> {
    let found: Option<StoreId> = db
        .read(
            "SELECT id
             FROM stores
             WHERE id > $1 AND NOT EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id)
             ORDER BY id
             LIMIT 1",
        )
        .bind(after)
        .optional_value()
        .await?;
    Ok(found.is_some())
}

/// Gives words to the stores after `after` that have none, at most `most`, and returns the last of those: `None`
/// when there was none left.
///
/// The update that changes nothing holds the stores: who renames one in the meantime waits, and writes its words anew.
pub async fn give_words(db: &Db, after: &str, most: i64) -> Result<Option<StoreId>, Error> {
    db.transaction(|mut tx| async move {
        let mut stores: Vec<(StoreId, UserId, StoreUrl, Option<String>)> = tx
            .query(
                "UPDATE stores
                 SET name = name
                 WHERE id IN (SELECT id
                              FROM stores AS wordless
                              WHERE id > $1 AND NOT EXISTS (SELECT 1 FROM store_words WHERE store_id = wordless.id)
                              ORDER BY id
                              LIMIT $2)
                 RETURNING id, user_id, home, name",
            )
            .bind(after)
            .bind(most)
            .all()
            .await?;
        stores.sort();
        for (id, user_id, home, name) in &stores {
            rewrite(&mut tx, id, search::words(user_id, home, name.as_deref())).await?;
        }
        tx.commit(stores.pop().map(|(id, ..)| id)).await
    })
    .await
}

/// Writes the words by which a store is found, in place of those it was found by.
pub(super) async fn rewrite(
    tx: &mut Tx,
    store: &StoreId,
    words: impl IntoIterator<Item = String>,
) -> Result<(), Error> {
    tx.query("DELETE FROM store_words WHERE store_id = $1").bind(store).execute().await?;
    for word in words {
        tx.query("INSERT INTO store_words (word, store_id) VALUES ($1, $2)")
            .bind(word.into_bytes())
            .bind(store)
            .execute()
            .await?;
    }
    Ok(())
}
