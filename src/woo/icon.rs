//! Fetches a store's icon, without keys and without following redirects.

use std::time::Duration;

use hyper::header::{ACCEPT, HeaderValue};
use hyper::{Method, StatusCode};

use super::http::{Call, Client};
use crate::domain::{Icon, IconUrl};

/// Content negotiation must not choose a format that is refused.
const ACCEPTED: &str = "image/png, image/jpeg, image/webp, image/gif, image/x-icon";

/// The image at `url`, if it arrives whole within `within`.
pub async fn fetch(client: &Client, url: &IconUrl, within: Duration) -> Option<Icon> {
    let headers = vec![(ACCEPT, HeaderValue::from_static(ACCEPTED))];
    let call =
        Call { method: Method::GET, url: url.as_str(), headers, body: Vec::new(), within, at_most: Icon::AT_MOST };
    let reply = client.send(call).await.ok()?;
    if reply.status == StatusCode::OK && !reply.is_cut { Icon::read(reply.body) } else { None }
}
