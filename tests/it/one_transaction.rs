//! Events are written in the transaction of the change they record: if the event cannot be written, nothing changes.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::actor::Actor;
use cartkey::domain::id::StoreId;
use cartkey::domain::scope::Scope;
use cartkey::domain::secret::Secret;
use cartkey::flow::{
    connecting::brand,
    connecting::{disconnect, links, prove},
    lending::tokens,
    operators,
    watching::watch,
    webhooks,
};
use cartkey::storage::{Db, Pools};
use serde_json::json;

use crate::callback::Callback;
use crate::database::{change, column};
use crate::operator::PASSWORD;
use crate::webhooks::receiver::Receiver;
use crate::world::World;

/// Makes the database refuse events of this kind.
async fn forbid(db: &Db, kind: &str) {
    let sql = match db.pools() {
        Pools::Sqlite { .. } => format!(
            "CREATE TRIGGER forbidden BEFORE INSERT ON events WHEN NEW.kind = '{kind}'
             BEGIN SELECT RAISE(ABORT, 'no such event'); END"
        ),
        Pools::Postgres(_) => format!(
            "CREATE OR REPLACE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION 'no such event'; END $$;
             CREATE TRIGGER forbidden BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.kind = '{kind}')
             EXECUTE FUNCTION forbid()"
        ),
    };
    change(db, &sql).await;
}

/// Makes the database accept all events again.
async fn allow(db: &Db) {
    let sql = match db.pools() {
        Pools::Sqlite { .. } => "DROP TRIGGER forbidden",
        Pools::Postgres(_) => "DROP TRIGGER forbidden ON events",
    };
    change(db, sql).await;
}

/// Every row of these tables.
async fn rows(db: &Db, tables: &[&str]) -> Vec<String> {
    let mut rows = Vec::new();
    for table in tables {
        let whole = match db.pools() {
            Pools::Postgres(_) => format!("{table}::TEXT"),
            Pools::Sqlite { .. } => {
                let each = format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')");
                column(db, &each).await.join(" || ' ' || ")
            }
        };
        rows.extend(column(db, &format!("SELECT {whole} FROM {table} ORDER BY 1")).await);
    }
    rows
}

/// Runs `act`, which returns whether it reported success. It changes `table` and writes an event of `kind`. While that event cannot
/// be written, it must not report success nor change `table` or the tables `beside`.
async fn is_told_or_not_done(
    world: &World,
    kind: &str,
    table: &str,
    beside: &[&str],
    mut act: impl AsyncFnMut() -> bool,
) {
    let db = &world.app.db;
    let beside = [beside, &["counters", "events"]].concat();
    let before = (rows(db, &[table]).await, rows(db, &beside).await);
    forbid(db, kind).await;
    assert!(!act().await, "{kind}: said to be done");
    assert_eq!((rows(db, &[table]).await, rows(db, &beside).await), before, "{kind}: something was changed");
    allow(db).await;
    world.clock.advance(Duration::from_mins(3));
    assert!(act().await, "{kind}: not done");
    assert_ne!(rows(db, &[table]).await, before.0, "{kind}: this is not the table that it changes");
    assert_eq!(world.happened(kind).await.len(), 1, "{kind}");
}

#[tokio::test]
async fn a_link_an_attempt_a_grant_and_a_store() {
    let world = World::new().await;
    let (app, by) = (&world.app, Actor::cli());
    let service = world.service("links:write").await;
    is_told_or_not_done(&world, "link.created", "links", &[], async || {
        service.post("/links", &json!({"user_id": "m"})).await.status == 201
    })
    .await;

    let (mut browser, (_, link)) = (world.merchant(), world.link("m", json!({})).await);
    let mut sent = None;
    is_told_or_not_done(&world, "attempt.begun", "attempts", &[], async || {
        let page = world.begin(&mut browser, &link).await;
        sent = page.refresh().map(|_| page);
        sent.is_some()
    })
    .await;
    let sent = sent.unwrap();
    let callback = Callback::of(&sent);
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    is_told_or_not_done(&world, "attempt.received", "grants", &["attempts"], async || {
        world.post_grant(&sent, &key, "read_write").await == 200
    })
    .await;
    is_told_or_not_done(&world, "attempt.confirmed", "attempts", &[], async || {
        browser.get(&callback.approved()).await.status == 200
    })
    .await;
    is_told_or_not_done(&world, "store.connected", "stores", &["keys"], async || {
        world.prove().await;
        let _ = prove::settle(app).await;
        browser.get(&callback.approved()).await.text().contains("is connected")
    })
    .await;

    let store: StoreId = column(&app.db, "SELECT id FROM stores").await[0].parse().unwrap();
    world.shop.revoke(key.key_id);
    is_told_or_not_done(&world, "store.unauthorized", "stores", &["check_spans"], async || {
        watch::check(app, &store, &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "store.disconnected", "stores", &["keys"], async || {
        disconnect::disconnect(app, &store, &by).await.is_ok()
    })
    .await;

    let (id, link) = world.link("m", json!({})).await;
    let denied = Callback::of(&world.begin(&mut browser, &link).await).denied();
    is_told_or_not_done(&world, "attempt.denied", "attempts", &[], async || browser.get(&denied).await.status == 200)
        .await;
    is_told_or_not_done(&world, "link.withdrawn", "links", &["attempts"], async || {
        links::withdraw(app, &id.parse().unwrap(), &by).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_token_and_a_webhook() {
    let world = World::with(&[("CARTKEY_ALLOW_PRIVATE_STORES", "true")], Switches::default()).await;
    let (app, by) = (&world.app, Actor::cli());
    let mut token = None;
    is_told_or_not_done(&world, "token.issued", "tokens", &[], async || {
        token = tokens::issue(app, tokens::NewToken::new("a", "keys:read".parse().unwrap()), &by).await.ok();
        token.is_some()
    })
    .await;
    let token = token.unwrap().0.id;
    is_told_or_not_done(&world, "token.rotated", "tokens", &[], async || {
        tokens::rotate(app, &token, Duration::from_hours(1), &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "token.revoked", "tokens", &[], async || {
        tokens::revoke(app, &token, &by).await.is_ok()
    })
    .await;

    let receiver = Receiver::new().await;
    let mut webhook = None;
    is_told_or_not_done(&world, "webhook.created", "webhooks", &[], async || {
        webhook = webhooks::add(app, receiver.new_webhook("*"), &by).await.ok();
        webhook.is_some()
    })
    .await;
    let webhook = webhook.unwrap().0.id;
    is_told_or_not_done(&world, "webhook.changed", "webhooks", &[], async || {
        webhooks::change(app, &webhook, receiver.new_webhook("token.*"), &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "webhook.secret_rotated", "webhooks", &[], async || {
        webhooks::rotate(app, &webhook, None, &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "webhook.disabled", "webhooks", &[], async || {
        webhooks::disable(app, &webhook, &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "webhook.enabled", "webhooks", &[], async || {
        webhooks::enable(app, &webhook, true, &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "webhook.deleted", "webhooks", &[], async || {
        webhooks::delete(app, &webhook, &by).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn an_operator_and_a_setting() {
    let world = World::new().await;
    let (app, by) = (&world.app, Actor::cli());
    let (name, password) = ("ann".parse().unwrap(), Secret::new(PASSWORD.to_owned()));
    is_told_or_not_done(&world, "operator.added", "operators", &[], async || {
        operators::add(app, "ann".parse().unwrap(), &password, &by).await.is_ok()
    })
    .await;
    let mut ann = crate::operator::Operator { browser: world.merchant(), name: "ann".to_owned() };
    is_told_or_not_done(&world, "operator.signed_in", "sessions", &["operators"], async || {
        ann.sign_in(PASSWORD).await.url.path() == "/admin"
    })
    .await;
    is_told_or_not_done(&world, "operator.password_changed", "operators", &["sessions"], async || {
        operators::set_password(app, &name, &password, &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "operator.removed", "operators", &["sessions"], async || {
        operators::remove(app, &name, &by).await.is_ok()
    })
    .await;
    is_told_or_not_done(&world, "settings.changed", "settings", &[], async || {
        let chosen = brand::Chosen { app_name: Some("Cups".parse().unwrap()), ..Default::default() };
        brand::choose(app, chosen, &by).await.is_ok()
    })
    .await;
}
