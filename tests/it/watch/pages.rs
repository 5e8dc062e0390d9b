//! The watch on the dashboard: a store's next check, where it has moved, and whether the watch is late.

use std::time::Duration;

use super::Watched;

#[tokio::test]
async fn pages_say_when_the_last_check_was_and_when_the_next_is() {
    let watched = Watched::new().await;
    let mut ann = watched.world.operator().await;
    let page = format!("/admin/stores/{}", watched.id);
    watched.world.clock.advance(Duration::from_mins(3));
    let says = ann.get(&page).await.text();
    assert!(says.contains("last checked 3 min ago") && says.contains("next check in about 7 min"), "{says}");
    let says = ann.get("/admin").await.text();
    let wanted =
        "Stores are checked about every 15 min. The last check was 3 min ago; the next check is in about 7 min.";
    assert!(says.contains(wanted), "{says}");
    watched.world.clock.advance(Duration::from_mins(8));
    assert!(ann.get(&page).await.text().contains("next check is due"));
    assert!(ann.get("/admin").await.text().contains("the next checks are due."));
    watched.world.clock.advance(Duration::from_mins(10));
    let says = ann.get("/admin").await.text();
    assert!(says.contains("checks are late: the first was due 11 min ago."), "{says}");
}

#[tokio::test]
async fn a_store_that_has_moved_says_where_it_is_and_what_to_do() {
    let watched = Watched::new().await;
    let mut ann = watched.world.operator().await;
    watched.world.shop.switch(|s| {
        s.redirects_to = Some("https://moved.example".to_owned());
        s.moved_to = s.redirects_to.clone();
    });
    watched.pass().await;
    let page = ann.get(&format!("/admin/stores/{}", watched.id)).await;
    for says in ["shop.example has moved", "The store reports its address as moved.example", "Create a new link"] {
        assert!(page.text().contains(says), "{says}: {}", page.text());
    }
    let overview = ann.get("/admin").await;
    assert!(overview.text().contains("shop.example has moved"), "{}", overview.text());
    assert!(page.text().contains("Store has a new address"), "it is among what happened");
}
