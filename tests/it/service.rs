//! An internal service: its token and its requests to Cartkey.

use std::time::Duration;

use cartkey::woo::{Call, Client};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde_json::Value;

use crate::described;
use crate::world::KEYS;

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if empty.
    pub json: Value,
}

impl Answer {
    /// A text field of the body; empty if missing.
    pub fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_default()
    }

    /// Status and problem code, in one text.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert!(self.text("request_id").starts_with("rq_"), "{self:?}");
        assert_eq!(self.json["status"], self.status.as_u16(), "{self:?}");
        (self.status.as_u16(), self.text("code"))
    }

    /// The body of an answer that must be a success.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json
    }
}

/// An internal service.
pub struct Service {
    /// The HTTPS client.
    pub client: Client,
    /// Its token in plain text.
    pub token: String,
    /// Its token's id.
    pub token_id: String,
}

impl Service {
    /// GET `/api/v1{path}`.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], Vec::new()).await
    }

    /// POST `/api/v1{path}`.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, &[], body.to_string().into_bytes()).await
    }

    /// DELETE `/api/v1{path}`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, &[], Vec::new()).await
    }

    /// Sends any request. The answer must match the description.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&'static str, &str)], body: Vec<u8>) -> Answer {
        let mut all = vec![(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", self.token)).unwrap())];
        for (name, value) in headers {
            let name = HeaderName::from_static(name);
            all.retain(|(known, _)| *known != name);
            all.push((name, HeaderValue::from_str(value).unwrap()));
        }
        let url = format!("{KEYS}/api/v1{path}");
        let asked = method.to_string();
        let call = Call { method, url: &url, headers: all, body, within: Duration::from_secs(30), at_most: 4 << 20 };
        let reply = self.client.send(call).await.expect("an answer");
        let json = if reply.body.is_empty() { Value::Null } else { serde_json::from_slice(&reply.body).expect("JSON") };
        let faults = described::faults(&asked, path, reply.status.as_u16(), &reply.headers, &json);
        assert!(faults.is_empty(), "{}\n{json}", faults.join("\n"));
        Answer { status: reply.status, headers: reply.headers, json }
    }
}
