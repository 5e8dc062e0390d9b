//! kill -9 right after a callback's 200: every acknowledged key is there after the restart, and is proven.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cartkey::demo::pretend_store::{IssuedKey, Pace, PretendStore, SeenRequest};
use cartkey::domain::scope::Scope;
use cartkey::woo::{Call, Client};
use hyper::Method;
use hyper::header::HeaderName;
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinSet;
use url::Url;

use crate::binary::{Installation, PATIENCE, Running, ask, client, pretend_shop};
use crate::merchant::html;
use crate::process::until;

const ROUNDS: usize = 8;
/// Concurrent callbacks per round: the kill comes after each third of them, so up to half are acknowledged by then.
const AT_ONCE: usize = 3 * ROUNDS;
/// A key is tried a second after it was received. If the kill took longer, the dead process had claimed it, and with PostgreSQL the
/// claim must expire first.
const CLAIMED_FOR: Duration = Duration::from_mins(2);
/// The `Origin` of the pages' own forms: the default public address.
const ORIGIN: &str = "http://localhost:8080";

/// An open attempt, and the key its store is about to post.
pub struct Begun {
    pub link: String,
    pub callback: String,
    state: String,
    key: IssuedKey,
}

impl Begun {
    /// What its store posts.
    pub fn body(&self) -> String {
        let key = &self.key;
        json!({
            "key_id": key.key_id, "user_id": self.state, "consumer_key": key.consumer_key,
            "consumer_secret": key.consumer_secret, "key_permissions": key.permissions,
        })
        .to_string()
    }

    /// Whether a request to the store uses this key.
    fn is_asked_by(&self, request: &SeenRequest) -> bool {
        request.target.contains(&self.key.consumer_key)
            || request.header("authorization").is_some_and(|value| value.contains(&self.key.consumer_key))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_survives_kill_9_and_is_proven_after_the_restart() {
    let here = Installation::new().await;
    let (shop, client) = (pretend_shop(client(), Pace::Brisk).await, client());
    let token = here.token("links:write");
    let mut cartkey = here.serve().await;
    let mut begun = begin_all(&cartkey, &client, &shop, &token, 0).await;
    let mut acknowledged_in_all = 0;
    for round in 0..ROUNDS {
        // All along the row: the first 200, the fourth, …
        let acknowledged = post_and_kill(&mut cartkey, &client, begun, 1 + 3 * round).await;
        acknowledged_in_all += acknowledged.len();
        let asked_before = shop.requests().len();
        cartkey = here.serve().await;
        for begun in &acknowledged {
            let path = format!("/api/v1/links/{}", begun.link);
            let (status, link) = cartkey.ask(&client, Method::GET, &path, &token, "").await;
            assert_eq!(status, 200, "round {round}: {link}");
            let now = link["attempt"]["status"].as_str().unwrap();
            assert!(["received", "proving"].contains(&now), "round {round}: an acknowledged grant is {now}");
        }
        // The next round's merchants come while the keys of this one are proven.
        begun = begin_all(&cartkey, &client, &shop, &token, round + 1).await;
        wait_until_asked(&shop, asked_before, &acknowledged).await;
    }
    assert!(acknowledged_in_all >= ROUNDS * (AT_ONCE - 1) / 2, "{acknowledged_in_all} were acknowledged");
}

/// On PostgreSQL another replica may be trying the key: there the claim must run out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_being_tried_when_its_process_was_killed_is_tried_again_at_the_restart() {
    if std::env::var("TEST_POSTGRES_URL").is_ok() {
        return;
    }
    let here = Installation::new().await;
    let (shop, client) = (pretend_shop(client(), Pace::Brisk).await, client());
    let token = here.token("links:write");
    let mut cartkey = here.serve().await;
    let begun = begin(&cartkey, &client, &shop, &token, "198.51.100.7").await;
    shop.switch(|switches| switches.pace = Pace::Never);
    let before = shop.requests().len();
    let url = format!("http://{}/wc-auth/callback/{}", cartkey.listen, begun.callback);
    let headers = [("content-type", "application/json;charset=UTF-8".to_owned())];
    let answer = ask(&client, Method::POST, &url, &headers, &begun.body()).await;
    assert_eq!(answer.expect("an answer").0, 200);
    // Nobody but the prover asks this store.
    until(|| shop.requests().len() > before).await;
    rustix::process::kill_process(cartkey.pid(), Signal::KILL).expect("it runs");
    cartkey.ended().await;
    let before = shop.requests().len();
    let _cartkey = here.serve().await;
    until(|| shop.requests().len() > before).await;
}

/// Posts all callbacks concurrently and kills the process when the `last`-th 200 has been read. Returns the acknowledged ones.
async fn post_and_kill(cartkey: &mut Running, client: &Client, begun: Vec<Begun>, last: usize) -> Vec<Begun> {
    let answers = Arc::new(AtomicUsize::new(0));
    let pid = cartkey.pid();
    let mut posting = JoinSet::new();
    for begun in begun {
        let (client, answers) = (client.clone(), Arc::clone(&answers));
        let url = format!("http://{}/wc-auth/callback/{}", cartkey.listen, begun.callback);
        posting.spawn(async move {
            let headers = [("content-type", "application/json;charset=UTF-8".to_owned())];
            let answer = ask(&client, Method::POST, &url, &headers, &begun.body()).await;
            if let Some((status, body)) = &answer {
                assert_eq!(*status, 200, "{body}");
                if answers.fetch_add(1, Ordering::SeqCst) + 1 == last {
                    rustix::process::kill_process(pid, Signal::KILL).expect("it runs");
                }
            }
            answer.map(|_| begun)
        });
    }
    let acknowledged: Vec<Begun> = posting.join_all().await.into_iter().flatten().collect();
    assert!(acknowledged.len() >= last);
    assert_eq!(cartkey.ended().await.code(), None, "ended by the signal");
    acknowledged
}

/// Merchants on different networks open a link each and are sent to the store.
async fn begin_all(cartkey: &Running, client: &Client, shop: &PretendStore, token: &str, round: usize) -> Vec<Begun> {
    let mut all = Vec::new();
    for number in 0..AT_ONCE {
        all.push(begin(cartkey, client, shop, token, &format!("198.51.{round}.{number}")).await);
    }
    all
}

/// A merchant at this address opens a link and is sent to the store.
pub async fn begin(cartkey: &Running, client: &Client, shop: &PretendStore, token: &str, address: &str) -> Begun {
    let new = json!({"user_id": format!("merchant-{address}"), "store_url": shop.home()}).to_string();
    let (status, link) = cartkey.ask(client, Method::POST, "/api/v1/links", token, &new).await;
    assert_eq!(status, 201, "{link}");
    let path = Url::parse(link["url"].as_str().unwrap()).unwrap().path().to_owned();
    let headers = [
        ("origin", ORIGIN.to_owned()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-forwarded-for", address.to_owned()),
    ];
    let form = serde_urlencoded::to_string([("store_url", shop.home())]).unwrap();
    let url = format!("http://{}{path}", cartkey.listen);
    // Without the cookie that the answer sets, the page that it leads to is nobody's.
    let header = |(name, value): &(&'static str, String)| (HeaderName::from_static(name), value.parse().unwrap());
    let headers = headers.iter().map(header).collect();
    let body = form.into_bytes();
    let call = Call { method: Method::POST, url: &url, headers, body, within: PATIENCE, at_most: 1 << 20 };
    let answer = client.send(call).await.expect("an answer");
    assert_eq!(answer.status, 303);
    let text = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    let cookie = text("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let page = format!("http://{}{}", cartkey.listen, text("location"));
    let (status, page) = ask(client, Method::GET, &page, &[("cookie", cookie)], "").await.expect("an answer");
    assert_eq!(status, 200, "{page}");
    let (state, callback) = sent(&page);
    let key = shop.issue_key("admin", Scope::ReadWrite);
    Begun { link: link["id"].as_str().unwrap().to_owned(), callback, state, key }
}

/// The state and the callback token in the address to which a page sends the browser.
fn sent(page: &str) -> (String, String) {
    let links = html::elements(page, "a");
    let link = links.iter().find(|link| link.attribute("data-send").is_some()).expect("the page sends on");
    let url = Url::parse(link.attribute("href").unwrap()).unwrap();
    let value = |name| url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
    let callback = value("callback_url");
    (value("user_id"), callback[callback.len() - 43..].to_owned())
}

/// Waits until the store has received a request with each of these keys.
async fn wait_until_asked(shop: &PretendStore, before: usize, keys: &[Begun]) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let asking = async {
        loop {
            look.tick().await;
            let requests = shop.requests();
            if keys.iter().all(|key| requests[before..].iter().any(|request| key.is_asked_by(request))) {
                return;
            }
        }
    };
    tokio::time::timeout(CLAIMED_FOR + PATIENCE, asking)
        .await
        .expect("every acknowledged key is tried after the restart");
}
