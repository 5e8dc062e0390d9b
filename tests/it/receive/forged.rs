//! Ten thousand forged callbacks (docs/protocol/threats.md S4, 1, 2).

use axum::body::Body;
use axum::http::Request;
use cartkey::domain::entropy::Entropy;
use cartkey::web;
use serde_json::Value;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::{opened, rows, waiting};
use crate::callback::Callback;
use crate::world::{OTHER, SHOP, World};

/// Concurrent posts.
const AT_ONCE: usize = 40;

/// The n-th forgery: values anyone may guess, and values of someone who saw one half.
fn forge(n: u64, a: &Callback, b: &Callback, entropy: &Entropy) -> (String, Value) {
    let fresh = || entropy.secret().expose().to_owned();
    let token = a.url.rsplit('/').next().unwrap();
    let (token, state) = match n % 10 {
        0 => (fresh(), fresh()),
        1 => (token.to_owned(), fresh()),
        2 => (fresh(), a.state.clone()),
        3 => (token.to_owned(), b.state.clone()),
        4 => (token[..42].to_owned(), a.state.clone()),
        5 => (token.to_owned(), a.state[..42].to_owned()),
        6 => (swapped(token), a.state.clone()),
        7 => (token.to_owned(), swapped(&a.state)),
        8 => (a.state.clone(), token.to_owned()),
        _ => (format!("{token}A"), a.state.clone()),
    };
    let mut body = a.body(n + 2);
    body["user_id"] = state.into();
    (token, body)
}

/// Swaps upper and lower case.
fn swapped(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_forged_callbacks_none_is_taken_and_nothing_is_left() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, a) = opened(&world, &mut browser, "m-a", SHOP).await;
    let (_, b) = opened(&world, &mut browser, "m-b", OTHER).await;
    let before = rows(&world.app.db).await;
    let entropy = Entropy::seeded(10_000);
    // In-process: the sockets are not what is tried here.
    let router = web::all(&world.app);
    for n in (0..10_000).step_by(AT_ONCE) {
        let mut posted = JoinSet::new();
        for n in (n..).take(AT_ONCE) {
            let (token, body) = forge(n, &a, &b, &entropy);
            let request =
                Request::post(format!("/wc-auth/callback/{token}")).body(Body::from(body.to_string())).unwrap();
            let answer = router.clone().oneshot(request);
            posted.spawn(async move { (answer.await.unwrap().status(), n, token, body) });
        }
        for (status, n, token, body) in posted.join_all().await {
            assert_eq!(status, 404, "{n}: {token} {body}");
        }
        if n == 5_000 {
            assert_eq!(rows(&world.app.db).await, before, "no rows left behind");
            assert_eq!(b.post(&world, &b.body(1)).await, 200, "an honest one gets through");
        }
    }
    assert_eq!((waiting(&world, &a).await, waiting(&world, &b).await), (0, 1));
    let after = rows(&world.app.db).await;
    assert_eq!([after[0] - before[0], after[1] - before[1], after[2] - before[2]], [1, 0, 1], "the honest one's");
    assert_eq!(a.post(&world, &a.body(1)).await, 200, "and its attempt is as open as before");
}
