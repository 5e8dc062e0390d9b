//! Operators issue, rotate and revoke service tokens on the dashboard.

use std::time::Duration;

use cartkey::flow::lending::tokens::NewToken;

use crate::database::column;
use crate::merchant::{Page, html};
use crate::operator::PASSWORD;
use crate::service::Service;
use crate::world::World;

const DAY: Duration = Duration::from_hours(24);

/// A service that holds the token shown on a page.
fn holder(world: &World, page: &Page) -> Service {
    Service { client: world.client(), token: shown(page, "token"), token_id: String::new() }
}

/// The value of the field with this id.
fn shown(page: &Page, id: &str) -> String {
    let fields = html::elements(&page.body, "input");
    let field = fields.iter().find(|field| field.attribute("id") == Some(id));
    field.and_then(|field| field.attribute("value")).unwrap_or_else(|| panic!("no {id} on {}", page.text())).to_owned()
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_works() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/tokens").await;
    assert!(page.text().contains("No active tokens"), "{}", page.text());
    let form = ann.click(&page, "Create token").await;
    let fields = [("name", "Shipping"), ("allow", "stores:read"), ("allow", "keys:read")];
    let made = ann.submit(&form, "Create token", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(made.headers["cache-control"], "no-store");
    let token = shown(&made, "token");
    assert!(token.starts_with("cartkey_"));
    let curl = shown(&made, "curl");
    assert_eq!(curl, format!("curl -H 'Authorization: Bearer {token}' https://keys.example/api/v1/stores"));
    assert_eq!(holder(&world, &made).get("/stores").await.status, 200);
    assert_eq!(holder(&world, &made).get("/links/ln_x").await.status, 403);
    // A year is what most want.
    let end = column(&world.app.db, "SELECT CAST(expires_at AS TEXT) FROM tokens").await.remove(0);
    assert_eq!(end, world.clock.now().plus(DAY * 365).millis().to_string());
    let list = ann.get("/admin/tokens").await;
    assert!(list.text().contains("Shipping") && list.text().contains("all merchants"), "{}", list.text());
    assert!(!list.body.contains(&token));
    let told = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'token.issued'").await;
    assert!(told[0].starts_with("op_"));
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let form = ann.get("/admin/tokens/new").await;
    let long = "n".repeat(81);
    for (name, allow, lives, users, says) in [
        ("", "keys:read", "365", "m-1", "1 to 80 characters"),
        (long.as_str(), "keys:read", "365", "m-1", "1 to 80 characters"),
        ("Shipping", "", "365", "m-1", "Select at least one permission."),
        ("Shipping", "keys:write", "365", "m-1", "Select at least one permission."),
        ("Shipping", "keys:read", "9", "m-1", "Choose a time from the list."),
        ("Shipping", "keys:read", "365", "m-1\na b", "Line 2: user_id must be"),
    ] {
        let fields = [("name", name), ("allow", allow), ("lives", lives), ("users", users)];
        let page = ann.submit(&form, "Create token", &fields).await;
        assert_eq!(page.status, 422, "{fields:?}");
        assert!(page.title().starts_with("Problem: "));
        assert!(page.text().contains(says), "{says} in {}", page.text());
        assert!(page.body.contains("m-1") && (name.is_empty() || page.body.contains(name)), "what was typed stays");
        assert_eq!(page.body.contains("value=\"keys:read\" checked"), allow == "keys:read");
    }
    assert!(column(&world.app.db, "SELECT id FROM tokens").await.is_empty());
}

#[tokio::test]
async fn a_token_for_some_merchants_reaches_no_others() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let form = ann.get("/admin/tokens/new").await;
    let fields = [("name", "n"), ("allow", "links:write"), ("users", "m-1\r\nm-2\r\n"), ("lives", "never")];
    let made = ann.submit(&form, "Create token", &fields).await;
    assert!(made.text().contains("2 merchants"), "{}", made.text());
    let service = holder(&world, &made);
    let ask = async |user: &str| service.post("/links", &serde_json::json!({"user_id": user})).await.status.as_u16();
    assert_eq!((ask("m-1").await, ask("m-2").await, ask("m-3").await), (201, 201, 422));
    let list = ann.get("/admin/tokens").await;
    assert!(list.text().contains("2 merchants") && list.text().contains("m-1"), "{}", list.text());
}

#[tokio::test]
async fn a_token_is_given_more_namespaces_and_limits_on_its_calls() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let form = ann.get("/admin/tokens/new").await;
    assert!(form.text().contains("add administrators and install plugins") && !form.body.contains("<details open"));
    for (field, typed, says) in [
        ("namespaces", "wp//v2", "is not a namespace"),
        ("namespaces", "wc/v3", "need not be named"),
        ("namespaces", "wp/v2/users/me/application-passwords", "hands out passwords"),
        ("seconds", "601", "Type a number from 1 to 600, or nothing."),
        ("per_minute", "0", "Type a number from 1 to 1000000, or nothing."),
        ("request_bytes", "1.5", "Type a number from 1 to 33554432, or nothing."),
        ("concurrent", "many", "Type a number from 1 to 1000, or nothing."),
    ] {
        let page = ann.submit(&form, "Create token", &[("name", "n"), ("allow", "proxy:read"), (field, typed)]).await;
        assert_eq!(page.status, 422, "{typed}");
        assert!(page.text().contains(says) && page.body.contains("<details open"), "{}", page.text());
        assert!(page.body.contains(&format!("value=\"{typed}\"")), "what was typed stays");
    }
    assert!(column(&world.app.db, "SELECT id FROM tokens").await.is_empty());
    let fields = [
        ("name", "n"),
        ("allow", "proxy:read"),
        ("namespaces", "wp/v2/media, my-plugin/v1"),
        ("seconds", "30"),
        ("per_minute", "600"),
    ];
    let made = ann.submit(&form, "Create token", &fields).await;
    let (namespaces, limits) = ("my-plugin/v1, wp/v2/media", "at most 30 s per call, 600 per minute");
    assert!(made.text().contains(namespaces) && made.text().contains(limits), "{}", made.text());
    let list = ann.get("/admin/tokens").await;
    let listed = "also calls my-plugin/v1 wp/v2/media at most 30 s per call at most 600 per minute";
    assert!(list.text().contains(listed), "{}", list.text());
    let id = column(&world.app.db, "SELECT id FROM tokens").await.remove(0);
    let page = ann.get(&format!("/admin/tokens/{id}/rotate")).await;
    assert!(page.text().contains(namespaces) && page.text().contains(limits), "{}", page.text());
    let rotated = ann.submit(&page, "Create new token", &[]).await;
    assert!(rotated.text().contains(namespaces) && rotated.text().contains(limits), "{}", rotated.text());
    let kept = column(&world.app.db, "SELECT namespaces || ' ' || limits FROM tokens").await;
    assert_eq!(kept, ["my-plugin/v1,wp/v2/media seconds=30,per_minute=600"; 2]);
}

#[tokio::test]
async fn the_list_tells_when_a_token_last_read_a_key_and_how_often() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.service("keys:read").await;
    service.get("/users/m/keys").await.ok();
    world.clock.advance(DAY * 29);
    service.get("/users/m/keys").await.ok();
    let mut ann = world.operator().await;
    let mut row = async || {
        let page = ann.get("/admin/tokens").await;
        let rows = html::elements(&page.body, "tr");
        rows.iter().find(|row| row.attribute("id") == Some(&service.token_id)).expect("its row").text()
    };
    let text = row().await;
    assert!(text.contains("just now 2 key reads in 30 days"), "{text}");
    world.clock.advance(Duration::from_mins(9));
    let text = row().await;
    assert!(text.contains("9 min ago"), "{text}");
}

#[tokio::test]
async fn a_rotated_token_is_shown_once_and_the_old_one_works_on_for_as_long_as_was_chosen() {
    let world = World::new().await;
    let old = world.service("stores:read").await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/tokens").await;
    let odd = ann.click(&page, "Rotate").await;
    let odd = ann.submit(&odd, "Create new token", &[("overlap", "100d")]).await;
    assert_eq!((odd.status, old.get("/stores").await.status.as_u16()), (422, 200));
    let ask = ann.click(&page, "Rotate").await;
    assert!(ask.text().contains("stores:read"), "{}", ask.text());
    let made = ann.submit(&ask, "Create new token", &[("overlap", "1h")]).await;
    assert!(made.text().contains("The old token works until"), "{}", made.text());
    let posted = ann.submit(&ask, "Create new token", &[("overlap", "1h")]).await;
    assert_eq!(posted.status, 409, "twice is as once");
    let new = holder(&world, &made);
    assert_eq!((old.get("/stores").await.status.as_u16(), new.get("/stores").await.status.as_u16()), (200, 200));
    world.clock.advance(Duration::from_hours(1));
    assert_eq!((old.get("/stores").await.status.as_u16(), new.get("/stores").await.status.as_u16()), (401, 200));
    ann.sign_in(PASSWORD).await;
    let page = ann.get("/admin/tokens").await;
    assert!(page.text().contains("Inactive tokens"), "{}", page.text());
    // The old one is not rotated again.
    let again = ann.get(&format!("/admin/tokens/{}/rotate", old.token_id)).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("Rotate its successor"), "{}", again.text());
    assert_eq!(column(&world.app.db, "SELECT id FROM tokens").await.len(), 2);
}

#[tokio::test]
async fn revoking_asks_first_says_what_stops_and_counts_at_once() {
    let world = World::new().await;
    world.connect("m").await;
    let new = NewToken::new("Shipping & more", "keys:read,links:write".parse().unwrap());
    let service = world.holder(new).await;
    service.get("/users/m/keys").await.ok();
    let mut ann = world.operator().await;
    let ask = ann.get(&format!("/admin/tokens/{}/revoke", service.token_id)).await;
    for says in
        ["Revoke Shipping & more?", "a service is using it", "Read the keys of stores", "Create links", "just now"]
    {
        assert!(ask.text().contains(says), "{says} in {}", ask.text());
    }
    assert_eq!(service.get("/users/m/keys").await.status, 200, "asking changes nothing");
    let done = ann.submit(&ask, "Revoke token", &[]).await;
    assert!(done.text().contains("The token was revoked"), "{}", done.text());
    assert_eq!(service.get("/users/m/keys").await.problem(), (401, "unauthenticated"));
    let again = ann.submit(&ask, "Revoke token", &[]).await;
    assert_eq!(again.status, 409);
    let told = column(&world.app.db, "SELECT token_id FROM events WHERE kind = 'token.revoked'").await;
    assert_eq!(told, [service.token_id.as_str()]);
    for path in ["/admin/tokens/tk_x/revoke", "/admin/tokens/tk_01jd0000000000000000000000/rotate"] {
        assert_eq!(ann.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_line_to_try_a_token_with_leads_to_where_the_dashboard_is_and_to_what_it_may_ask() {
    let world = World::new().await;
    // Not the public address: with an internal listener there is no service API there.
    let inside = world.also(|_| {}).await;
    let mut ann = world.stranger("ann").await;
    let page = ann.browser.get(&format!("{inside}/admin/sign-in")).await;
    let page = ann.submit(&page, "Sign in", &[("name", "ann"), ("password", PASSWORD)]).await;
    assert!(page.text().contains(&format!("{inside}/api/v1/users/USER_ID/keys")), "{}", page.text());
    let form = ann.click(&page, "Create token").await;
    for (allow, users, path) in [
        ("stores:read", "m/1", Some("/api/v1/stores")),
        ("keys:read", "", Some("/api/v1/users/USER_ID/keys")),
        ("keys:read", "m/1", Some("/api/v1/users/m%2F1/keys")),
        ("proxy:read", "m/1", Some("/api/v1/users/m%2F1/wp-json/wc/v3/orders")),
        ("events:read", "", None),
        ("links:write", "m/1", None),
    ] {
        let fields = [("name", "Shipping"), ("allow", allow), ("users", users)];
        let made = ann.submit(&form, "Create token", &fields).await;
        let token = shown(&made, "token");
        match path {
            Some(path) => {
                assert_eq!(shown(&made, "curl"), format!("curl -H 'Authorization: Bearer {token}' {inside}{path}"));
            }
            None => assert!(!made.text().contains("Try it"), "{}", made.text()),
        }
    }
}
