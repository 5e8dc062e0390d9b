//! An attempt's callback as its store knows it, and helpers that post to it.

use std::time::Duration;

use cartkey::woo::Call;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use crate::merchant::Page;
use crate::world::World;

/// The parts of the approval page's address.
#[derive(Debug, Clone)]
pub struct Callback {
    /// The callback's address.
    pub url: String,
    /// The attempt's state, which the store calls `user_id`.
    pub state: String,
    /// The return address for the browser.
    pub return_url: String,
    /// The attempt's id, from that address.
    pub attempt: String,
}

/// The answer to a post.
#[derive(Debug)]
pub struct Posted {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Callback {
    /// Reads the page that sends the browser on.
    pub fn of(sent: &Page) -> Self {
        let target = sent.refresh().unwrap_or_else(|| panic!("{} sends nobody on: {}", sent.url, sent.text()));
        let url: Url = target.parse().unwrap();
        let value = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
        let return_url = value("return_url");
        let attempt = return_url.rsplit('/').next().unwrap().to_owned();
        Self { url: value("callback_url"), state: value("user_id"), attempt, return_url }
    }

    /// The address to which the store sends the browser after Approve.
    pub fn approved(&self) -> String {
        format!("{}?success=1&user_id={}", self.return_url, self.state)
    }

    /// The address to which the store sends the browser after Deny.
    pub fn denied(&self) -> String {
        format!("{}?success=0&user_id={}", self.return_url, self.state)
    }

    /// WooCommerce's body, with a key made from this number.
    pub fn body(&self, number: u64) -> Value {
        json!({
            "key_id": number,
            "user_id": self.state,
            "consumer_key": format!("ck_{number:040x}"),
            "consumer_secret": format!("cs_{number:040x}"),
            "key_permissions": "read_write",
        })
    }

    /// Posts a body here.
    pub async fn post(&self, world: &World, body: &Value) -> u16 {
        post(world, &self.url, "application/json;charset=UTF-8", body.to_string()).await.status
    }
}

/// Posts any body to any address.
pub async fn post(world: &World, url: &str, kind: &str, body: impl Into<Vec<u8>>) -> Posted {
    ask(world, Method::POST, url, kind, body.into()).await
}

/// Sends any request.
pub async fn ask(world: &World, method: Method, url: &str, kind: &str, body: Vec<u8>) -> Posted {
    let headers = vec![(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap())];
    let call = Call { method, url, headers, body, within: Duration::from_secs(30), at_most: 1 << 20 };
    let reply = world.client().send(call).await.expect("an answer");
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    Posted { status: reply.status.as_u16(), headers: reply.headers, body }
}
