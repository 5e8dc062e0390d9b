//! Operators create, find and withdraw links on the dashboard.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use serde_json::json;

use crate::database::column;
use crate::merchant::{Page, html};
use crate::operator::{Operator, PASSWORD};
use crate::world::{SHOP, World};

/// The address that a page shows once.
fn address(page: &Page) -> String {
    let fields = html::elements(&page.body, "input");
    let field = fields.iter().find(|field| field.attribute("id") == Some("address"));
    field.and_then(|field| field.attribute("value")).unwrap_or_else(|| panic!("{}", page.text())).to_owned()
}

/// The texts of the list's rows, without the header.
fn rows(page: &Page) -> Vec<String> {
    html::elements(&page.body, "tr").iter().skip(1).map(html::Element::text).collect()
}

async fn made(ann: &mut Operator, fields: &[(&str, &str)]) -> Page {
    let form = ann.get("/admin/links/new").await;
    ann.submit(&form, "Create link", fields).await
}

#[tokio::test]
async fn a_link_is_made_shown_once_as_text_and_picture_and_opens() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/links").await;
    assert!(page.text().contains("No links yet"), "{}", page.text());
    let fields = [
        ("user_id", "m-1"),
        ("label", "Ann’s <b>account</b>"),
        ("store", "shop.example/wp-admin"),
        ("scope", "read"),
        ("lives", "7d"),
        ("return_url", "https://app.example/done"),
    ];
    let page = made(&mut ann, &fields).await;
    assert_eq!((page.status, &page.headers["cache-control"]), (200, &"no-store".parse().unwrap()), "{}", page.text());
    let link = address(&page);
    let picture = html::elements(&page.body, "svg");
    assert_eq!(picture[0].attribute("role"), Some("img"));
    assert!(!page.body.contains("<b>account"), "what was typed is text");
    let mut browser = world.merchant();
    let opened = browser.get(&link).await;
    assert!(opened.text().contains("Ann’s <b>account</b>"), "{}", opened.text());
    world.clock.advance(Duration::from_hours(7 * 24));
    assert_eq!(world.merchant().get(&link).await.status, 404);
    let kept =
        column(&world.app.db, "SELECT user_id || ' ' || home || ' ' || scope || ' ' || return_url FROM links").await;
    assert_eq!(kept, ["m-1 https://shop.example read https://app.example/done"]);
    ann.sign_in(PASSWORD).await;
    let list = ann.get("/admin/links").await;
    assert!(!list.body.contains(link.rsplit('/').next().unwrap()), "the address is shown once");
    assert!(rows(&list)[0].contains("by ann"), "{}", list.text());
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let long = "n".repeat(81);
    for (field, value, says) in [
        ("user_id", "", "Type your application’s ID"),
        ("user_id", "a b", "Type your application’s ID"),
        ("label", long.as_str(), "1 to 80 characters"),
        ("store", "https://user:pass@shop.example", ""),
        ("store", "127.0.0.1", ""),
        ("scope", "admin", "Choose the scope."),
        ("lives", "31d", "Choose a time from the list."),
        ("return_url", "https://evil.example/", "CARTKEY_RETURN_ORIGINS"),
        ("return_url", "javascript:alert(1)", "CARTKEY_RETURN_ORIGINS"),
    ] {
        let mut fields = vec![("user_id", "merchant-7"), ("label", "Kept")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let page = made(&mut ann, &fields).await;
        assert_eq!(page.status, 422, "{field}={value}: {}", page.text());
        let wrong = html::elements(&page.body, "p");
        let id = format!("{field}_wrong");
        let wrong = wrong.iter().find(|p| p.attribute("id") == Some(&id)).unwrap_or_else(|| panic!("{field}={value}"));
        assert!(wrong.text().contains(says), "{says} in {}", wrong.text());
        assert!(page.title().starts_with("Problem: "));
        assert!(field == "user_id" || page.body.contains("merchant-7"), "what was typed stays");
        assert!(field == "label" || page.body.contains("Kept"));
    }
    assert!(column(&world.app.db, "SELECT id FROM links").await.is_empty());
}

#[tokio::test]
async fn there_is_no_way_back_to_type_where_none_is_allowed() {
    let world = World::with(&[("CARTKEY_RETURN_ORIGINS", "")], Switches::default()).await;
    let mut ann = world.operator().await;
    assert!(!ann.get("/admin/links/new").await.body.contains("return_url"));
}

#[tokio::test]
async fn the_list_tells_how_each_link_stands_and_is_filtered() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    world.link("expired", json!({"expires_in": 60})).await;
    world.clock.advance(Duration::from_secs(1));
    world.approved("done", json!({})).await;
    world.prove().await;
    world.clock.advance(Duration::from_mins(2));
    let (withdrawn, _) = world.link("gone", json!({})).await;
    let ask = ann.get(&format!("/admin/links/{withdrawn}/withdraw")).await;
    ann.submit(&ask, "Withdraw link", &[]).await;
    world.clock.advance(Duration::from_secs(1));
    world.link("waiting", json!({"account_label": "Ann’s account"})).await;
    let said = rows(&ann.get("/admin/links").await);
    assert_eq!(said.len(), 4);
    for (row, user, state) in [
        (0, "waiting", "Open"),
        (1, "gone", "Withdrawn"),
        (2, "done", "Connected"),
        (3, "expired", "Expired, not used"),
    ] {
        assert!(said[row].contains(user) && said[row].contains(state), "{user} {state}: {}", said[row]);
    }
    assert!(said[0].contains("Ann’s account") && said[0].contains("by a service"), "{}", said[0]);
    for (state, user) in [("open", "waiting"), ("withdrawn", "gone"), ("used", "done"), ("expired", "expired")] {
        let said = rows(&ann.get(&format!("/admin/links?state={state}")).await);
        assert!(said.len() == 1 && said[0].contains(user), "{state}: {said:?}");
    }
    let one = rows(&ann.get("/admin/links?user_id=done&state=").await);
    assert!(one.len() == 1 && one[0].contains("done"), "{one:?}");
    let list = ann.get("/admin/links?user_id=done").await;
    let attempt = column(&world.app.db, "SELECT id FROM attempts").await.remove(0);
    assert_eq!(list.link("View attempt"), Some(format!("/admin/attempts/{attempt}")));
    let none = ann.get("/admin/links?user_id=nobody").await;
    assert!(none.text().contains("No matching links"), "{}", none.text());
    let wrong = ann.get("/admin/links?user_id=a%20b").await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn a_long_list_is_paged_with_none_missing_and_none_twice() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    for n in 0..101 {
        world.clock.advance(Duration::from_millis(1));
        service.post("/links", &json!({"user_id": format!("m-{n:03}"), "store_url": SHOP})).await.ok();
    }
    let mut ann = world.operator().await;
    let (mut page, mut seen, mut pages) = (ann.get("/admin/links?state=open").await, Vec::new(), 1);
    loop {
        seen.extend(rows(&page).iter().map(|row| row.split_whitespace().next().unwrap().to_owned()));
        if page.link("Older").is_none() {
            break;
        }
        page = ann.click(&page, "Older").await;
        pages += 1;
    }
    let all: Vec<String> = (0..101).rev().map(|n| format!("m-{n:03}")).collect();
    assert_eq!((seen, pages), (all, 3));
    let first = ann.click(&page, "Newest").await;
    assert!(rows(&first)[0].contains("m-100"));
}

#[tokio::test]
async fn withdrawing_says_what_it_ends_and_ends_it() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let (mut browser, waiting, id) = world.approved("m", json!({})).await;
    let list = ann.get("/admin/links").await;
    let ask = ann.click(&list, "Withdraw").await;
    assert!(ask.text().contains("Someone is connecting a store with this link right now"), "{}", ask.text());
    let done = ann.submit(&ask, "Withdraw link", &[]).await;
    assert!(done.text().contains("The link was withdrawn"), "{}", done.text());
    world.prove().await;
    assert_eq!(world.stands(&id).await, ("failed".to_owned(), "link_withdrawn".to_owned()));
    let told = browser.get(waiting.url.as_str()).await;
    assert!(told.text().contains("was withdrawn"), "{}", told.text());
    assert_eq!(ann.submit(&ask, "Withdraw link", &[]).await.status, 409);
    assert_eq!(ann.get(&format!("/admin/links/{id}/withdraw")).await.status, 409);
    assert_eq!(ann.get("/admin/links/ln_x/withdraw").await.status, 404);
    let list = ann.get("/admin/links").await;
    assert_eq!(list.link("Withdraw"), None, "nothing is left to withdraw");
}
