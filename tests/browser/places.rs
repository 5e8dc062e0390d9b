//! Every page there is, with something on it: an installation in use, with an operator signed in.

use serde_json::json;

use crate::chromium::Browser;
use crate::operator::PASSWORD;
use crate::world::{KEYS, World};

/// A page.
pub struct Place {
    /// What a picture of it is called.
    pub name: String,
    /// Where it is.
    pub address: String,
}

/// Signs an operator in at `browser` and gives every page that can be looked at.
pub async fn places(world: &World, browser: &Browser) -> Vec<Place> {
    world.stranger("ann").await;
    browser.sign_in("ann", PASSWORD).await;
    let place =
        |path: &str| Place { name: path.trim_start_matches('/').replace('/', "-"), address: format!("{KEYS}{path}") };
    let mut all: Vec<Place> =
        ["/admin", "/admin/account", "/admin/account/second-factor", "/admin/diagnostics", "/admin/settings"]
            .map(place)
            .into();
    all.extend(links_and_tokens(world).await.iter().map(|path| place(path)));
    all
}

/// The pages of links, service tokens and activity, with some of each.
async fn links_and_tokens(world: &World) -> Vec<String> {
    world.connect("merchant-1").await;
    let (link, _) = world.link("merchant-2", json!({"account_label": "Ann’s account"})).await;
    let service = world.service("keys:read,stores:read").await;
    service.get("/users/merchant-1/keys").await.ok();
    let token = service.token_id;
    vec![
        "/admin/links".to_owned(),
        "/admin/links/new".to_owned(),
        format!("/admin/links/{link}/withdraw"),
        "/admin/tokens".to_owned(),
        "/admin/tokens/new".to_owned(),
        format!("/admin/tokens/{token}/rotate"),
        format!("/admin/tokens/{token}/revoke"),
        "/admin/activity".to_owned(),
        "/admin/activity?user_id=merchant-1&store=x".to_owned(),
    ]
}

impl Browser {
    /// Signs in at the dashboard.
    pub async fn sign_in(&self, name: &str, password: &str) {
        self.go(&format!("{KEYS}/admin/sign-in")).await;
        self.write("name", name).await;
        self.write("password", password).await;
        self.press("Sign in").await;
        self.sees("Overview").await;
    }
}
