//! Calls follow each other on a connection, whatever the store does with it.

use super::*;

impl Called {
    /// Sends these requests in turn; returns how many connections the shop accepted for them. Each must reach it once.
    async fn accepted(&self, methods: &[Method]) -> usize {
        let (begun, accepted) = (self.asked(), self.world.shop.connections());
        for method in methods {
            let headers = [("content-type", "application/json")];
            let body = if method == Method::POST { "{\"name\":\"Blue cup\"}" } else { "" };
            let reply = self.ask(method.clone(), &self.at("wc/v3/products"), &headers, body).await;
            assert!(reply.status.is_success(), "{method} {reply:?}");
        }
        assert_eq!(self.reached(begun).len(), methods.len(), "each was sent once");
        self.world.shop.connections() - accepted
    }
}

const ALL: [Method; 6] = [Method::GET, Method::POST, Method::HEAD, Method::GET, Method::POST, Method::GET];

#[tokio::test]
async fn calls_follow_each_other_on_one_connection() {
    let called = Called::new().await;
    assert_eq!(called.accepted(&ALL).await, 1);
    assert_eq!(called.accepted(&ALL).await, 0);
    called.world.clock.advance(Duration::from_secs(3));
    assert_eq!(called.accepted(&[Method::GET]).await, 0);
    called.world.clock.advance(Duration::from_secs(1));
    assert_eq!(
        called.accepted(&[Method::POST]).await,
        1,
        "what must not be sent twice has a connection of its own by then"
    );
    called.world.clock.advance(Duration::from_secs(4));
    assert_eq!(called.accepted(&[Method::GET]).await, 1);
}

#[tokio::test]
async fn a_store_that_closes_its_connections_gets_each_call_once() {
    let called = Called::new().await;
    called.world.shop.switch(|s| s.closes_connections = true);
    assert_eq!(called.accepted(&ALL).await, ALL.len());
    called.world.shop.switch(|s| s.closes_connections = false);
    for _ in 0..10 {
        assert_eq!(called.accepted(&[Method::GET, Method::HEAD]).await, 1);
        called.world.shop.hang_up().await;
    }
    for _ in 0..10 {
        called.accepted(&[Method::GET]).await;
        called.world.shop.hang_up().await;
        // Whether Cartkey already knows it or not.
        called.world.clock.advance(Duration::from_secs(1));
        assert_eq!(called.accepted(&[Method::POST]).await, 1);
    }
}

#[tokio::test]
async fn a_call_that_is_sent_again_has_a_new_connection() {
    let called = Called::new().await;
    let begun = called.asked();
    called.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let both = async { tokio::join!(called.get("wc/v3/products"), called.get("wc/v3/products")) };
    let release = async {
        while called.reached(begun).len() < 2 {
            tokio::task::yield_now().await;
        }
        called.world.shop.release();
    };
    tokio::join!(both, release);
    // Now two are idle.
    called.world.shop.switch(|s| s.pace = Pace::HangUp(1));
    let (begun, accepted) = (called.asked(), called.world.shop.connections());
    assert_eq!(called.get("wc/v3/products").await.status, 200);
    assert_eq!((called.reached(begun).len(), called.world.shop.connections() - accepted), (2, 1));
}
