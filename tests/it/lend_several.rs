//! Lend several: the keys of up to 500 stores in one request, each recorded, in one commit.

use cartkey::flow::lending::tokens::NewToken;
use hyper::Method;
use serde_json::{Value, json};

use crate::database::{change, column};
use crate::on_record;
use crate::service::{Answer, Service};
use crate::world::World;

/// Merchants `m` and `n` are connected.
async fn connected() -> (World, Service) {
    let world = World::new().await;
    world.connect("m").await;
    world.connect("n").await;
    let service = world.service("keys:read").await;
    (world, service)
}

/// What each entry of an answer holds: the merchant whose key it is, or the code of the problem.
fn entries(answer: &Answer) -> Vec<String> {
    let entry = |entry: &Value| {
        assert_ne!(entry["keys"].is_null(), entry["problem"].is_null(), "{entry}");
        let held = if entry["keys"].is_null() { &entry["problem"]["code"] } else { &entry["keys"]["user_id"] };
        format!("{}: {}", entry["id"].as_str().unwrap(), held.as_str().unwrap())
    };
    answer.json["data"].as_array().unwrap().iter().map(entry).collect()
}

async fn with_etag(service: &Service, body: &Value, etag: &str) -> Answer {
    service.ask(Method::POST, "/keys", &[("if-none-match", etag)], body.to_string().into_bytes()).await
}

#[tokio::test]
async fn keys_of_several_merchants_are_as_those_of_one_and_recorded_in_one_commit() {
    let (world, service) = connected().await;
    let answer = service.post("/keys", &json!({"user_ids": ["n", "m", "n"]})).await;
    assert_eq!(
        (answer.status.as_u16(), entries(&answer)),
        (200, vec!["n: n".into(), "m: m".into(), "n: n".to_owned()])
    );
    assert_eq!(answer.headers["cache-control"], "no-store");
    let journal = column(&world.app.db, "SELECT CAST(n AS TEXT) FROM read_journal").await;
    assert_eq!(journal, ["3"], "one commit");
    let record = on_record::lines(&world.app.db).await;
    let of = |id: &str| record.iter().filter(|line| line.contains(id)).count();
    let ids = ["n", "m"].map(|user| {
        let of_user = |entry: &&Value| entry["keys"]["user_id"] == user;
        let data = answer.json["data"].as_array().unwrap();
        data.iter().find(of_user).unwrap()["keys"]["store_id"].as_str().unwrap().to_owned()
    });
    assert_eq!((of(&ids[0]), of(&ids[1])), (2, 1));
    let request = answer.headers["x-request-id"].to_str().unwrap();
    assert!(record[0].starts_with(request), "the first read has the ID of the request: {record:?}");
    let mut requests: Vec<&str> = record.iter().map(|line| line.split(' ').next().unwrap()).collect();
    requests.dedup();
    assert_eq!(requests.len(), 3, "each has an ID of its own");

    assert_eq!(service.get("/users/m/keys").await.ok(), answer.json["data"][1]["keys"]);
    let by_id = service.post("/keys", &json!({"store_ids": ids})).await;
    assert_eq!(by_id.json["data"][1]["keys"], answer.json["data"][1]["keys"]);
}

#[tokio::test]
async fn a_store_without_a_key_does_not_affect_the_others() {
    let (world, service) = connected().await;
    let trusted = world.trusted_service().await;
    let gone = service.get("/users/n/keys").await.text("store_id").to_owned();
    trusted.delete(&format!("/stores/{gone}")).await.ok();
    let answer = service.post("/keys", &json!({"user_ids": ["m", "n", "nobody"]})).await;
    assert_eq!(entries(&answer), ["m: m", "n: store_not_connected", "nobody: not_found"]);
    assert_eq!(answer.json["data"][1]["problem"]["status"], 409);
    assert_eq!(on_record::lines(&world.app.db).await.len(), 2, "only what was lent");
}

#[tokio::test]
async fn a_limited_token_sees_its_merchants_only() {
    let (world, all) = connected().await;
    let users = Some("m".parse().unwrap());
    let limited = world.holder(NewToken { users, ..NewToken::new("limited", "keys:read".parse().unwrap()) }).await;
    let answer = limited.post("/keys", &json!({"user_ids": ["m", "n"]})).await;
    assert_eq!(entries(&answer), ["m: m", "n: not_found"]);
    let of_n = all.get("/users/n/keys").await.text("store_id").to_owned();
    let answer = limited.post("/keys", &json!({"store_ids": [of_n]})).await;
    assert_eq!(entries(&answer), [format!("{of_n}: not_found")]);
    assert!(!answer.json.to_string().contains("ck_"));
}

#[tokio::test]
async fn a_service_that_has_the_newest_of_all_lends_nothing() {
    let (world, service) = connected().await;
    let body = json!({"user_ids": ["m", "n", "nobody"]});
    let first = service.post("/keys", &body).await;
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    let same = with_etag(&service, &body, &etag).await;
    assert_eq!((same.status.as_u16(), &same.json), (304, &Value::Null));
    assert_eq!(on_record::lines(&world.app.db).await.len(), 2);
    for other in [json!({"user_ids": ["m", "n", "no-one"]}), json!({"user_ids": ["n", "m", "nobody"]})] {
        assert_eq!(with_etag(&service, &other, &etag).await.status, 200, "{other}");
    }
    let id = first.json["data"][0]["keys"]["store_id"].clone();
    world.approved("m", json!({"store_id": id})).await;
    world.prove().await;
    let newer = with_etag(&service, &body, &etag).await;
    assert_eq!((newer.status.as_u16(), newer.json["data"][0]["keys"]["key_version"].as_i64()), (200, Some(2)));
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_leave() {
    let (world, service) = connected().await;
    change(&world.app.db, "ALTER TABLE read_journal RENAME TO gone").await;
    let refused = service.post("/keys", &json!({"user_ids": ["m", "n"]})).await;
    assert_eq!(refused.problem(), (503, "unavailable"));
    assert!(!refused.json.to_string().contains("ck_"));
}

#[tokio::test]
async fn bad_input_is_refused_with_the_name_of_its_field() {
    let (world, service) = connected().await;
    let many = |n: usize| vec!["m"; n];
    for (body, field) in [
        (json!({}), "store_ids"),
        (json!({"user_ids": ["m"], "store_ids": ["st_x"]}), "store_ids"),
        (json!({"user_ids": []}), "user_ids"),
        (json!({"user_ids": many(501)}), "user_ids"),
        (json!({"user_ids": ["m", "a b"]}), "user_ids"),
        (json!({"store_ids": ["st_x"]}), "store_ids"),
        (json!({"user_ids": "m"}), "user_ids"),
        (json!({"user_ids": ["m"], "store_ids": null}), "store_ids"),
        (json!({"user_ids": ["m"], "bogus": 1}), "bogus"),
    ] {
        let answer = service.post("/keys", &body).await;
        assert_eq!((answer.problem(), answer.text("field")), ((400, "invalid_request"), field), "{body:.60}");
        assert!(answer.text("detail").ends_with('.'), "{answer:?}");
    }
    assert_eq!(
        service.ask(Method::POST, "/keys?x=1", &[], json!({"user_ids": ["m"]}).to_string().into_bytes()).await.status,
        400
    );
    assert_eq!(on_record::lines(&world.app.db).await.len(), 0, "nothing is lent");
    let most = service.post("/keys", &json!({"user_ids": many(500)})).await;
    assert_eq!((most.status.as_u16(), entries(&most).len()), (200, 500));
    assert_eq!(on_record::lines(&world.app.db).await.len(), 500);
}
