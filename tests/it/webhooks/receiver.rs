//! An internal service that receives webhooks: it records requests and answers as instructed.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use cartkey::app::App;
use cartkey::domain::actor::Actor;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::Network;
use cartkey::domain::time::Time;
use cartkey::domain::webhook::{Webhook, WebhookUrl};
use cartkey::flow::webhooks::{self, NewWebhook};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::described;
use crate::world::World;

/// One received request.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: String,
}

impl Sent {
    /// A header; empty if missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The parsed body, which must match the schema of its type.
    pub fn json(&self) -> Value {
        let event = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(described::faults_of_event(&event), Vec::<String>::new(), "{event}");
        event
    }
}

/// How it answers.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Whether it delays all answers until [`Receiver::let_go`].
    pub holds: bool,
}

/// The service.
pub struct Receiver {
    /// Its address.
    pub url: String,
    kept: Arc<Kept>,
}

struct Kept {
    sent: Mutex<Vec<Sent>>,
    answers: Mutex<Answers>,
    gate: Semaphore,
    /// The requests waiting for an answer now, and the most at once.
    inside: Mutex<(usize, usize)>,
}

impl Receiver {
    /// A receiver that accepts everything.
    pub async fn new() -> Self {
        let kept = Arc::new(Kept {
            sent: Mutex::default(),
            answers: Mutex::new(Answers { status: 204, headers: Vec::new(), holds: false }),
            gate: Semaphore::new(0),
            inside: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, kept }
    }

    /// Changes its answer from now on.
    pub fn answers(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.kept.answers.lock().unwrap());
    }

    /// Releases the delayed answers, and delays no further ones.
    pub fn let_go(&self) {
        self.answers(|answers| answers.holds = false);
        self.kept.gate.add_permits(1_000);
    }

    /// The requests received so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.kept.sent.lock().unwrap().clone()
    }

    /// The number of requests received.
    pub fn count(&self) -> usize {
        self.kept.sent.lock().unwrap().len()
    }

    /// Returns the event types received, in order of arrival, and clears them.
    pub fn told(&self) -> Vec<String> {
        let sent = std::mem::take(&mut *self.kept.sent.lock().unwrap());
        sent.iter().map(|each| each.json()["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the merchants of the events received, in order of events, and clears them.
    pub fn users(&self) -> Vec<String> {
        let mut sent: Vec<Value> =
            std::mem::take(&mut *self.kept.sent.lock().unwrap()).iter().map(Sent::json).collect();
        sent.sort_by_key(|each| each["id"].to_string());
        sent.iter().map(|each| each["data"]["user_id"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The most requests waiting for an answer at once.
    pub fn at_once(&self) -> usize {
        self.kept.inside.lock().unwrap().1
    }

    /// Waits until it has received this many requests.
    pub async fn is_sent(&self, count: usize) {
        let mut look = tokio::time::interval(std::time::Duration::from_millis(2));
        while self.kept.sent.lock().unwrap().len() < count {
            look.tick().await;
        }
    }

    /// Adds it as a webhook for these events.
    pub async fn joins(&self, app: &App, wanted: &str) -> (Webhook, Secret) {
        webhooks::add(app, self.new_webhook(wanted), &Actor::cli()).await.unwrap()
    }

    /// The properties of a webhook at this address.
    pub fn new_webhook(&self, wanted: &str) -> NewWebhook {
        let url = WebhookUrl::parse(&self.url, Network::PrivateToo).unwrap();
        NewWebhook { url, description: "a receiver".to_owned(), wanted: wanted.parse().unwrap(), users: None }
    }
}

async fn answer(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> Response {
    {
        let mut inside = kept.inside.lock().unwrap();
        inside.0 += 1;
        inside.1 = inside.1.max(inside.0);
    }
    let body = String::from_utf8(body.to_vec()).unwrap();
    kept.sent.lock().unwrap().push(Sent { headers, body });
    let answers = kept.answers.lock().unwrap().clone();
    if answers.holds {
        kept.gate.acquire().await.unwrap().forget();
    }
    kept.inside.lock().unwrap().0 -= 1;
    let mut answer = StatusCode::from_u16(answers.status).unwrap().into_response();
    for (name, value) in answers.headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

/// Python with the third-party library, at the time `now`.
const CHECKER: &str = "
import datetime, json, sys
from standardwebhooks import webhooks
asked = json.load(sys.stdin)
class At(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(asked['now'], tz)
webhooks.datetime = At
try:
    event = webhooks.Webhook(asked['secret']).verify(asked['body'], asked['headers'])
    print(json.dumps(event))
except webhooks.WebhookVerificationError as error:
    sys.exit(str(error))
";

/// The result of the Python library of Standard Webhooks: the event, or why it is refused. `STANDARD_WEBHOOKS` names the library
/// that `scripts/standard-webhooks` has fetched.
pub fn check(sent: &Sent, secret: &str, now: Time) -> Result<Value, String> {
    let usual =
        concat!(env!("CARGO_MANIFEST_DIR"), "/target/standard-webhooks/standardwebhooks-1.1.0-py3-none-any.whl");
    let library = std::env::var("STANDARD_WEBHOOKS").unwrap_or_else(|_| usual.to_owned());
    assert!(std::fs::exists(&library).unwrap(), "{library} is missing; run scripts/standard-webhooks, or scripts/test");
    let headers: serde_json::Map<String, Value> =
        sent.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap()))).collect();
    let asked = json!({"secret": secret, "body": sent.body, "headers": headers, "now": now.seconds()});
    let mut python = Command::new("python3")
        .args(["-c", CHECKER])
        .env("PYTHONPATH", library)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    python.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let done = python.wait_with_output().unwrap();
    let says = String::from_utf8(done.stderr).unwrap();
    if done.status.success() {
        Ok(serde_json::from_slice(&done.stdout).unwrap())
    } else {
        assert!(!says.contains("Traceback"), "{says}");
        Err(says.trim().to_owned())
    }
}

impl World {
    /// Adds a webhook at this address for these events; returns it and its secret.
    pub async fn webhook(&self, url: &str, wanted: &str) -> (Webhook, Secret) {
        let url = WebhookUrl::parse(url, Network::PrivateToo).unwrap();
        let new = NewWebhook { url, description: "Shipping".to_owned(), wanted: wanted.parse().unwrap(), users: None };
        webhooks::add(&self.app, new, &Actor::cli()).await.unwrap()
    }
}
