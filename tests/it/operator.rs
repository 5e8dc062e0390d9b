//! An operator at the dashboard.

use cartkey::domain::actor::Actor;
use cartkey::domain::secret::Secret;
use cartkey::flow::operators;

use crate::merchant::{Merchant, Page};
use crate::world::{KEYS, World};

/// The password of every operator in the stories.
pub const PASSWORD: &str = "grey otters juggle";

/// An operator and their browser.
pub struct Operator {
    /// The browser, for direct use.
    pub browser: Merchant,
    /// The name they sign in with.
    pub name: String,
}

impl World {
    /// A signed-in operator.
    pub async fn operator(&self) -> Operator {
        self.operator_named("ann").await
    }

    /// A signed-in operator with this name.
    pub async fn operator_named(&self, name: &str) -> Operator {
        let mut operator = self.stranger(name).await;
        let page = operator.sign_in(PASSWORD).await;
        assert_eq!((page.status, page.url.path()), (200, "/admin"), "{}", page.text());
        operator
    }

    /// An operator who has not signed in yet.
    pub async fn stranger(&self, name: &str) -> Operator {
        let password = Secret::new(PASSWORD.to_owned());
        operators::add(&self.app, name.parse().unwrap(), &password, &Actor::cli()).await.unwrap();
        Operator { browser: self.merchant(), name: name.to_owned() }
    }
}

impl Operator {
    /// Opens an address of the dashboard, such as `/admin/stores`.
    pub async fn get(&mut self, path: &str) -> Page {
        self.browser.get(&format!("{KEYS}{path}")).await
    }

    /// Fills in the form with this button and submits it.
    pub async fn submit(&mut self, page: &Page, button: &str, values: &[(&str, &str)]) -> Page {
        self.browser.submit(page, button, values).await
    }

    /// Clicks a link.
    pub async fn click(&mut self, page: &Page, words: &str) -> Page {
        self.browser.click(page, words).await
    }

    /// Signs in with this password; returns the next page.
    pub async fn sign_in(&mut self, password: &str) -> Page {
        let page = self.get("/admin/sign-in").await;
        let name = self.name.clone();
        self.submit(&page, "Sign in", &[("name", &name), ("password", password)]).await
    }
}
