//! The process: how it shuts down, which requests it cuts off, and what each listener serves.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use cartkey::demo::pretend_store::Pace;
use cartkey::flow::connecting::prove;
use cartkey::serve::{self, Limits};
use hyper::Method;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::binary::{Installation, PATIENCE, Running, ask, client, pretend_shop};
use crate::crash;
use crate::disk::Locked;
use crate::world::{KEYS, World};

/// Requests in progress when the signal arrives; a host gets four preflights at a time.
const IN_FLIGHT: usize = 4;

/// A request for a connect page whose answer takes as long as the store's.
fn begin(listen: SocketAddr, store: &str) -> Vec<u8> {
    let body = serde_urlencoded::to_string([("store_url", store)]).unwrap();
    let length = body.len();
    format!("POST /connect HTTP/1.1\r\nHost: {listen}\r\nOrigin: http://localhost:8080\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn sigterm_drops_no_request_that_was_accepted() {
    let (here, shop) = (Installation::new().await, pretend_shop(client(), Pace::WhenReleased).await);
    let mut cartkey = here.serve().await;
    let mut answers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let mut stream = connect(cartkey.listen).await;
        stream.write_all(&begin(cartkey.listen, &shop.home())).await.unwrap();
        answers.spawn(whole_answer(stream));
    }
    // A merchant who is in the middle of the request's head.
    let mut slow = connect(cartkey.listen).await;
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: ").await.unwrap();
    until(|| shop.requests().len() >= IN_FLIGHT).await;

    cartkey.tell(Signal::TERM);
    cartkey.logged("stopping").await;
    slow.write_all(b"keys\r\n\r\n").await.unwrap();
    let answer = whole_answer(slow).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    shop.release();
    for answer in answers.join_all().await {
        assert!(is_sent_on(&answer), "{answer}");
    }
    assert_eq!(cartkey.ended().await.code(), Some(0));
}

/// Whether the merchant is sent to the page that leads to the store.
fn is_sent_on(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 303 ")
        && answer.contains("location: /connect/attempts/at_")
        && answer.contains("?go=1")
}

#[tokio::test]
async fn what_came_in_the_moment_of_the_signal_is_answered_too() {
    let here = Installation::new().await;
    let mut cartkey = here.serve().await;
    let mut answers = JoinSet::new();
    for _ in 0..200 {
        let mut stream = connect(cartkey.listen).await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: keys\r\nConnection: close\r\n\r\n").await.unwrap();
        answers.spawn(whole_answer(stream));
    }
    cartkey.tell(Signal::TERM);
    for answer in answers.join_all().await {
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(cartkey.ended().await.code(), Some(0));
}

#[tokio::test]
async fn nobody_new_is_taken_while_the_process_drains() {
    let (here, shop) = (Installation::new().await, pretend_shop(client(), Pace::WhenReleased).await);
    let mut cartkey = here.serve().await;
    let mut stream = connect(cartkey.listen).await;
    stream.write_all(&begin(cartkey.listen, &shop.home())).await.unwrap();
    until(|| !shop.requests().is_empty()).await;
    cartkey.tell(Signal::TERM);
    let listen = cartkey.listen;
    until_async(async || TcpStream::connect(listen).await.is_err()).await;
    shop.release();
    assert!(is_sent_on(&whole_answer(stream).await));
    assert_eq!(cartkey.ended().await.code(), Some(0));
}

/// SQLite waits 40 s for another process's lock; nobody who stops or upgrades a service waits that long.
#[tokio::test]
async fn a_worker_that_waits_for_a_locked_database_does_not_hold_up_the_end() {
    let (here, shop) = (Installation::new().await, pretend_shop(client(), Pace::Brisk).await);
    let (token, client) = (here.token("links:write"), client());
    let mut cartkey = here.serve().await;
    let begun = crash::begin(&cartkey, &client, &shop, &token, "198.51.100.1").await;
    shop.switch(|s| s.pace = Pace::WhenReleased);
    let url = format!("http://{}/wc-auth/callback/{}", cartkey.listen, begun.callback);
    let headers = [("content-type", "application/json".to_owned())];
    assert_eq!(ask(&client, Method::POST, &url, &headers, &begun.body()).await.unwrap().0, 200);
    until(|| shop.requests().iter().any(|seen| seen.target.contains("system_status"))).await;
    // The prover has the key in hand, and can neither save a result nor return it to the queue.
    let locked = Locked::hold(&here.settings["CARTKEY_DATABASE_URL"]).await;
    cartkey.tell(Signal::TERM);
    let warning = cartkey.logged("stopping without these workers").await;
    assert!(warning["workers"].as_str().is_some_and(|workers| workers.contains("prover")), "{warning}");
    assert_eq!(cartkey.ended().await.code(), Some(0));
    locked.release().await;
    shop.release();
    // Its claim expires after two minutes; until then the key waits, as after a crash.
    cartkey = here.serve().await;
    let (status, link) = cartkey.ask(&client, Method::GET, &format!("/api/v1/links/{}", begun.link), &token, "").await;
    assert_eq!((status, &link["attempt"]["status"]), (200, &json!("proving")), "{link}");
}

#[tokio::test]
async fn a_process_that_was_told_to_stop_is_alive_and_not_ready() {
    let world = World::new().await;
    let client = world.client();
    let asked = async |path: &str| ask(&client, Method::GET, &format!("{KEYS}{path}"), &[], "").await.unwrap();
    assert_eq!(asked("/readyz").await, (200, "ok\n".to_owned()));
    world.app.draining.store(true, Ordering::Relaxed);
    assert_eq!(asked("/readyz").await.0, 503);
    assert_eq!(asked("/livez").await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn a_process_that_was_told_to_stop_leaves_the_keys_that_are_due_to_others() {
    let world = World::new().await;
    let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let sent = world.begin(&mut browser, &link).await;
    browser.approve_on(sent).await;
    world.app.draining.store(true, Ordering::Relaxed);
    // A claim of its own would keep the others away for two minutes.
    assert_eq!(world.prove().await, 0);
    assert_eq!(prove::run_due(&world.replica().await).await.unwrap(), 1);
    assert_eq!(world.service("keys:read").await.get("/users/merchant-42/keys").await.status, 200);
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let (here, shop) = (Installation::new().await, pretend_shop(client(), Pace::WhenReleased).await);
        let mut cartkey = here.serve().await;
        let mut stream = connect(cartkey.listen).await;
        stream.write_all(&begin(cartkey.listen, &shop.home())).await.unwrap();
        until(|| !shop.requests().is_empty()).await;
        cartkey.tell(Signal::TERM);
        cartkey.logged("stopping").await;
        cartkey.tell(second);
        // The store has not answered and will not: nobody waits for it.
        assert_eq!(cartkey.ended().await.code(), Some(0));
        assert_eq!(whole_answer(stream).await, "");
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off_while_others_are_served() {
    let limits = Limits { head_within: Duration::from_millis(200), ..Limits::default() };
    let (listen, _stop) = accept(limits).await;
    let mut slow = connect(listen).await;
    let mut each = tokio::time::interval(Duration::from_millis(20));
    let dripping = async {
        // Steady as it is, it never ends: what counts is the time of the whole head.
        for byte in b"GET / HTTP/1.1\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'x')) {
            each.tick().await;
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            assert!(is_served(listen).await);
            let mut answer = [0; 64];
            if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(1), slow.read(&mut answer)).await {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, dripping).await.expect("cut off");
    assert!(is_served(listen).await);
}

#[tokio::test]
async fn a_connection_that_stays_silent_gives_its_place_back() {
    let limits = Limits { head_within: Duration::from_millis(200), connections: 1, ..Limits::default() };
    let (listen, _stop) = accept(limits).await;
    let silent = connect(listen).await;
    assert!(is_served(listen).await, "after the silent one was cut off");
    assert_eq!(whole_answer(silent).await, "");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let here = Installation::new().await;
    let cartkey = here.serve().await;
    let asked = async |headers: &str| {
        let mut stream = connect(cartkey.listen).await;
        let head = format!("GET /livez HTTP/1.1\r\nHost: keys\r\nConnection: close\r\n{headers}\r\n");
        // The answer may come, and the connection end, before all is written.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = whole_answer(stream).await;
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        // Nothing that a browser could run, show or frame.
        assert_eq!(answer.ends_with("\r\n\r\n"), status == "431", "{answer}");
        status
    };
    let headers = |count: usize| "X-Many: 1\r\n".repeat(count);
    assert_eq!(asked(&headers(62)).await, "200", "64 in all");
    assert_eq!(asked(&headers(63)).await, "431");
    assert_eq!(asked(&format!("X-Long: {}\r\n", "x".repeat(12 * 1024))).await, "200");
    assert_eq!(asked(&format!("X-Long: {}\r\n", "x".repeat(20 * 1024))).await, "431");
}

/// R3: whatever the process may not open, nothing that it acknowledges is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_file_descriptors_serves_again_when_it_has_some() {
    let here = Installation::new().await;
    let token = here.token("links:write");
    let mut cartkey = here.serve().await;
    let (pid, client) = (cartkey.pid(), client());
    let maximum = getrlimit(Resource::Nofile).maximum;
    let may_open = |files| prlimit(Some(pid), Resource::Nofile, Rlimit { current: files, maximum }).unwrap();
    let listen = cartkey.listen;
    let new = "{\"user_id\": \"m\"}";
    let make = async || {
        let headers = [("authorization", format!("Bearer {token}"))];
        let url = format!("http://{listen}/api/v1/links");
        ask(&client, Method::POST, &url, &headers, new).await.expect("an answer").0
    };
    assert_eq!(make().await, 201);
    may_open(Some(3));
    let (waited, ()) = tokio::join!(make(), async {
        cartkey.logged_line("a connection could not be accepted").await;
        may_open(maximum);
    });
    assert_eq!((waited, make().await), (201, 201));
    let (_, links) = cartkey.ask(&client, Method::GET, "/api/v1/links?user_id=m", &token, "").await;
    assert_eq!(links["data"].as_array().unwrap().len(), 3, "{links}");
}

#[tokio::test]
async fn the_internal_listener_alone_answers_services_and_answers_no_merchant() {
    let here = Installation::new().await.with("CARTKEY_INTERNAL_LISTEN", "127.0.0.1:0");
    let token = here.token("stores:read");
    let cartkey = here.serve().await;
    let (public, internal) = (cartkey.listen, cartkey.internal.expect("the log names where it listens"));
    let client = client();
    let asked = async |listen: SocketAddr, method: Method, path: &str| {
        let headers = [("authorization", format!("Bearer {token}"))];
        ask(&client, method, &format!("http://{listen}{path}"), &headers, "").await.unwrap().0
    };
    assert_eq!(asked(internal, Method::GET, "/api/v1/stores").await, 200);
    assert_eq!(asked(public, Method::GET, "/api/v1/stores").await, 404);
    assert_eq!(asked(public, Method::GET, "/connect").await, 200);
    assert_eq!(asked(internal, Method::GET, "/connect").await, 404);
    let callback = format!("/wc-auth/callback/{}", "A".repeat(43));
    assert_eq!(asked(internal, Method::POST, &callback).await, 404);
    for listen in [public, internal] {
        assert_eq!(asked(listen, Method::GET, "/livez").await, 200);
        assert_eq!(asked(listen, Method::GET, "/readyz").await, 200);
    }
}

#[tokio::test]
async fn a_process_whose_database_says_nothing_lives_is_not_ready_and_stops_when_told() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let here = Installation::new()
        .await
        .with("CARTKEY_DATABASE_URL", &format!("postgres://cartkey@{}/cartkey", mute.local_addr().unwrap()))
        .with("CARTKEY_LISTEN", &free.to_string());
    let mut cartkey = Running::start(here.command(&["serve"]));
    let client = client();
    let asked = async |path: &str| ask(&client, Method::GET, &format!("http://{free}{path}"), &[], "").await;
    until_async(async || asked("/livez").await == Some((200, "ok\n".to_owned()))).await;
    let (status, says) = asked("/readyz").await.unwrap();
    assert!(status == 503 && says.contains("starting"), "{status} {says}");
    let mut waits = connect(free).await;
    waits.write_all(b"POST /wc-auth/callback/x HTTP/1.1\r\nHost: keys\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    cartkey.tell(Signal::TERM);
    let answer = whole_answer(waits).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "), "{answer}");
    assert_eq!(cartkey.ended().await.code(), Some(0));
}

/// Our accept loop with these limits, in front of a page that says hello.
async fn accept(limits: Limits) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(serve::accept(listener, Router::new().route("/", get("hello")), limits, stopped));
    (listen, stop)
}

pub async fn is_served(listen: SocketAddr) -> bool {
    let mut stream = connect(listen).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    whole_answer(stream).await.ends_with("hello")
}

pub async fn connect(listen: SocketAddr) -> TcpStream {
    TcpStream::connect(listen).await.expect("it listens")
}

/// All data until the connection ends; empty if it was cut.
pub async fn whole_answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(PATIENCE, reading).await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

pub async fn until(is_so: impl Fn() -> bool) {
    until_async(async || is_so()).await;
}

pub async fn until_async(is_so: impl AsyncFn() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let looking = async {
        while !is_so().await {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it comes to that");
}

#[tokio::test]
async fn allowing_private_stores_is_logged_loudly_at_start() {
    for format in ["json", "text"] {
        let here = Installation::new().await.with("CARTKEY_LOG_FORMAT", format);
        let mut cartkey = Running::start(here.command(&["serve"]));
        let warning = cartkey.logged_line("CARTKEY_ALLOW_PRIVATE_STORES is on").await;
        assert!(warning.contains("WARN") && warning.contains("Never use it in production"), "{warning}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_listed_is_pointed_out() {
    let here = Installation::new().await.with("CARTKEY_TRUSTED_PROXIES", "10.0.0.0/8");
    let mut cartkey = here.serve().await;
    let url = format!("http://{}/connect", cartkey.listen);
    let headers = [("origin", "http://localhost:8080".to_owned()), ("x-forwarded-for", "203.0.113.9".to_owned())];
    let (status, says) = ask(&client(), Method::POST, &url, &headers, "store_url=").await.unwrap();
    assert_eq!(status, 303, "{says}");
    let warning = cartkey.logged("CARTKEY_TRUSTED_PROXIES does not list that address").await;
    assert_eq!((&warning["peer"], &warning["level"]), (&json!("127.0.0.1"), &json!("WARN")));
}
