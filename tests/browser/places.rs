//! Every page there is, with something on it: an installation in use, with an operator signed in.

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
    ["/admin", "/admin/account", "/admin/account/second-factor", "/admin/diagnostics"]
        .map(|path| Place { name: path.trim_start_matches('/').replace('/', "-"), address: format!("{KEYS}{path}") })
        .into()
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
