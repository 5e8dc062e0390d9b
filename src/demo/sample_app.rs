//! A complete sample application: its users sign in, connect a store through Cartkey and return. `connect` and `came_back` are all
//! the integration an application needs. No user can get another's store, because the application states the signed-in user when it
//! confirms.
//!
//! It uses only Cartkey's service API, like any application. The sign-in is a pretend one: entering a name signs in as that user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::domain::{Entropy, Secret};
use crate::woo::{Call, Client};

/// The style sheet of its pages.
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem;\
    color:#14171d;background:#fff}main{display:grid;gap:1rem}button,input{font:inherit;padding:.5rem .9rem}\
    .card{border:1px solid #c6cbd4;border-radius:.5rem;padding:1rem}.bad{border-color:#ac231b}p,h1,pre{margin:0}main>*{min-width:0}pre{white-space:pre-wrap;overflow-wrap:anywhere}\
    @media(prefers-color-scheme:dark){body{color:#eceef2;background:#0e1014}a{color:#aab4ff}.card{border-color:#565e6b}}";

#[derive(Clone)]
pub struct Settings {
    /// The base address of Cartkey's service API, without a trailing slash.
    pub api: String,
    /// Its service token, with `links:write` and `stores:read`.
    pub token: Secret,
    /// Cartkey's public address, from which the button's script is loaded.
    pub cartkey: String,
    /// Its own origin, listed in Cartkey's `CARTKEY_RETURN_ORIGINS`.
    pub origin: String,
    /// The HTTP client for requests to Cartkey.
    pub client: Client,
    /// The source of session ids.
    pub entropy: Entropy,
}

/// The application: its settings and the signed-in users.
#[derive(Clone)]
struct SampleApp {
    settings: Arc<Settings>,
    sessions: Arc<Mutex<HashMap<String, String>>>,
}

pub fn router(settings: Settings) -> Router {
    let app = SampleApp { settings: Arc::new(settings), sessions: Arc::default() };
    Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/connect", post(connect))
        .route("/button", get(button))
        .route("/connected", get(came_back))
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], STYLE)))
        .with_state(app)
}

/// Shows the signed-in user and their stores.
async fn home(State(app): State<SampleApp>, headers: HeaderMap) -> Response {
    let Some(user) = app.signed_in(&headers) else {
        return app.page(
            "Who are you?",
            "<form method=\"post\" action=\"/sign-in\"><label for=\"name\">A name in lowercase letters</label> \
             <input id=\"name\" name=\"name\" pattern=\"[a-z]{1,32}\" required> <button>Sign in</button></form>",
        );
    };
    let found = app.cartkey(Method::GET, &format!("/api/v1/stores?status=connected&user_id={user}"), None).await;
    let found = match found {
        Ok(found) => found,
        Err(trouble) => return app.trouble(&trouble),
    };
    let stores = found["data"].as_array().into_iter().flatten();
    let list = stores
        .fold(String::new(), |list, store| list + &format!("<li>{}: {}</li>", text(store, "name"), text(store, "url")));
    let list = if list.is_empty() { "<p>No store is connected.</p>".to_owned() } else { format!("<ul>{list}</ul>") };
    let inside = format!(
        "<p>Signed in as {user}.</p><div class=\"card\">{list}</div>\
         <form method=\"post\" action=\"/connect\"><button>Connect a store</button></form>\
         <p>The same <a href=\"/button\">with Cartkey's own button</a>.</p>"
    );
    app.page("Your stores", &inside)
}

/// A pretend sign-in: entering a name signs in as that user.
async fn sign_in(State(app): State<SampleApp>, body: Bytes) -> Response {
    let fields: HashMap<String, String> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let name = fields.get("name").filter(|name| (1..=32).contains(&name.len()));
    let Some(name) = name.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase())) else {
        return Redirect::to("/").into_response();
    };
    let session = app.settings.entropy.secret().expose().to_owned();
    let cookie = format!("sample-session={session}; HttpOnly; SameSite=Lax; Path=/");
    app.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(session, name.clone());
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// Step 1: creates a link for the signed-in user and redirects to Cartkey.
async fn connect(State(app): State<SampleApp>, headers: HeaderMap) -> Response {
    let Some(user) = app.signed_in(&headers) else { return Redirect::to("/").into_response() };
    match app.link(&user).await {
        Ok(link) => Redirect::to(&link).into_response(),
        Err(problem) => app.trouble(&problem),
    }
}

/// The same with the button: one tag, and no Content-Security-Policy source except its `script-src`.
async fn button(State(app): State<SampleApp>, headers: HeaderMap) -> Response {
    let Some(user) = app.signed_in(&headers) else { return Redirect::to("/").into_response() };
    let link = match app.link(&user).await {
        Ok(link) => escaped(&link),
        Err(problem) => return app.trouble(&problem),
    };
    let tag = format!("<script src=\"{}/button.js\" data-link=\"{link}\"></script>", app.settings.cartkey);
    app.page(
        "One tag",
        &format!("<p>Signed in as {user}.</p><div>{tag}</div><pre class=\"card\">{}</pre>", escaped(&tag)),
    )
}

/// Step 2: the browser returns. Its parameters may be forged, so the code is spent together with the name of the user signed in
/// here. Cartkey connects nothing if the link was for another user.
async fn came_back(State(app): State<SampleApp>, parts: Parts) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let query: HashMap<String, String> = serde_urlencoded::from_str(query).unwrap_or_default();
    let Some(user) = app.signed_in(&parts.headers) else {
        return app.page(
            "Sign in first",
            "<p>Sign in at <a href=\"/\">the first page</a>, then connect the store again.</p>",
        );
    };
    let said = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if said("status") != "awaiting_confirmation" {
        return app.page("Nothing was connected", "<p><a href=\"/\">Back to your stores</a></p>");
    }
    let attempt: String = said("attempt_id").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let spent = json!({"code": said("code"), "user_id": user});
    match app.cartkey(Method::POST, &format!("/api/v1/attempts/{attempt}/confirm"), Some(spent)).await {
        Ok(store) => app.page(
            &format!("{} is connected", text(&store, "url")),
            &format!("<p>It now belongs to {user}. <a href=\"/\">Your stores</a></p>"),
        ),
        Err(problem) if problem["code"] == "other_user" => app.page(
            "This was not your link",
            &format!("<p class=\"card bad\">The link that you opened is for an account other than {user}. Nothing was connected.</p>"),
        ),
        Err(problem) if problem["code"] == "code_spent" && problem["attempt_url"].is_string() => app.page(
            "That took too long",
            &format!("<p><a href=\"{}\">Go back and press the button again</a></p>", text(&problem, "attempt_url")),
        ),
        Err(problem) => app.trouble(&problem),
    }
}

impl SampleApp {
    async fn link(&self, user: &str) -> Result<String, Value> {
        let back = format!("{}/connected", self.settings.origin);
        let new = json!({"user_id": user, "account_label": user, "return_url": back, "confirm": "app"});
        let link = self.cartkey(Method::POST, "/api/v1/links", Some(new)).await?;
        Ok(link["url"].as_str().unwrap_or_default().to_owned())
    }

    /// Sends one request to the service API; returns the answer, or the problem.
    async fn cartkey(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Value> {
        let trouble = |detail: String| json!({"code": "no_answer", "detail": detail});
        let bearer = format!("Bearer {}", self.settings.token.expose());
        let bearer = HeaderValue::from_str(&bearer).map_err(|_| trouble("The token cannot be sent.".to_owned()))?;
        let call = Call {
            method,
            url: &format!("{}{path}", self.settings.api),
            headers: vec![(header::AUTHORIZATION, bearer)],
            body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
            within: Duration::from_secs(30),
            at_most: 1 << 20,
        };
        let reply = self.settings.client.send(call).await.map_err(|error| trouble(error.to_string()))?;
        let answer = serde_json::from_slice(&reply.body).map_err(|error| trouble(error.to_string()))?;
        if reply.status.is_success() { Ok(answer) } else { Err(answer) }
    }

    fn signed_in(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let session = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("sample-session="))?;
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(session).cloned()
    }

    fn trouble(&self, problem: &Value) -> Response {
        let says = format!(
            "<p class=\"card bad\">{}: {}</p><p><a href=\"/\">Back</a></p>",
            text(problem, "code"),
            text(problem, "detail")
        );
        (StatusCode::BAD_GATEWAY, self.page("That did not work", &says)).into_response()
    }

    /// A page with a strict policy. `form-action` lists Cartkey because Chromium applies it to redirects after a form.
    fn page(&self, heading: &str, inside: &str) -> Response {
        let keys = &self.settings.cartkey;
        let policy = format!(
            "default-src 'none'; img-src data:; style-src 'self'; script-src {keys}; form-action 'self' {keys}; base-uri 'none'; frame-ancestors 'none'"
        );
        let heading = escaped(heading);
        let page = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
             <title>{heading} · Sample application</title><link rel=\"icon\" href=\"data:,\">\
             <link rel=\"stylesheet\" href=\"/style.css\"></head><body><main><h1>{heading}</h1>{inside}</main></body></html>"
        );
        ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
    }
}

/// A field of an answer, escaped for HTML.
fn text(value: &Value, name: &str) -> String {
    escaped(value[name].as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
