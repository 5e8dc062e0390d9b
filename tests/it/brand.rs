//! Brand: merchants see operators' settings at once.

use cartkey::flow::connecting::brand;

use crate::database::column;
use crate::merchant::{Merchant, Page, html};
use crate::operator::Operator;
use crate::world::{KEYS, World};

/// The smallest data that looks like a PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// A merchant's first page as it looks now.
async fn first_page(browser: &mut Merchant) -> Page {
    let page = browser.get(&format!("{KEYS}/connect")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    page
}

async fn settings(operator: &mut Operator) -> Page {
    let page = operator.get("/admin/settings").await;
    assert_eq!((page.status, page.url.path()), (200, "/admin/settings"), "{}", page.text());
    page
}

/// Uploads a file with the settings form.
async fn upload(operator: &mut Operator, bytes: &[u8]) -> Page {
    let page = settings(operator).await;
    let token = html::forms(&page.body)[0].fields.iter().find(|(name, _)| name == "form_token").unwrap().1.clone();
    operator.browser.post_file(&page, "/admin/settings/logo", &[("form_token", &token)], ("logo", bytes)).await
}

/// The style sheet of the accent colour among a page's style sheets.
fn accent_sheet(page: &Page) -> Option<String> {
    let links = html::elements(&page.body, "link");
    let hrefs = links.iter().filter_map(|link| link.attribute("href"));
    hrefs.into_iter().find(|href| href.starts_with("/static/accent/")).map(str::to_owned)
}

async fn changes(world: &World) -> usize {
    column(&world.app.db, "SELECT kind FROM events WHERE kind = 'settings.changed'").await.len()
}

#[tokio::test]
async fn what_an_operator_saves_a_merchant_sees_at_once() {
    let world = World::new().await;
    let (mut ann, mut merchant) = (world.operator().await, world.merchant());
    let before = first_page(&mut merchant).await;
    assert!(before.text().contains("Acme Shipping") && !before.text().contains("Need help?"), "{}", before.text());
    assert_eq!(accent_sheet(&before), None);
    let page = settings(&mut ann).await;
    let typed = [("app_name", "Fern & Söhne"), ("accent", "#F0C000"), ("help", "https://help.example/connect?a=1&b=2")];
    let saved = ann.submit(&page, "Save", &typed).await;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    let after = first_page(&mut merchant).await;
    assert_eq!(after.title(), "Connect your store · Fern & Söhne");
    assert_eq!(after.link("Need help?").as_deref(), Some("https://help.example/connect?a=1&b=2"));
    let sheet = merchant.follow(&after, &accent_sheet(&after).unwrap()).await;
    assert_eq!(sheet.headers["content-type"], "text/css; charset=utf-8");
    assert_eq!(sheet.headers["cache-control"], "public, max-age=31536000, immutable");
    assert!(sheet.body.contains("--on-accent:#ffffff") && sheet.body.contains("--accent:#f0c000"), "{}", sheet.body);
    // The store is told the same name, in the letters that it takes.
    assert!(after.text().contains("Your store will show Fern S hne and keys.example ."), "{}", after.text());
    let sent = merchant.submit(&after, "Connect store", &[("store_url", "shop.example")]).await;
    let authorize: url::Url = sent.refresh().unwrap().parse().unwrap();
    assert!(authorize.query_pairs().any(|(name, value)| name == "app_name" && value == "Fern S hne"), "{authorize}");
    // A page of a failure is branded too, and another replica shows the same.
    let gone = merchant.get(&format!("{KEYS}/connect/gone")).await;
    assert_eq!(
        (gone.title().as_str(), accent_sheet(&gone)),
        ("This link no longer works · Fern & Söhne", accent_sheet(&after))
    );
    assert_eq!(brand::current(&world.replica().await).await.unwrap().app_name.as_str(), "Fern & Söhne");
    assert_eq!(changes(&world).await, 1);
}

#[tokio::test]
async fn saving_the_same_again_changes_nothing_and_each_can_be_reset() {
    let world = World::new().await;
    let (mut ann, mut merchant) = (world.operator().await, world.merchant());
    let typed = [("app_name", "Fern"), ("accent", "aa0000"), ("help", "mailto:help@fern.example")];
    for _ in 0..2 {
        let page = settings(&mut ann).await;
        ann.submit(&page, "Save", &typed).await;
        assert_eq!(changes(&world).await, 1);
    }
    assert_eq!(first_page(&mut merchant).await.link("Need help?").as_deref(), Some("mailto:help@fern.example"));
    for (n, field) in ["app_name", "accent", "help"].into_iter().enumerate() {
        let page = settings(&mut ann).await;
        let resets = html::elements(&page.body, "button");
        let reset = resets.iter().find(|b| b.attribute("form") == Some(&*format!("reset_{field}")));
        assert!(reset.is_some(), "{field} is set, so it can be reset");
        let token = html::forms(&page.body)[0].fields[0].1.clone();
        let page = ann
            .browser
            .post_form(&format!("{KEYS}/admin/settings/reset"), &[("form_token", &token), ("field", field)])
            .await;
        assert!(page.text().contains("Saved."), "{}", page.text());
        assert!(!page.body.contains(&format!("form=\"reset_{field}\"")), "{field} is reset");
        assert_eq!(changes(&world).await, 2 + n);
    }
    let page = first_page(&mut merchant).await;
    assert!(
        page.text().contains("Acme Shipping") && !page.text().contains("Need help?") && accent_sheet(&page).is_none()
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_nothing_is_half_saved() {
    let world = World::new().await;
    let (mut ann, mut merchant) = (world.operator().await, world.merchant());
    let page = settings(&mut ann).await;
    let typed = [("app_name", "Fern"), ("accent", "red"), ("help", "javascript:alert(1)")];
    let wrong = ann.submit(&page, "Save", &typed).await;
    assert_eq!(wrong.status, 422);
    for says in ["Type the colour as # and six digits", "Type an address that begins with https://"] {
        assert!(wrong.text().contains(&format!("Error: {says}")), "{says}: {}", wrong.text());
    }
    assert!(wrong.title().starts_with("Problem: ") && !wrong.body.contains("href=\"javascript"));
    let form = wrong.form("Save").unwrap();
    for (name, value) in typed {
        assert!(form.fields.contains(&(name.to_owned(), value.to_owned())), "{name} stays as it was typed");
    }
    assert!(first_page(&mut merchant).await.text().contains("Acme Shipping"), "the good name was not saved either");
    assert_eq!(changes(&world).await, 0);
    for bad in ["Acme\u{202e}", &"x".repeat(61)] {
        let wrong = ann.submit(&page, "Save", &[("app_name", bad)]).await;
        assert!(wrong.status == 422 && wrong.text().contains("1 to 60 characters"), "{}", wrong.text());
    }
}

#[tokio::test]
async fn a_sample_can_be_seen_before_it_is_saved() {
    let world = World::new().await;
    let (mut ann, mut merchant) = (world.operator().await, world.merchant());
    let page = settings(&mut ann).await;
    let typed = [("app_name", "Fern <b>"), ("accent", "#008080"), ("help", "")];
    let sample = ann.submit(&page, "Preview", &typed).await;
    assert_eq!(sample.status, 200);
    assert!(sample.text().contains("Not saved yet") && sample.body.contains("Fern &#60;b&#62;"), "{}", sample.text());
    assert!(accent_sheet(&sample).unwrap().ends_with(".008080.css"));
    assert!(first_page(&mut merchant).await.text().contains("Acme Shipping"));
    assert_eq!(changes(&world).await, 0);
    // From the sample, Save saves what was typed.
    ann.submit(&sample, "Save", &[]).await;
    assert!(first_page(&mut merchant).await.text().contains("Fern <b>"));
}

#[tokio::test]
async fn a_logo_is_served_as_what_it_is_until_another_takes_its_place() {
    let world = World::new().await;
    let (mut ann, mut merchant) = (world.operator().await, world.merchant());
    let page = upload(&mut ann, PNG).await;
    assert!(page.text().contains("Saved."), "{}", page.text());
    let src =
        |page: &Page| html::elements(&page.body, "img").first().and_then(|i| i.attribute("src").map(str::to_owned));
    let shown = first_page(&mut merchant).await;
    let href = src(&shown).expect("the logo");
    assert!(!shown.body.contains("class=\"tile\""), "it stands in place of the letter");
    let logo = merchant.follow(&shown, &href).await;
    let header = |name: &str| logo.headers[name].to_str().unwrap().to_owned();
    assert_eq!((logo.status, header("content-type").as_str()), (200, "image/png"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    upload(&mut ann, b"\xff\xd8\xff\xe0 a JPEG").await;
    let other = src(&first_page(&mut merchant).await).unwrap();
    assert!(other.contains(".jpg") && other != href, "{other}");
    for gone in [href.as_str(), "/static/logo/0000000000000000.png", "/static/logo/x", &other.replace(".jpg", ".png")] {
        assert_eq!(merchant.follow(&shown, gone).await.status, 404, "{gone}");
    }
    let page = settings(&mut ann).await;
    let token = html::forms(&page.body)[0].fields[0].1.clone();
    ann.browser.post_form(&format!("{KEYS}/admin/settings/logo/remove"), &[("form_token", &token)]).await;
    assert!(first_page(&mut merchant).await.body.contains("class=\"tile\""));
    assert_eq!(changes(&world).await, 3);
}

#[tokio::test]
async fn a_file_that_is_no_logo_is_refused_with_what_to_do() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let mut large = PNG.to_vec();
    large.resize(64 * 1024 + 1, 7);
    let mut huge = PNG.to_vec();
    huge.resize(300 * 1024, 7);
    for (bytes, says) in [
        (
            &b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..],
            "The file is not a PNG, JPEG or WebP image. SVG is not accepted: save it as PNG.",
        ),
        (b"", "Choose a file first."),
        (&large, "The file is larger than 64 KiB."),
        (&huge, "The file is larger than 64 KiB."),
    ] {
        let page = upload(&mut ann, bytes).await;
        assert_eq!(page.status, 422, "{}", page.text());
        assert!(page.text().contains(&format!("Error: {says}")), "{says}: {}", page.text());
    }
    assert_eq!(changes(&world).await, 0);
}

#[tokio::test]
async fn nobody_else_changes_the_settings() {
    let world = World::new().await;
    let (mut ann, mut stranger) = (world.operator().await, world.merchant());
    let page = settings(&mut ann).await;
    for path in ["", "/preview", "/reset", "/logo", "/logo/remove"] {
        let url = format!("{KEYS}/admin/settings{path}");
        let refused = stranger.post_form(&url, &[("app_name", "Evil"), ("field", "accent")]).await;
        assert_eq!(refused.status, 401, "{path}");
        let without = ann.browser.post_form(&url, &[("app_name", "Evil"), ("field", "accent")]).await;
        assert!(matches!(without.status, 400 | 403), "{path} without the form's token: {}", without.status);
        let foreign = Page { url: "https://evil.example/".parse().unwrap(), ..page.clone() };
        let posted = ann.browser.post_file(&foreign, &url, &[], ("logo", PNG)).await;
        assert_eq!(posted.status, 403, "{path} from another site");
    }
    let forged = ann.browser.post_file(&page, "/admin/settings/logo", &[("form_token", "x")], ("logo", PNG)).await;
    assert_eq!(forged.status, 403);
    assert_eq!(changes(&world).await, 0);
}
