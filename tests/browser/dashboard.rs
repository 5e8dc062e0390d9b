//! What operators do, once through: from the first run to a store that is given up; with the mouse, and without one.

use cartkey::flow::operators;

use crate::chromium::{Browser, Manner};
use crate::operator::PASSWORD;
use crate::pages::{Hands, lent, until_asked};
use crate::world::{KEYS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_goes_from_the_first_run_to_a_store_that_is_given_up() {
    once_through(Hands::Mouse).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_needs_no_mouse() {
    once_through(Hands::Keyboard).await;
}

async fn once_through(hands: Hands) {
    let world = World::new().await;
    let (operator, merchant) =
        (Browser::open(&world, Manner::default()).await, Browser::open(&world, Manner::default()).await);
    set_up(&world, &operator, hands).await;
    let link = make_link(&operator, hands).await;
    until_asked(&world, &merchant, &link).await;
    merchant.press("Approve").await;
    merchant.sees("Connecting shop.example").await;
    world.prove().await;
    merchant.sees("shop.example is connected").await;
    let first = lent(&world).await.1;

    hands.operate(&operator, "Stores").await;
    operator.sees("Stores").await;
    operator.is_in_order().await;
    hands.operate(&operator, "Cups & Plates").await;
    operator.sees("Cups & Plates").await;
    operator.is_in_order().await;
    hands.operate(&operator, "Check now").await;
    operator.reads("The store was checked: its key works.").await;
    reconnect(&world, &operator, &merchant, hands).await;
    let second = lent(&world).await.1;
    assert_ne!(first, second, "another key is lent");
    give_up(&world, &operator, hands).await;
    assert_eq!(lent(&world).await.0, 409, "nothing is lent any more");
    hands.operate(&operator, "Sign out").await;
    operator.sees("Sign in").await;
    let whole = operator.client.source().await.unwrap();
    assert!(!whole.contains(&first) && !whole.contains(&second));
}

/// The set-up link of the first run makes the operator and signs them in.
async fn set_up(world: &World, operator: &Browser, hands: Hands) {
    let link = operators::setup_link(&world.app, KEYS).await.unwrap().expect("there is no operator yet");
    operator.go(link.expose()).await;
    operator.sees("Set up Cartkey").await;
    operator.is_in_order().await;
    hands.fill(operator, "name", "ann").await;
    hands.fill(operator, "password", PASSWORD).await;
    hands.fill(operator, "again", PASSWORD).await;
    hands.operate(operator, "Create operator and sign in").await;
    operator.sees("Overview").await;
    operator.reads("Get your first key in three steps").await;
    operator.is_in_order().await;
}

/// Makes a link for merchant-42; gives its address, which the page shows once.
async fn make_link(operator: &Browser, hands: Hands) -> String {
    hands.operate(operator, "Links").await;
    operator.sees("Links").await;
    operator.is_in_order().await;
    hands.operate(operator, "Create link").await;
    operator.sees("Create link").await;
    hands.fill(operator, "user_id", "merchant-42").await;
    hands.fill(operator, "store", "shop.example").await;
    hands.operate(operator, "Create link").await;
    operator.sees("Link for merchant-42").await;
    operator.is_in_order().await;
    operator.value_of("address").await
}

/// Makes a reconnect link; the merchant approves once more, and the store has its second key.
async fn reconnect(world: &World, operator: &Browser, merchant: &Browser, hands: Hands) {
    hands.operate(operator, "Create reconnect link").await;
    operator.sees("Reconnect link for Cups & Plates").await;
    operator.is_in_order().await;
    let link = operator.value_of("url").await;
    merchant.go(&link).await;
    merchant.sees("Reconnect your store").await;
    merchant.press("Connect store").await;
    merchant.sees("Acme Shipping would like to connect to your store").await;
    merchant.press("Approve").await;
    merchant.sees("Connecting shop.example").await;
    world.prove().await;
    merchant.sees("shop.example is connected").await;
    hands.operate(operator, "Back to the store").await;
    operator.sees("Cups & Plates").await;
    operator.is_in_order().await;
}

/// Disconnects; the page says where the merchant revokes the key, and later that they have.
async fn give_up(world: &World, operator: &Browser, hands: Hands) {
    hands.operate(operator, "Disconnect…").await;
    operator.sees("Disconnect Cups & Plates?").await;
    operator.is_in_order().await;
    hands.operate(operator, "Disconnect shop.example").await;
    operator.reads("The store was disconnected and its secret was wiped.").await;
    operator.is_in_order().await;
    let key = world.shop.keys().last().expect("the second key").key_id;
    let page = operator.value_of("revoke").await;
    assert!(page.ends_with(&format!("&edit-key={key}")), "{page}");
    hands.operate(operator, "Check whether it is revoked").await;
    operator.reads("still existed at the store").await;
    world.shop.revoke(key);
    hands.operate(operator, "Check whether it is revoked").await;
    operator.reads("is revoked. The store confirmed this").await;
    operator.is_in_order().await;
}
