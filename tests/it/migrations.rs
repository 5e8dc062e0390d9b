//! Migrations: portable, append-only, tested with data. A newer database is left alone.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use cartkey::storage::Db;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::database::{change, column, fresh};
use crate::world::World;

/// The SHA-256 of every migration. Once a version is released, never change its line: add a migration, and its line here.
const RELEASED: &[(&str, &str)] = &[
    ("0001_initial.sql", "bf87adffd632c976d5834ad11188097e370fb805e216c3d91b08f501ebef339d"),
    ("0003_application_passwords.sql", "1f418856ccf7b67435fd590f9dd27de95d3b897ed623b63c76372e00cecaaad1"),
    ("0004_calls.sql", "6ee2c937ca3898abe0aab8263eb510678f500910305c6407d382b1b638e5e6f1"),
    ("0005_idempotency_keys.sql", "f4ac72a019241f8811ed4213139aa854ae76fb0737302c2a23620ea51efd69e5"),
    ("0006_icons.sql", "3014dac86424cad5641f048abf395faea6c3819a748a2abab8575c7345d3e565"),
    ("0008_call_limits.sql", "c4288afb53aa94f5d4dbe44568690634e777197af8490d4ec0dbf87ebb1ec719"),
    ("0009_lending_changes.sql", "2dacfba86b5025ab4484f8626c322138f82a4175ed3f15306973acce4a9456a5"),
    ("postgres/0002_search.sql", "8686d95c4eec178812b3f10f91c68830576139da6ebe33583239bec7d62cba7a"),
    ("sqlite/0002_search.sql", "0daa9cbf9efdc93796324ce36e446bae89ee7224f9f02837b58dbb487a83cb46"),
];

/// Types that both databases have under these names and store alike.
const PORTABLE: [&str; 4] = ["TEXT", "BIGINT", "BOOLEAN", "BYTEA"];

/// One row per table, every column filled, as a running Cartkey might leave them; in an order that foreign keys allow.
const CONNECTING_SAMPLE: &str = "
INSERT INTO installation (one, instance, created_at, sealing) VALUES (1, 'i', 1, 'k1');
INSERT INTO ring_keys (id, proof, retired_at) VALUES ('k1', 'proof', 1);
INSERT INTO processes (id, ring, seen_at) VALUES ('p1', 'k2 k1', 1);
UPDATE counters SET n = 1 WHERE name = 'event';
INSERT INTO lending_changes (n, user_id, store_id) VALUES (1, 'm', 'st_1');
INSERT INTO tokens (id, name, fingerprint, permissions, created_at, expires_at, revoked_at)
VALUES ('tk_1', 'Shipping', 'f1', 'keys:read', 1, 2, 3);
INSERT INTO idempotency_keys (id, token_id, request, claimed_by, claimed_until, expires_at, answer)
VALUES ('hash', 'tk_1', 'hash', 'rq_1', 1, 2, 'sealed');
INSERT INTO stores (id, user_id, home, name, status, reason, scope, woo_key_id, key_last7, key_version, auth_method,
                    woocommerce_version, wordpress_version, connected_at, checked_at, changed_at, rest_base,
                    json_has_noise)
VALUES ('st_1', 'm', 'https://shop.example', 'Shop', 'connected', 'noisy_answer', 'read', 7, 'abcdefg', 1, 'basic',
        '11.0.1', '7.0.4', 1, 2, 3, 'https://shop.example/api/', TRUE);
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
                    wordpress_version, rest_base, json_has_noise)
VALUES ('gr_1', 'at_1', 7, 'f3', 'abcdefg', 'read', 'sealed', 1, '192.0.2.1', 'proven', 1, 2, 0, 'works', 'basic',
        'read', 'Shop', '11.0.1', '7.0.4', 'https://shop.example/api/', TRUE);
INSERT INTO events (seq, kind, at, actor, user_id, store_id, link_id, attempt_id, token_id, reason)
VALUES (1, 'store.connected', 1, 'merchant', 'm', 'st_1', 'ln_1', 'at_1', 'tk_1', 'noisy_answer');
INSERT INTO read_journal (batch, n, records) VALUES ('rq_1', 1, 'packed');
INSERT INTO read_stores (number, store_id) VALUES (1, 'st_1');
INSERT INTO read_segments (number, day, n, first_read, last_read, created_at, is_complete)
VALUES (1, 2, 3, 'rq_1', 'rq_2', 4, TRUE);
INSERT INTO read_chunks (segment, place, records) VALUES (1, 'place', 'packed');
";

/// The same for the watch and the dashboard.
const DASHBOARD_SAMPLE: &str = "
UPDATE attempts SET password_page = 'https://shop.example/wp-admin/authorize-application.php';
UPDATE tokens SET users = 'm', successor = 'tk_1', namespaces = 'wp/v2', limits = 'seconds=30', counted_with = 'tk_1';
INSERT INTO host_pauses (host, asked_at, until) VALUES ('shop.example', 1, 2);
UPDATE links SET withdrawn_at = 1;
UPDATE stores SET check_at = 1, failures = 1, moved_to = 'https://www.shop.example', asked = 'read';
UPDATE events SET operator_id = 'op_1', came_from = '192.0.2.1', request_id = 'rq_1';
UPDATE keys SET revocation = 'sealed', ask_at = 1, asked_at = 2, told = 'secret_rejected', revoked_at = 3;
INSERT INTO operators (id, name, password, second_factor, second_factor_step, created_at, password_at, signed_in_at, removed_at)
VALUES ('op_1', 'ann', 'hash', 'sealed', 1, 1, 2, 3, 4);
INSERT INTO recovery_codes (operator_id, fingerprint) VALUES ('op_1', 'f4');
INSERT INTO sessions (fingerprint, operator_id, verified, created_at, seen_at, expires_at, came_from)
VALUES ('f5', 'op_1', TRUE, 1, 2, 3, '192.0.2.1');
INSERT INTO setup_links (fingerprint, expires_at) VALUES ('f6', 1);
INSERT INTO throttles (subject, since, n) VALUES ('name ann', 1, 1);
INSERT INTO settings (name, value) VALUES ('app_name', 'Acme');
INSERT INTO logo (one, media_type, bytes, hash) VALUES (1, 'image/png', 'png', 'h');
INSERT INTO read_days (day, token_id, n, last_at, calls) VALUES (1, 'tk_1', 1, 2, 3);
INSERT INTO check_spans (store_id, began_at, last_at, verdict, n) VALUES ('st_1', 1, 2, 'works', 3);
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
SET begun_wide = '192.0.2.0/24', found = 'noisy_answer', begun_ip = '192.0.2.1', begun_request = 'rq_1', stopped = TRUE,
    warnings = 'noisy_answer', typed = 'https://www.shop.example', store_name = 'Shop', icon_url = 'https://shop.example/i.png', moved_to = 'https://new.example';
UPDATE grants SET hastened = 1;
";

/// All of them in order of insertion: a row in every table.
pub const SAMPLES: [&str; 4] = [CONNECTING_SAMPLE, DASHBOARD_SAMPLE, WEBHOOKS_SAMPLE, ADMISSION_SAMPLE];

/// The migrations that run on both databases.
pub fn migrations() -> Vec<(String, String)> {
    migrations_in("")
}

fn migrations_in(folder: &str) -> Vec<(String, String)> {
    let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.path().is_file())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap()))
        .map(|(name, sql)| (format!("{folder}{name}"), sql))
        .collect();
    found.sort();
    found
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The columns that `sql` creates or adds, as table, column and type.
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

/// Parts of `sql` that one database does not support, or handles differently.
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
    let all = ["", "postgres/", "sqlite/"].into_iter().flat_map(migrations_in);
    let found: Vec<(String, String)> = all.map(|(name, sql)| (name, sha256(&sql))).collect();
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

/// A rolling upgrade: the new version's first replica migrates while those of this version serve.
#[tokio::test]
async fn an_older_program_goes_on_serving_while_a_newer_one_migrates() {
    let world = World::new().await;
    world.connect("merchant-42").await;
    let service = world.service("keys:read,stores:read").await;
    let keys = "/users/merchant-42/keys";
    assert_eq!(service.get(keys).await.status, 200);
    // What migrations may do: add columns with a default, tables, indexes.
    for expansion in [
        "ALTER TABLE stores ADD COLUMN added TEXT NOT NULL DEFAULT 'x'",
        "ALTER TABLE keys ADD COLUMN added BIGINT",
        "ALTER TABLE grants ADD COLUMN added BOOLEAN NOT NULL DEFAULT FALSE",
        "ALTER TABLE events ADD COLUMN added TEXT",
        "CREATE TABLE added (id TEXT PRIMARY KEY)",
        "CREATE INDEX stores_added ON stores (added)",
    ] {
        change(&world.app.db, expansion).await;
        assert_eq!(service.get(keys).await.status, 200, "lends after {expansion}");
    }
    // Events, checks and everything else are written as before, also by replicas without anything in memory.
    world.connect("merchant-43").await;
    assert_eq!(service.get("/users/merchant-43/keys").await.status, 200);
    assert_eq!(service.get("/stores").await.status, 200);
}

/// A large migration takes longer than any statement of the service may.
#[tokio::test]
async fn a_migration_is_not_cut_off_by_the_time_limit_of_statements() {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh(folder.path()).await;
    let db = Db::open(&url).await.unwrap();
    if !db.is_postgres() {
        return;
    }
    let mut other = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE _sqlx_migrations").execute(&mut other).await.unwrap();
    let limited = format!("{url}%20-c%20statement_timeout%3D100");
    let mut opening = std::pin::pin!(Db::open(&limited));
    let early = tokio::time::timeout(Duration::from_millis(600), opening.as_mut()).await;
    assert!(early.is_err(), "it waits for the lock: {early:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    opening.await.expect("migrated");
}

/// A role that may use the database but not create the extension reads what to do.
#[tokio::test]
async fn a_role_that_may_not_create_the_extension_for_search_is_told_what_to_do() {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else { return };
    let name = format!("without_extension_{}", std::process::id());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let run = async |connection: &mut PgConnection, sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
    };
    run(&mut admin, format!("CREATE ROLE {name} LOGIN PASSWORD 'pw'")).await;
    run(&mut admin, format!("CREATE DATABASE {name}")).await;
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    let mut inside = PgConnection::connect(url.as_str()).await.unwrap();
    run(&mut inside, format!("GRANT ALL ON SCHEMA public TO {name}")).await;
    url.set_username(&name).unwrap();
    url.set_password(Some("pw")).unwrap();
    let refused = Db::open(url.as_str()).await.expect_err("the extension is missing").to_string();
    assert!(refused.contains("run CREATE EXTENSION pg_trgm"), "{refused}");
    run(&mut inside, "CREATE EXTENSION pg_trgm".to_owned()).await;
    Db::open(url.as_str()).await.expect("it is there now").close().await;
    inside.close().await.unwrap();
    run(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    run(&mut admin, format!("DROP ROLE {name}")).await;
}
