//! Migrations: portable, append-only, tried with data; and a newer database is left alone.

use std::collections::BTreeSet;
use std::fs;
use std::str::FromStr as _;

use cartkey::domain::actor::Actor;
use cartkey::domain::event::{Event, Kind};
use cartkey::domain::key::Standing;
use cartkey::domain::time::Time;
use cartkey::flow::reads::{self, OfToken};
use cartkey::flow::store_list::{self, Filter, Order};
use cartkey::flow::{history, tokens, words};
use cartkey::storage::Pools;
use cartkey::storage::{Db, events};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, SqlitePool};

use crate::database::{change, column, fresh};
use crate::world::World;

/// The SHA-256 of every migration that was ever released. Never change a line: add a migration, and its line here.
const RELEASED: &[(&str, &str)] = &[
    ("0001_initial.sql", "23b12847b64b618bfbe82ec2df3d75b1b0c7ce7ff5bf89f513d41e64ba9e7b88"),
    ("0002_dashboard.sql", "a72ff163a3f371ec8ec9c7553376c7fb61f94c01abd60c88bf720eb5b285b01a"),
    ("0003_watch.sql", "c01fc941be823de7d64e9560b6771ee770938f3c0e35e7b2e68e038c3ba3ecfc"),
    ("0004_webhooks.sql", "ce9609230fd2c2ce984540278a65df7a279a37fc5b665515161e890a67c98fc0"),
    ("0005_adopt.sql", "45c62971368457fae1dbc9d35ce8a7aa56e855d28b1f34c243efe1fc60fcddf7"),
    ("0006_probe.sql", "7d3a5e039a008500ee0f539a06104ee6bd956d093cc7a9fb4a0dbe5a2ca3471f"),
    ("0007_admission.sql", "39ae4bb07a192c928d9178248df256470cf0f45fb5cd16c265011ffa6b26e654"),
];

/// What both databases know by these names, and keep alike.
const PORTABLE: [&str; 4] = ["TEXT", "BIGINT", "BOOLEAN", "BYTEA"];

/// One row for each table of the first migration, every column filled, as a running Cartkey of that time might have left
/// them; in an order that foreign keys allow.
const OLD_SAMPLE: &str = "
INSERT INTO installation (one, instance, created_at) VALUES (1, 'i', 1);
INSERT INTO ring_keys (id, proof) VALUES ('k1', 'proof');
UPDATE counters SET n = 1 WHERE name = 'event';
INSERT INTO tokens (id, name, fingerprint, permissions, created_at, expires_at, revoked_at)
VALUES ('tk_1', 'Shipping', 'f1', 'keys:read', 1, 2, 3);
INSERT INTO stores (id, user_id, home, name, status, reason, scope, woo_key_id, key_last7, key_version, auth_method,
                    woocommerce_version, wordpress_version, connected_at, checked_at, changed_at)
VALUES ('st_1', 'm', 'https://shop.example', 'Shop', 'connected', 'noisy_answer', 'read', 7, 'abcdefg', 1, 'basic',
        '11.0.1', '7.0.4', 1, 2, 3);
INSERT INTO keys (id, store_id, version, woo_key_id, last7, scope, auth_method, sealed, issued_at, retired_at)
VALUES ('ky_1', 'st_1', 1, 7, 'abcdefg', 'read', 'basic', 'sealed', 1, NULL);
INSERT INTO links (id, fingerprint, user_id, account_label, home, store_id, scope, return_url, confirm, made_by,
                   created_at, expires_at)
VALUES ('ln_1', 'f2', 'm', 'Ann', 'https://shop.example', 'st_1', 'read', 'https://app.example', 'app', 'tk_1', 1, 2);
INSERT INTO attempts (id, link_id, user_id, account_label, home, scope, confirm, return_url, wanted_store, state,
                      callback, browser, begun_from, status, reason, created_at, expires_at, received_at, returned_at,
                      elsewhere_at, confirmed_at, confirm_code, confirm_code_until, ended_at, store_id)
VALUES ('at_1', 'ln_1', 'm', 'Ann', 'https://shop.example', 'read', 'app', 'https://app.example', 'st_1', 's', 'c',
        'b', '192.0.2.1', 'connected', 'noisy_answer', 1, 2, 3, 4, 5, 6, 'code', 7, 8, 'st_1');
INSERT INTO grants (id, attempt_id, woo_key_id, key_fingerprint, last7, scope, sealed, received_at, received_from, state,
                    tries, next_try_at, claimed_until, verdict, auth_method, proven_scope, name, woocommerce_version,
                    wordpress_version)
VALUES ('gr_1', 'at_1', 7, 'f3', 'abcdefg', 'read', 'sealed', 1, '192.0.2.1', 'proven', 1, 2, 0, 'works', 'basic',
        'read', 'Shop', '11.0.1', '7.0.4');
INSERT INTO events (seq, kind, at, actor, user_id, store_id, link_id, attempt_id, token_id, reason)
VALUES (1, 'store.connected', 1, 'merchant', 'm', 'st_1', 'ln_1', 'at_1', 'tk_1', 'noisy_answer');
INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from)
VALUES ('rq_1', 1, 'tk_1', 'st_1', 1, '192.0.2.1');
";

/// The same for what came later, after the old sample.
const SAMPLE: &str = "
UPDATE tokens SET users = 'm', successor = 'tk_1';
UPDATE links SET withdrawn_at = 1;
UPDATE stores SET check_at = 1, failures = 1, moved_to = 'https://www.shop.example', asked = 'read';
UPDATE events SET operator_id = 'op_1', came_from = '192.0.2.1', request_id = 'rq_1';
UPDATE keys SET parting = 'sealed', ask_at = 1, asked_at = 2, told = 'secret_rejected', revoked_at = 3;
INSERT INTO operators (id, name, password, second_factor, second_factor_step, created_at, password_at, signed_in_at, removed_at)
VALUES ('op_1', 'ann', 'hash', 'sealed', 1, 1, 2, 3, 4);
INSERT INTO recovery_codes (operator_id, fingerprint) VALUES ('op_1', 'f4');
INSERT INTO sessions (fingerprint, operator_id, verified, created_at, seen_at, expires_at, came_from)
VALUES ('f5', 'op_1', TRUE, 1, 2, 3, '192.0.2.1');
INSERT INTO setup_links (fingerprint, expires_at) VALUES ('f6', 1);
INSERT INTO throttles (subject, since, n) VALUES ('name ann', 1, 1);
INSERT INTO settings (name, value) VALUES ('app_name', 'Acme');
INSERT INTO logo (one, media_type, bytes, hash) VALUES (1, 'image/png', 'png', 'h');
INSERT INTO read_days (day, token_id, n) VALUES (1, 'tk_1', 1);
INSERT INTO check_spans (store_id, began_at, last_at, verdict, n) VALUES ('st_1', 1, 2, 'works', 3);
INSERT INTO store_words (word, store_id) VALUES ('shop', 'st_1');
";

/// The same for webhooks.
pub const WEBHOOKS_SAMPLE: &str = "
UPDATE events SET webhook_id = 'wh_1';
INSERT INTO webhooks (id, url, description, wanted, users, secret, old_secret, old_until, cursor, replay_after, replay_to,
                      replay_all, created_at, succeeded_at, failing_since, disabled_at, disabled_why, deleted_at)
VALUES ('wh_1', 'https://app.example/hook', 'Shipping', '*', 'm', 'sealed', 'sealed', 1, 1, 1, 1, TRUE, 1, 2, 3, 4, 'gone',
        5);
INSERT INTO deliveries (id, webhook_id, event, kind, state, made_at, due_at, tries, tried_at, ended_at, status, fault,
                        took_ms)
VALUES ('dl_1', 'wh_1', 1, 'store.connected', 'failed', 1, 2, 3, 4, 5, 500, 'timed_out', 6);
";

/// The same for admission.
const ADMISSION_SAMPLE: &str = "
INSERT INTO budgets (subject, full_at) VALUES ('connect 192.0.2.1', 1);
INSERT INTO attempt_days (day, status, reason, n) VALUES (1, 'failed', 'timed_out', 1);
UPDATE links SET begun = 1;
UPDATE attempts
SET begun_wide = '192.0.2.0/24', found = 'noisy_answer', begun_ip = '192.0.2.1', begun_request = 'rq_1';
";

/// All of them, in the order in which they go in: a row in every table.
pub const SAMPLES: [&str; 4] = [OLD_SAMPLE, SAMPLE, WEBHOOKS_SAMPLE, ADMISSION_SAMPLE];

pub fn migrations() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap()))
        .collect();
    found.sort();
    found
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The columns of every table that `sql` makes, and those that it adds, as table, column and type.
pub fn columns(sql: &str) -> Vec<(String, String, String)> {
    let plain: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let plain = plain.join("\n");
    let mut found = Vec::new();
    for statement in plain.split(';').map(str::trim) {
        if let Some((table, column)) =
            statement.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(" ADD COLUMN "))
        {
            let (name, rest) = column.split_once(' ').expect("a name and a type");
            let kind = rest.split_whitespace().next().unwrap_or_default();
            found.push((table.trim().to_owned(), name.to_owned(), kind.to_owned()));
        }
        let Some(rest) = statement.strip_prefix("CREATE TABLE ") else { continue };
        let (table, body) = rest.split_once('(').expect("columns in brackets");
        for line in body.rsplit_once(')').expect("a closing bracket").0.split(",\n") {
            let mut words = line.split_whitespace();
            let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
            // A line that begins in capitals is a constraint of the table.
            if name.chars().any(|c| c.is_ascii_lowercase()) || name == "n" {
                found.push((table.trim().to_owned(), name.to_owned(), kind.trim_end_matches(',').to_owned()));
            }
        }
    }
    found
}

/// What in `sql` only one of the two databases would understand, or would understand differently.
fn faults(sql: &str) -> Vec<String> {
    let mut faults: Vec<String> = columns(sql)
        .into_iter()
        .filter(|(_, _, kind)| !PORTABLE.contains(&kind.as_str()))
        .map(|(table, column, kind)| format!("{table}.{column} is {kind}"))
        .collect();
    let text: String = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    let text = text.to_uppercase();
    for word in ["NOW()", "CURRENT_", "SERIAL", "AUTOINCREMENT", "JSONB", "WITHOUT ROWID", "PRAGMA", "UUID", "::"] {
        if text.contains(word) {
            faults.push(word.to_owned());
        }
    }
    faults
}

#[test]
fn migrations_speak_only_what_both_databases_do() {
    for (name, sql) in migrations() {
        assert_eq!(faults(&sql), Vec::<String>::new(), "{name}");
        assert!(!columns(&sql).is_empty() || sql.contains("INSERT INTO counters"), "{name} was read");
    }
    let bad = "CREATE TABLE a (\n  id SERIAL PRIMARY KEY,\n  at TIMESTAMPTZ NOT NULL DEFAULT now(),\n  b TEXT\n);
               ALTER TABLE a ADD COLUMN c INTEGER NOT NULL DEFAULT 0;";
    let found = ["a.id is SERIAL", "a.at is TIMESTAMPTZ", "a.c is INTEGER", "NOW()", "SERIAL"];
    assert_eq!(faults(bad), found, "this check can fail");
}

#[test]
fn a_released_migration_never_changes() {
    let found: Vec<(String, String)> = migrations().into_iter().map(|(name, sql)| (name, sha256(&sql))).collect();
    let known: Vec<(String, String)> =
        RELEASED.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned())).collect();
    assert_eq!(found, known, "write a new migration instead, and add its line to RELEASED");
}

#[tokio::test]
async fn a_row_of_every_table_goes_in_and_survives_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh(folder.path()).await;
    let db = Db::open(&url).await.unwrap();
    for sample in SAMPLES {
        change(&db, sample).await;
    }
    db.close().await;
    let db = Db::open(&url).await.unwrap();
    let all = columns(&migrations().into_iter().map(|(_, sql)| sql).collect::<String>());
    let tables: BTreeSet<&String> = all.iter().map(|(table, _, _)| table).collect();
    for table in tables {
        let rows = column(&db, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await;
        assert_ne!(rows, ["0"], "the sample has a row of {table}");
    }
    for (table, name, _) in all.iter().filter(|(_, name, _)| name != "retired_at") {
        let empty = column(&db, &format!("SELECT 'x' FROM {table} WHERE {name} IS NULL")).await;
        assert!(empty.is_empty(), "the sample fills {table}.{name}");
    }
}

/// A database as the first release left it, with the old sample; closed.
async fn left_by_the_first_release(url: &str) {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.migrations.to_mut().retain(|migration| migration.version == 1);
    let db = if url.starts_with("sqlite:") {
        let options = SqliteConnectOptions::from_str(url).unwrap().create_if_missing(true).foreign_keys(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        migrator.run(&pool).await.unwrap();
        Db::on(Pools::Sqlite { read: pool.clone(), write: pool })
    } else {
        let pool = PgPool::connect(url).await.unwrap();
        migrator.run(&pool).await.unwrap();
        Db::on(Pools::Postgres(pool))
    };
    // Ids as they are, so that the program can read them.
    let sample =
        ["tk", "st", "ky", "ln", "at", "gr", "rq"].into_iter().fold(OLD_SAMPLE.to_owned(), |sample, prefix| {
            sample.replace(&format!("'{prefix}_1'"), &format!("'{prefix}_{ULID}'"))
        });
    change(&db, &sample).await;
    assert_eq!(column(&db, "SELECT CAST(version AS TEXT) FROM _sqlx_migrations").await, ["1"]);
    db.close().await;
}

/// The one in every id of an old sample.
const ULID: &str = "01jd0000000000000000000001";

#[tokio::test]
async fn what_the_first_release_left_is_there_counted_and_found_after_the_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh(folder.path()).await;
    left_by_the_first_release(&url).await;
    let world = World::new().await;
    let mut app = world.app.clone();
    app.db = Db::open(&url).await.expect("the upgrade");
    let db = &app.db;
    for table in ["tokens", "stores", "keys", "links", "attempts", "grants", "events", "key_reads"] {
        let rows = column(db, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await;
        assert_eq!(rows, ["1"], "{table}");
    }

    let filter = Filter { q: Some("https://shop.example/wp-admin".to_owned()), ..Filter::default() };
    let found = async || store_list::part(&app, &filter, Order::Id, None, 9).await.unwrap().0.rows;
    assert!(found().await.is_empty(), "nothing has words before they are given");
    let store = words::give(&app, None).await.unwrap().expect("a store without words");
    assert_eq!(words::give(&app, Some(&store)).await.unwrap(), None);
    let [one] = &found().await[..] else { panic!("one store is found") };
    assert_eq!((&one.id, one.name.as_deref()), (&store, Some("Shop")));

    let token = format!("tk_{ULID}").parse().unwrap();
    for counted in ["", "1"] {
        let reads = reads::of_tokens(&app, Time::from_millis(0)).await.unwrap();
        assert_eq!(reads[&token], OfToken { reads: 1, last_at: Some(Time::from_millis(1)) });
        assert_eq!(column(db, "SELECT CAST(SUM(n) AS TEXT) FROM read_days").await, [counted]);
        assert!(reads::count(&app).await.unwrap());
    }

    let actor = Actor::cli();
    events::insert(db, &Event::new(Kind::StoresExported, app.now(), &actor)).await.unwrap();
    assert_eq!(column(db, "SELECT CAST(seq AS TEXT) FROM events ORDER BY seq").await, ["1", "2"]);
    let whole = history::of_store(&app, &store, 30).await.unwrap().expect("the store");
    assert_eq!((whole.versions.len(), whole.approvals.len()), (1, 1));
    assert_eq!(whole.versions[0].standing(1), Standing::Served);
    assert_eq!(tokens::all(&app).await.unwrap()[0].users, None, "a token of old reaches all merchants");
    app.db.close().await;
}

#[tokio::test]
async fn an_older_program_leaves_a_newer_database_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh(folder.path()).await;
    let db = Db::open(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 SELECT 9999, 'from the future', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    assert_eq!(change(&db, newer).await, 1);
    db.close().await;
    let refused = Db::open(&url).await.expect_err("a newer schema is refused").to_string();
    assert!(refused.contains("migrated by a newer version of Cartkey"), "{refused}");
}
