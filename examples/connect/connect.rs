//! Connects a merchant's WooCommerce store through Cartkey, then uses it. Needs `ureq` (with `json` and `platform-verifier`),
//! `serde_json` and `url`; for stores that need OAuth also `ring`, `base64` and `percent-encoding`.
//!
//! ```sh
//! export CARTKEY=http://127.0.0.1:8090 TOKEN=cartkey_… RETURN_URL=https://app.example.com/connected
//! cargo run --example connect -- link merchant-42                     # prints the address to send the merchant to
//! cargo run --example connect -- came-back RETURNED_TO merchant-42    # the address they returned to, and the signed-in user
//! cargo run --example connect -- orders merchant-42                   # calls their store
//! cargo run --example connect -- follow                               # prints events as they happen
//! ```

#![expect(clippy::print_stdout, reason = "its results are printed")]
#![expect(clippy::disallowed_methods, reason = "an application has its own clock")]

use std::collections::HashMap;
use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The characters that OAuth does not encode (RFC 3986 §2.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A client for Cartkey that remembers the keys it fetched.
struct Cartkey {
    agent: Agent,
    remembered: HashMap<String, (String, Value)>,
}

impl Cartkey {
    fn new() -> Self {
        // Uses the system's root certificates; error responses are returned like any other. Redirects are not followed: a key
        // is for its own store only.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder().tls_config(tls).http_status_as_error(false).max_redirects(0).build();
        Self { agent: config.into(), remembered: HashMap::new() }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>, etag: Option<&str>) -> Outcome<Response<Body>> {
        let mut request = Request::builder().method(method).uri(env::var("CARTKEY")? + path);
        request = request.header("Authorization", format!("Bearer {}", env::var("TOKEN")?));
        if let Some(etag) = etag {
            request = request.header("If-None-Match", etag);
        }
        let mut answer = match body {
            Some(body) => self.agent.run(request.body(body.to_string())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        if answer.status().as_u16() >= 400 {
            // A problem that Cartkey reports: match on `code`.
            let problem: Value = answer.body_mut().read_json()?;
            return Err(format!("{}: {}", text(&problem, "code"), text(&problem, "detail")).into());
        }
        Ok(answer)
    }

    /// 1. Creates a link for the merchant who is signed in to your application. Send them to its address.
    fn make_link(&self, user_id: &str) -> Outcome<String> {
        let new_link = json!({"user_id": user_id, "return_url": env::var("RETURN_URL")?, "confirm": "app"});
        let link: Value = self.ask("POST", "/api/v1/links", Some(&new_link), None)?.body_mut().read_json()?;
        Ok(text(&link, "url").to_owned())
    }

    /// 2. The merchant's browser has returned. State who is signed in: if the link is someone else's, Cartkey connects nothing.
    fn came_back(&self, returned_to: &str, signed_in: &str) -> Outcome<Option<Value>> {
        let query: HashMap<String, String> = Url::parse(returned_to)?.query_pairs().into_owned().collect();
        if query.get("status").map(String::as_str) != Some("awaiting_confirmation") {
            return Ok(None);
        }
        let path = format!("/api/v1/attempts/{}/confirm", quote(&query["attempt_id"]));
        let code = json!({"code": query["code"], "user_id": signed_in});
        Ok(Some(self.ask("POST", &path, Some(&code), None)?.body_mut().read_json()?))
    }

    /// 3. Fetches the store's keys. Call it whenever you need them: while they are unchanged, the response is a short 304.
    fn keys_of(&mut self, user_id: &str) -> Outcome<Value> {
        let known = self.remembered.get(user_id);
        let path = format!("/api/v1/users/{}/keys", quote(user_id));
        let mut answer = self.ask("GET", &path, None, known.map(|(etag, _)| etag.as_str()))?;
        if let Some((_, keys)) = known.filter(|_| answer.status() == 304) {
            return Ok(keys.clone());
        }
        let keys: Value = answer.body_mut().read_json()?;
        let etag = answer.headers()["etag"].to_str()?.to_owned();
        self.remembered.insert(user_id.to_owned(), (etag, keys.clone()));
        Ok(keys)
    }

    /// 4. Sends a GET to the store's REST API, with the key as this store accepts it.
    fn ask_store(&self, keys: &Value, path: &str, query: &[(&str, &str)]) -> Outcome<Response<Body>> {
        let address = format!("{}{path}", text(keys, "api_url"));
        // A store with plain permalinks has the path in a parameter.
        let (url, in_url) = address.split_once('?').unwrap_or((&address, ""));
        // An application password of WordPress: user name and password take the places of key and secret.
        let (key, secret) = match text(keys, "auth_method") {
            "application_password" => (text(keys, "username"), text(keys, "password")),
            _ => (text(keys, "consumer_key"), text(keys, "consumer_secret")),
        };
        let in_url = in_url.split('&').filter_map(|pair| pair.split_once('='));
        let mut query: Vec<(String, String)> =
            in_url.chain(query.iter().copied()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut request = Request::builder().header("User-Agent", "my-app/1.0").header("Accept", "application/json");
        match text(keys, "auth_method") {
            "basic" | "application_password" => {
                request =
                    request.header("Authorization", format!("Basic {}", STANDARD.encode(format!("{key}:{secret}"))));
            }
            "query" => {
                query.push(("consumer_key".to_owned(), key.to_owned()));
                query.push(("consumer_secret".to_owned(), secret.to_owned()));
            }
            // The store's PHP does not see https: send over https, sign as http.
            "oauth1_http" => sign(&url.replacen("https://", "http://", 1), &mut query, key, secret)?,
            _ => sign(url, &mut query, key, secret)?,
        }
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{}={}", quote(name), quote(value))).collect();
        Ok(self.agent.run(request.uri(format!("{url}?{}", pairs.join("&"))).body(())?)?)
    }

    fn orders(&mut self, user_id: &str) -> Outcome<String> {
        let keys = self.keys_of(user_id)?;
        let mut answer = self.ask_store(&keys, "/orders", &[("per_page", "10")])?;
        if matches!(answer.status().as_u16(), 401 | 403) {
            // 5. Report it to Cartkey, which checks the store itself and returns the reason.
            let path = format!("/api/v1/stores/{}/check", text(&keys, "store_id"));
            let store: Value = self.ask("POST", &path, None, None)?.body_mut().read_json()?;
            return Err(format!("the store refused: {}, {}", text(&store, "status"), text(&store, "reason")).into());
        }
        if answer.status().as_u16() != 200 {
            return Err(format!("the store answered {}", answer.status().as_u16()).into());
        }
        let orders = read_json(&answer.body_mut().read_to_string()?)?;
        let count = orders.as_array().map_or(0, Vec::len);
        Ok(format!("{count} orders, by {}", text(&self.keys_of(user_id)?, "auth_method")))
    }

    /// 6. Prints all events, in order, with no gaps. Store `next` to continue there after a restart.
    fn follow(&self, mut after: String) -> Outcome<()> {
        loop {
            let path = format!("/api/v1/events?after={after}&wait=20");
            let news: Value = self.ask("GET", &path, None, None)?.body_mut().read_json()?;
            for event in news["data"].as_array().into_iter().flatten() {
                println!("{} {} {}", text(event, "id"), text(event, "type"), text(&event["data"], "store_id"));
            }
            text(&news, "next").clone_into(&mut after);
        }
    }
}

/// OAuth 1.0a (RFC 5849) as WooCommerce expects it: one-legged, in the query, HMAC-SHA256.
fn sign(url: &str, query: &mut Vec<(String, String)>, key: &str, secret: &str) -> Outcome<()> {
    let mut nonce = [0_u8; 16];
    SystemRandom::new().fill(&mut nonce).map_err(|_| "no randomness")?;
    let own = [
        ("oauth_consumer_key", key.to_owned()),
        ("oauth_nonce", nonce.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))),
        ("oauth_signature_method", "HMAC-SHA256".to_owned()),
        ("oauth_timestamp", SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string()),
    ];
    query.extend(own.map(|(name, value)| (name.to_owned(), value)));
    let mut pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", quote(name), quote(value))).collect();
    pairs.sort();
    let base = format!("GET&{}&{}", quote(url.trim_end_matches('/')), quote(&pairs.join("&")));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, format!("{secret}&").as_bytes()), base.as_bytes());
    query.push(("oauth_signature".to_owned(), STANDARD.encode(signature)));
    Ok(())
}

/// Parses the store's JSON, also among PHP notices and comments (`notes`: `json_has_noise`): the first object or list of objects.
fn read_json(text: &str) -> Outcome<Value> {
    let starts = text.match_indices(['[', '{']);
    let values = starts.filter_map(|(at, _)| serde_json::Deserializer::from_str(&text[at..]).into_iter().next()?.ok());
    let is_it = |value: &Value| value.as_array().is_none_or(|all| all.iter().all(Value::is_object));
    values.into_iter().find(is_it).ok_or_else(|| "the store did not answer with JSON".into())
}

fn quote(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut cartkey = Cartkey::new();
    match arguments[..] {
        ["link", user_id] => println!("{}", cartkey.make_link(user_id)?),
        ["came-back", returned_to, signed_in] => match cartkey.came_back(returned_to, signed_in)? {
            Some(store) => println!("connected {} {}", text(&store, "id"), text(&store, "url")),
            None => println!("not connected"),
        },
        ["orders", user_id] => println!("{}", cartkey.orders(user_id)?),
        ["follow"] => cartkey.follow("latest".to_owned())?,
        ["follow", after] => cartkey.follow(after.to_owned())?,
        _ => return Err("link USER_ID | came-back RETURNED_TO USER_ID | orders USER_ID | follow [AFTER]".into()),
    }
    Ok(())
}
