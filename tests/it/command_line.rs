//! The command line: output, exit codes and error messages.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use cartkey::demo::pretend_store::Pace;
use cartkey::storage::Db;
use cartkey::woo::Resolver;
use hyper::Method;
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::binary::{Installation, PATIENCE, Running, ask, client, client_with, pretend_shop};
use crate::database::change;
use crate::merchant::Merchant;
use crate::tls::certificate;
use crate::world::terminate_tls;

#[tokio::test]
async fn a_token_is_printed_alone_once_and_listed_without_its_secret() {
    let here = Installation::new().await;
    let token = here.token("keys:read,stores:read");
    assert!(token.starts_with("cartkey_") && token.len() > 40, "{token}");
    let listed = here.run(&["token", "list"]).printed();
    let columns: Vec<&str> = listed.split('\t').collect();
    assert!(columns[0].starts_with("tk_"), "{listed}");
    assert_eq!(
        &columns[1..],
        [
            "a service",
            "keys:read,stores:read",
            "never expires",
            "all user_ids",
            "never used",
            "no namespaces",
            "no limits"
        ]
    );
    assert!(!listed.contains(&token));
    let ends = here.run(&["token", "issue", "--name", "b", "--allow", "keys:read", "--expires-in", "90d"]);
    assert!(ends.printed().starts_with("cartkey_"));
    assert!(!ends.err.contains(&ends.printed()), "the secret is on standard output alone");
    assert!(here.run(&["token", "list"]).out.contains("expires 2"));
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_by_the_service_that_runs() {
    let here = Installation::new().await;
    let token = here.token("stores:read");
    let cartkey = here.serve().await;
    let client = client();
    let asked = async || cartkey.ask(&client, Method::GET, "/api/v1/stores", &token, "").await.0;
    assert_eq!(asked().await, 200);
    let id = here.run(&["token", "list"]).printed().split('\t').next().unwrap().to_owned();
    let revoked = here.run(&["token", "revoke", &id]);
    assert_eq!((revoked.code, revoked.out.as_str()), (Some(0), ""));
    assert_eq!(asked().await, 401);
    assert!(here.run(&["token", "list"]).printed().contains("\trevoked\t"));
    let again = here.run(&["token", "revoke", &id]);
    assert_eq!(again.complaint(), (Some(1), format!("cartkey: there is no active token {id}").as_str()));
}

#[tokio::test]
async fn a_link_is_printed_alone_and_opens() {
    let here = Installation::new().await;
    let made = here.run(&["link", "--user-id", "merchant-42", "--store-url", "shop.example", "--scope", "read"]);
    let link = made.printed();
    let path = link.strip_prefix("http://localhost:8080").expect("at the public address").to_owned();
    assert!(!made.err.contains(&path), "the link is on standard output alone");
    let cartkey = here.serve().await;
    let url = format!("http://{}{path}", cartkey.listen);
    let (status, page) = ask(&client(), Method::GET, &url, &[], "").await.unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("https://shop.example"), "{page}");
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_touches_nothing() {
    let wrong: [(&[&str], &str); 9] = [
        (&["token", "issue", "--name", "", "--allow", "keys:read"], "--name"),
        (&["token", "issue", "--name", "a", "--allow", "keys:write"], "--allow"),
        (&["token", "issue", "--name", "a", "--allow", "keys:read", "--expires-in", "soon"], "--expires-in"),
        (&["token", "revoke", "nonsense"], "tk_"),
        (&["link", "--user-id", ""], "--user-id"),
        (&["link", "--user-id", "m", "--store-url", "not a shop"], "--store-url"),
        (&["link", "--user-id", "m", "--scope", "admin"], "--scope"),
        (&["check", "nonsense"], "st_"),
        (&["nonsense"], "nonsense"),
    ];
    let here = Installation::empty().await;
    for (arguments, word) in wrong {
        let ran = here.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }
    assert!(!here.has("data/master.key") && !here.has("cartkey.db"), "nothing was made");
}

#[tokio::test]
async fn a_command_where_the_service_never_ran_says_so_and_makes_nothing() {
    let here = Installation::empty().await;
    let commands: [&[&str]; 5] = [
        &["link", "--user-id", "m"],
        &["stores"],
        &["doctor"],
        &["operator", "list"],
        &["migrate-to", "sqlite:other.db"],
    ];
    for arguments in commands {
        let ran = here.run(arguments);
        let line = ran.err.lines().last().unwrap();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(line.contains("there is no Cartkey database at ") && line.contains("cartkey serve"), "{line}");
        if here.settings["CARTKEY_DATABASE_URL"].starts_with("sqlite:") {
            assert!(line.contains(&format!("{}/cartkey.db", here.folder.path().display())), "{line}");
        }
    }
    assert!(!here.has("data") && !here.has("cartkey.db") && !here.has("other.db"), "nothing was made");
}

#[tokio::test]
async fn a_command_neither_migrates_a_database_nor_uses_one_of_a_newer_version() {
    let here = Installation::new().await;
    let db = Db::open(&here.settings["CARTKEY_DATABASE_URL"]).await.unwrap();
    change(&db, "UPDATE _sqlx_migrations SET version = version + 1000").await;
    assert!(here.run(&["stores"]).complaint().1.contains("newer version"));
    change(&db, "DELETE FROM _sqlx_migrations WHERE version > 1001").await;
    change(&db, "UPDATE _sqlx_migrations SET version = 1").await;
    assert!(here.run(&["stores"]).complaint().1.contains("older version"));
}

#[tokio::test]
async fn an_empty_installation_lists_nothing_and_has_nothing_to_check() {
    let here = Installation::new().await;
    for arguments in [&["stores"][..], &["stores", "--json"], &["check"], &["token", "list"]] {
        let ran = here.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{arguments:?}: {ran:?}");
    }
    let id = format!("st_{}", "0".repeat(26));
    assert_eq!(here.run(&["check", &id]).complaint(), (Some(1), format!("cartkey: there is no store {id}").as_str()));
}

#[tokio::test]
async fn every_fault_of_the_configuration_is_told_at_once_in_one_line() {
    let here = Installation::new()
        .await
        .with("CARTKEY_PUBLIC_URL", "ftp://keys.example")
        .with("CARTKEY_CHECK_EVERY", "often")
        .with("CARTKEY_DATABASE_URL_FILE", "/nowhere/at/all")
        .with("CARTKEY_PUBLIC_URI", "hunter2");
    for arguments in [&[][..], &["serve"], &["doctor"], &["doctor", "--live"], &["stores"]] {
        let ran = here.run(arguments);
        let (code, line) = ran.complaint();
        assert_eq!(code, Some(1), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        assert!(line.starts_with("cartkey: 4 errors in the configuration: "), "{line}");
        for name in ["PUBLIC_URL ", "CHECK_EVERY ", "DATABASE_URL ", "PUBLIC_URI "] {
            assert!(line.contains(&format!("CARTKEY_{name}")), "{name} in {line}");
        }
        assert!(!line.contains("hunter2"), "{line}");
    }
}

#[tokio::test]
async fn values_come_from_the_environment_from_files_and_from_dot_env() {
    let mut here = Installation::new().await;
    let mut env = std::fs::File::create(here.folder.path().join(".env")).unwrap();
    let name = here.folder.path().join("name");
    std::fs::write(&name, "Acme Shipping\n").unwrap();
    writeln!(env, "# ours\nCARTKEY_PUBLIC_URL=https://keys.example\nCARTKEY_APP_NAME_FILE={}", name.display()).unwrap();
    writeln!(env, "CARTKEY_DATABASE_URL=mysql://not-this-one\nOTHER=value").unwrap();
    let link = here.run(&["link", "--user-id", "merchant-42"]).printed();
    assert!(link.starts_with("https://keys.example/connect/"), "{link}");
    // What the environment says goes before what the file says.
    here.settings.insert("CARTKEY_PUBLIC_URL".to_owned(), "https://other.example".to_owned());
    let link = here.run(&["link", "--user-id", "merchant-42"]).printed();
    assert!(link.starts_with("https://other.example/connect/"), "{link}");
    here.settings.remove("CARTKEY_PUBLIC_URL");
    let cartkey = here.serve().await;
    let path = link.strip_prefix("https://other.example").unwrap();
    let url = format!("http://{}{path}", cartkey.listen);
    let (_, page) = ask(&client(), Method::GET, &url, &[], "").await.unwrap();
    assert!(page.contains("Acme Shipping"), "{page}");
}

#[tokio::test]
async fn a_byte_order_mark_and_what_docker_and_kubernetes_add_are_no_riddle() {
    let here = Installation::new()
        .await
        .with("CARTKEY_PORT", "tcp://10.0.0.9:8080")
        .with("CARTKEY_NAME", "/web/cartkey")
        .with("CARTKEY_ENV_RUST_VERSION", "1.95");
    std::fs::write(here.folder.path().join(".env"), "\u{feff}CARTKEY_PUBLIC_URL=https://keys.example\r\n").unwrap();
    let ring = here.folder.path().join("data/master.key");
    let text = std::fs::read_to_string(&ring).unwrap();
    std::fs::write(&ring, format!("\u{feff}{text}")).unwrap();
    let link = here.run(&["link", "--user-id", "merchant-42"]).printed();
    assert!(link.starts_with("https://keys.example/connect/"), "{link}");
    std::fs::write(here.folder.path().join(".env"), b"\xff\xfeC\0A\0").unwrap();
    assert!(here.run(&["stores"]).complaint().1.contains(".env: cannot be read: it is not UTF-8 text"));
}

#[tokio::test]
async fn doctor_finds_a_damaged_database() {
    let here = Installation::new().await;
    if !here.settings["CARTKEY_DATABASE_URL"].starts_with("sqlite:") {
        return;
    }
    let file = here.folder.path().join("cartkey.db");
    let whole = std::fs::read(&file).unwrap();
    assert_eq!(here.run(&["doctor"]).code, Some(0));
    // The last pages are those of indexes.
    let mut damaged = whole.clone();
    let end = damaged.len();
    damaged[end - 3 * 4096..].fill(0x5a);
    std::fs::write(&file, damaged).unwrap();
    for arguments in [&["doctor"][..], &["doctor", "--deep"]] {
        let ran = here.run(arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.out.contains("bad   the database file is damaged"), "{ran:?}");
    }
    std::fs::write(&file, vec![0x5a; whole.len()]).unwrap();
    let ran = here.run(&["doctor"]);
    let named = format!("cartkey: the database file {} cannot be opened", file.display());
    assert!(ran.code == Some(1) && ran.err.lines().last().unwrap().starts_with(&named), "{ran:?}");
}

#[tokio::test]
async fn doctor_says_what_is_in_order_and_what_is_not() {
    let here = Installation::new().await;
    let ran = here.run(&["doctor"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for line in
        ["ok    configuration", "warn  public address http://localhost:8080 is not https", "warn  CARTKEY_ALLOW"]
    {
        assert!(ran.out.contains(line), "{line} in {}", ran.out);
    }
    assert!(ran.out.contains("ok    database ") && ran.out.contains("ok    key ring "), "{}", ran.out);
    // The ring's file is lost, and the database holds a proof that it was there.
    std::fs::remove_file(here.folder.path().join("data/master.key")).unwrap();
    let ran = here.run(&["doctor"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let why = ran.err.lines().last().unwrap();
    assert!(why.starts_with("cartkey: data/master.key is missing") && why.contains("restore"), "{why}");
    assert!(!here.has("data/master.key"), "no new ring is made");
}

// The proxy in front of it answers while this test waits for a command to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_tells_whether_the_public_address_leads_here() {
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public = format!("https://localhost:{}", front.local_addr().unwrap().port());
    let (tls, root) = certificate(&["localhost"]);
    let mut here = Installation::new().await.with("CARTKEY_PUBLIC_URL", &public);
    let roots = here.folder.path().join("roots.pem");
    let body = base64::engine::general_purpose::STANDARD.encode(&root);
    std::fs::write(&roots, format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")).unwrap();

    let cartkey = here.serve().await;
    tokio::spawn(terminate_tls(front, tls, cartkey.listen));
    let ran = here.run(&["doctor"]);
    assert!(ran.out.contains(&format!("warn  public address {public} does not answer from here")), "{ran:?}");
    // The machine's own roots, which SSL_CERT_FILE names, are believed.
    here.settings.insert("SSL_CERT_FILE".to_owned(), roots.display().to_string());
    let ran = here.run(&["doctor"]);
    assert!(ran.out.contains(&format!("ok    public address {public} answers")), "{ran:?}");
}

#[tokio::test]
async fn doctor_live_asks_the_service_that_runs() {
    let mut here = Installation::new().await;
    let cartkey = here.serve().await;
    here.settings.insert("CARTKEY_LISTEN".to_owned(), cartkey.listen.to_string());
    let ran = here.run(&["doctor", "--live"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    let listen = cartkey.listen;
    drop(cartkey);
    let ran = here.run(&["doctor", "--live"]);
    assert_eq!(ran.complaint().0, Some(1));
    assert!(ran.complaint().1.starts_with(&format!("cartkey: no answer from {listen}")), "{ran:?}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_its_variable() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let here = Installation::new().await.with("CARTKEY_LISTEN", &address);
    let ran = here.run(&["serve"]);
    let (code, line) = ran.complaint();
    assert_eq!(code, Some(1));
    assert!(line.starts_with(&format!("cartkey: CARTKEY_LISTEN: cannot listen on {address}")), "{line}");
}

// The pretend store answers while this test waits for a command to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_are_listed_and_checked_and_a_bad_one_makes_check_fail() {
    let here = Installation::new().await.with("CARTKEY_PUBLIC_URL", "http://keys.test");
    let token = here.token("stores:read,stores:write,links:write");
    let cartkey = here.serve().await;
    let names = Resolver::Fixed(Arc::new([("keys.test".to_owned(), vec![cartkey.listen])].into()));
    let shop = pretend_shop(client_with(names.clone()), Pace::Brisk).await;
    let link = here.run(&["link", "--user-id", "merchant-42", "--store-url", &shop.home()]).printed();
    connect(&mut Merchant::new(names, Vec::new()), &link).await;

    let client = client();
    let (_, stores) = cartkey.ask(&client, Method::GET, "/api/v1/stores", &token, "").await;
    let store = &stores["data"][0];
    let listed: Value = serde_json::from_str(&here.run(&["stores", "--json"]).printed()).unwrap();
    assert_eq!(&listed, store);
    let id = store["id"].as_str().unwrap();
    let row = format!("{id}\tconnected\tmerchant-42\t{}\t-\tread_write", shop.home());
    assert_eq!(here.run(&["stores"]).printed(), row);
    assert_eq!(here.run(&["check"]).printed(), row);
    assert_eq!(here.run(&["check", id]).printed(), row);

    shop.revoke(shop.keys()[0].key_id);
    let ran = here.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.starts_with(&format!("{id}\tunauthorized\t")), "{ran:?}");
    assert_eq!(ran.err.lines().last(), Some("cartkey: 1 of the checked stores cannot be used"));

    let (status, _) = cartkey.ask(&client, Method::DELETE, &format!("/api/v1/stores/{id}"), &token, "").await;
    assert_eq!(status, 200);
    let ran = here.run(&["check"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "nobody asks a store that was disconnected");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_told_in_one_line_with_the_cause_once() {
    let here = Installation::new().await.with("CARTKEY_DATABASE_URL", "sqlite:notes.txt");
    std::fs::write(here.folder.path().join("notes.txt"), "milk, eggs, flour; and more than a page of it\n".repeat(99))
        .unwrap();
    let ran = here.run(&["stores"]);
    let (code, line) = ran.complaint();
    assert_eq!((code, ran.err.lines().count()), (Some(1), 1), "{ran:?}");
    assert!(line.starts_with("cartkey: the database file notes.txt cannot be opened: "), "{line}");
    assert_eq!(line.matches("cannot be opened").count(), 1, "{line}");
    assert!(line.contains("file is not a database"), "{line}");
}

/// The demo, following its own instructions.
#[tokio::test]
async fn the_demo_goes_from_link_to_keys_and_leaves_nothing_behind() {
    // The usual ports are taken, by us or by somebody else.
    let busy = [8_080, 8_081].map(|port| std::net::TcpListener::bind(("127.0.0.1", port)));
    let here = Installation::new().await;
    let throw_away = tempfile::tempdir().unwrap();
    let mut command = here.command(&["demo"]);
    command.env_clear().env("TMPDIR", throw_away.path());
    let mut demo = Running::start(command);
    let said = demo.printed("Ctrl-C").await;
    let link = said.lines().map(str::trim).find(|line| line.contains("/connect/")).expect("a link").to_owned();
    assert!(!link.contains(":8080/"), "another port: {link}");
    let mut curls = said.lines().map(str::trim).filter(|line| line.starts_with("curl "));
    let (fetch, call) = (curls.next().expect("a curl line").to_owned(), curls.next().expect("another").to_owned());

    let mut merchant = Merchant::new(Resolver::System, Vec::new());
    connect(&mut merchant, &link).await;
    let keys = followed(&fetch).await;
    assert!(keys["consumer_key"].as_str().unwrap().starts_with("ck_"));
    assert!(followed(&call).await.is_array(), "the store's orders");

    let is_origin = |line: &&str| line.starts_with("http://localhost:") && line.matches('/').count() == 2;
    let application = said.lines().map(str::trim).find(is_origin).expect("the application's address");
    let page = merchant.get(application).await;
    let page = merchant.submit(&page, "Sign in", &[("name", "ann")]).await;
    assert!(page.text().contains("Signed in as ann."), "{}", page.text());
    let page = merchant.submit(&page, "Connect a store", &[]).await;
    let connect = link.rsplit_once('/').unwrap().0;
    assert!(page.status == 200 && page.url.as_str().starts_with(connect), "its link is Cartkey's: {}", page.url);

    assert!(throw_away.path().read_dir().unwrap().next().is_some(), "its data lies there while it runs");
    demo.tell(Signal::INT);
    assert_eq!(demo.ended().await.code(), Some(0));
    assert!(throw_away.path().read_dir().unwrap().next().is_none(), "nothing stays behind");
    drop(busy);
}

/// What a printed curl command is answered.
async fn followed(curl: &str) -> Value {
    let (token, url) = curl.split_once("Bearer ").unwrap().1.split_once("' ").unwrap();
    let headers = [("authorization", format!("Bearer {token}"))];
    let (status, body) = ask(&client(), Method::GET, url, &headers, "").await.unwrap();
    assert_eq!(status, 200, "{url}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Connects a store by a link.
pub async fn connect(merchant: &mut Merchant, link: &str) {
    let page = merchant.get(link).await;
    let sent = merchant.submit(&page, "Connect store", &[]).await;
    let mut page = merchant.approve_on(sent).await;
    let address = page.url.to_string();
    let mut look = tokio::time::interval(Duration::from_millis(100));
    let until = tokio::time::Instant::now() + PATIENCE;
    while !page.text().contains("is connected") {
        let over = page.text().contains("could not be connected") || tokio::time::Instant::now() > until;
        assert!(!over, "{}", page.text());
        look.tick().await;
        page = merchant.get(&address).await;
    }
}
