//! What an operator of the process relies on: one log line for each request, signals, and the version.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::binary::{Installation, Running, ask, client};
use crate::tls::certificate;
use crate::webhooks::receiver::Receiver;
use crate::world::terminate_tls;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The fields of the log line about a request of this store's keys.
async fn line_of(cartkey: &mut Running, store: &str) -> Value {
    let line = cartkey.logged(&format!("\"store.id\":\"{store}\"")).await;
    assert!(line["target"] == "cartkey::request", "{line}");
    line
}

#[tokio::test]
async fn each_request_has_one_line_that_names_client_token_store_and_the_ids_of_the_caller() {
    let here = Installation::new().await.with("CARTKEY_LOG", "info,cartkey::request=debug");
    let token = here.token("keys:read,stores:read");
    let token_id = here.run(&["token", "list"]).printed().split('\t').next().unwrap().to_owned();
    let mut cartkey = here.serve().await;
    let store = format!("st_{}", "0".repeat(26));
    for path in [format!("/api/v1/stores/{store}/keys"), format!("/api/v1/stores/{store}")] {
        let headers = [
            ("authorization", format!("Bearer {token}")),
            ("x-forwarded-for", "203.0.113.9".to_owned()),
            ("x-request-id", "lb-7f9c".to_owned()),
            ("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")),
        ];
        let url = format!("http://{}{path}", cartkey.listen);
        let (status, problem) = ask(&client(), Method::GET, &url, &headers, "").await.unwrap();
        assert_eq!(status, 404);
        let problem: Value = serde_json::from_str(&problem).unwrap();
        let line = line_of(&mut cartkey, &store).await;
        assert_eq!(
            (&line["http.status"], line["took_ms"].is_u64()),
            (&404.into(), true),
            "numbers are numbers: {line}"
        );
        assert_eq!((&line["client.address"], &line["token.id"]), (&"203.0.113.9".into(), &token_id.as_str().into()));
        let span = &line["span"];
        assert_eq!(span["request.id"], problem["request_id"], "{line}");
        assert_eq!((&span["request.caller_id"], &span["trace.id"]), (&"lb-7f9c".into(), &TRACE.into()), "{line}");
    }
    // What cannot stand in a log is not taken over.
    let url = format!("http://{}/livez", cartkey.listen);
    ask(&client(), Method::GET, &url, &[("x-request-id", "a\" b".to_owned())], "").await.unwrap();
    let line = cartkey.logged("/livez").await;
    assert!(line["span"]["request.caller_id"].is_null() && line["span"]["trace.id"].is_null(), "{line}");
    assert!(line["token.id"].is_null() && line["store.id"].is_null(), "{line}");
}

#[tokio::test]
async fn sighup_reloads_the_log_filter_and_ends_nothing() {
    let here = Installation::new().await;
    fs::write(here.folder.path().join(".env"), "CARTKEY_LOG=info\n").unwrap();
    let mut cartkey = here.serve().await;
    let url = format!("http://{}/livez", cartkey.listen);
    let alive = async || ask(&client(), Method::GET, &url, &[], "").await.unwrap();
    assert_eq!(alive().await.0, 200);
    fs::write(here.folder.path().join(".env"), "CARTKEY_LOG=cartkey=debug\n").unwrap();
    cartkey.tell(Signal::HUP);
    let line = cartkey.logged("SIGHUP").await;
    assert_eq!(line["filter"], "cartkey=debug");
    assert_eq!(alive().await.0, 200);
    cartkey.logged("GET /livez 200").await;
    // An error in the new configuration changes nothing.
    fs::write(here.folder.path().join(".env"), "CARTKEY_LOG=cartkey=debug\nCARTKEY_SCOPE=all\n").unwrap();
    cartkey.tell(Signal::HUP);
    let line = cartkey.logged("SIGHUP").await;
    assert!(line["level"] == "WARN" && line["faults"].as_str().unwrap().contains("CARTKEY_SCOPE"), "{line}");
    assert_eq!(alive().await.0, 200);
}

/// A certificate as a file of roots holds it.
fn pem(root: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(root))
}

#[tokio::test]
async fn sighup_reloads_the_certificates_that_are_trusted() {
    let receiver = Receiver::new().await;
    let inner = receiver.url.trim_start_matches("http://").trim_end_matches("/hook").parse().unwrap();
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/hook", front.local_addr().unwrap().port());
    let ((_, another), (tls, root)) = (certificate(&["another"]), certificate(&["localhost"]));
    tokio::spawn(terminate_tls(front, tls, inner));
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    fs::write(&roots, pem(&another)).unwrap();
    let here = Installation::new().await.with("SSL_CERT_FILE", roots.to_str().unwrap());
    here.run(&["webhook", "add", "--url", &url, "--events", "link.created"]).printed();
    let mut cartkey = here.serve().await;
    here.run(&["link", "--user-id", "m"]).printed();
    let line = cartkey.logged("delivery to localhost").await;
    assert!(line["fault"].as_str().unwrap().starts_with("tls"), "{line}");
    fs::write(&roots, pem(&root)).unwrap();
    cartkey.tell(Signal::HUP);
    cartkey.logged("SIGHUP").await;
    here.run(&["link", "--user-id", "m"]).printed();
    let line = cartkey.logged("delivery to localhost").await;
    assert_eq!((&line["http.status"], receiver.count()), (&204.into(), 1), "{line}");
}

#[tokio::test]
async fn the_version_is_told_without_a_configuration() {
    let here = Installation::empty().await.with("CARTKEY_SCOPE", "all");
    let said = here.run(&["--version"]).printed();
    assert!(said.starts_with(concat!("cartkey ", env!("CARGO_PKG_VERSION"))), "{said}");
}

/// Every source, as one text.
fn source(folder: &Path) -> String {
    let mut all = String::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        all += &if path.is_dir() { source(&path) } else { fs::read_to_string(&path).unwrap_or_default() };
    }
    all
}

#[test]
fn what_the_documentation_tells_to_look_for_in_the_log_is_logged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (page, source) = (fs::read_to_string(root.join("docs/operations.md")).unwrap(), source(&root.join("src")));
    let (_, table) = page.split_once("\n## What to watch for\n").expect("the section");
    let rows = table.split("\n#").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let said: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert!(said.len() > 12, "the table was read");
    for line in said {
        let is_logged = line.split('…').all(|part| source.contains(part.trim_matches(['“', '”', ' '])));
        assert!(is_logged, "nothing logs {line:?}");
    }
}
