//! kill -9 while a request with an `Idempotency-Key` is under way: a repetition does what was not done, and nothing twice.

use cartkey::storage::Db;
use hyper::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::binary::{Installation, Running, ask, client};
use crate::database::change;
use crate::process::until_async;
use crate::webhooks::receiver::Receiver;

/// POSTs under the key `k`; `None` when the process dies before it answers.
async fn post(cartkey: &Running, token: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let url = format!("http://{}/api/v1{path}", cartkey.listen);
    let headers = [("authorization", format!("Bearer {token}")), ("idempotency-key", "k".to_owned())];
    let (status, body) = ask(&client(), Method::POST, &url, &headers, &body.to_string()).await?;
    Some((status, serde_json::from_str(&body).unwrap()))
}

/// The installation's database, opened beside the service.
async fn database(here: &Installation) -> Db {
    let url = &here.settings["CARTKEY_DATABASE_URL"];
    Db::open(url).await.unwrap()
}

/// With several replicas, another one may still be doing the work of a claim until its 90 seconds are over.
async fn after_the_claim(here: &Installation) {
    if std::env::var("TEST_POSTGRES_URL").is_ok() {
        let db = database(here).await;
        change(&db, "UPDATE idempotency_keys SET claimed_until = 0").await;
        db.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_process_was_killed_before_it_changed_anything_is_carried_out_when_it_is_repeated() {
    let here = Installation::new().await;
    let token = here.token("webhooks:write");
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.holds = true);
    let mut cartkey = here.serve().await;
    let new = json!({"url": receiver.url}).to_string();
    let (status, made) = cartkey.ask(&client(), Method::POST, "/api/v1/webhooks", &token, &new).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/webhooks/{}/test", made["id"].as_str().unwrap());
    let body = json!({});
    tokio::join!(async { assert_eq!(post(&cartkey, &token, &path, &body).await, None) }, async {
        until_async(async || receiver.count() == 1).await;
        cartkey.tell(Signal::KILL);
    });
    cartkey.ended().await;
    receiver.let_go();
    let cartkey = here.serve().await;
    if std::env::var("TEST_POSTGRES_URL").is_ok() {
        let (status, problem) = post(&cartkey, &token, &path, &body).await.unwrap();
        assert_eq!((status, &problem["code"]), (409, &json!("idempotency_key_in_use")), "{problem}");
    }
    after_the_claim(&here).await;
    let (status, tested) = post(&cartkey, &token, &path, &body).await.unwrap();
    assert_eq!((status, &tested["delivered"]), (200, &json!(true)), "{tested}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_process_was_killed_after_its_work_and_before_its_answer_is_not_carried_out_again() {
    let here = Installation::new().await;
    let token = here.token("links:write");
    // Keeping the answer takes for ever: on a server until this lock is free, in a file as long as it takes to count to a trillion.
    let db = database(&here).await;
    let mut lock = None;
    if let Ok(server) = std::env::var("TEST_POSTGRES_URL") {
        let key = i64::from(std::process::id());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        sqlx::query("SELECT pg_advisory_lock($1)").bind(key).execute(&mut connection).await.unwrap();
        lock = Some(connection);
        let waits = format!(
            "CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock({key}); RAISE EXCEPTION 'too late'; END $$;
             CREATE TRIGGER waits BEFORE UPDATE OF answer ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION waits()"
        );
        change(&db, &waits).await;
    } else {
        let waits = "CREATE VIEW trillion AS
                     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT i FROM n;
                     CREATE TRIGGER waits BEFORE UPDATE OF answer ON idempotency_keys
                     BEGIN SELECT COUNT(*) FROM trillion; END";
        change(&db, waits).await;
    }
    db.close().await;
    let mut cartkey = here.serve().await;
    let new = json!({"user_id": "m"});
    let links = async |cartkey: &Running| {
        let (status, list) = cartkey.ask(&client(), Method::GET, "/api/v1/links?user_id=m", &token, "").await;
        assert_eq!(status, 200, "{list}");
        list["data"].as_array().unwrap().iter().map(|link| link["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    tokio::join!(async { assert_eq!(post(&cartkey, &token, "/links", &new).await, None) }, async {
        until_async(async || links(&cartkey).await.len() == 1).await;
        cartkey.tell(Signal::KILL);
    });
    cartkey.ended().await;
    drop(lock);
    let db = database(&here).await;
    let undo = if db.is_postgres() {
        "DROP TRIGGER waits ON idempotency_keys; DROP FUNCTION waits()"
    } else {
        "DROP TRIGGER waits; DROP VIEW trillion"
    };
    change(&db, undo).await;
    db.close().await;
    after_the_claim(&here).await;

    let cartkey = here.serve().await;
    for _ in 0..2 {
        let (status, problem) = post(&cartkey, &token, "/links", &new).await.unwrap();
        assert_eq!((status, &problem["code"]), (409, &json!("idempotency_answer_lost")), "{problem}");
        let made = links(&cartkey).await;
        assert_eq!(made.len(), 1, "it is not carried out again");
        assert_eq!(problem["related"], format!("/api/v1/links/{}", made[0]));
    }
}
