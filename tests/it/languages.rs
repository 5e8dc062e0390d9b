//! Languages: which one a merchant sees, who decides, and that no text is in another.

use cartkey::demo::pretend_store::{Permalinks, Switches};
use cartkey::domain::language::Language;
use serde_json::json;

use crate::merchant::{Merchant, Page, html};
use crate::world::{KEYS, World};

/// A browser with this `Accept-Language`.
fn asking(world: &World, languages: &str) -> Merchant {
    let mut browser = world.merchant();
    browser.header("accept-language", languages);
    browser
}

/// Asserts that the page, its headers and the language switch name this language.
fn assert_speaks(page: &Page, language: Language) {
    let code = language.code();
    assert!(page.body.starts_with(&format!("<!doctype html>\n<html lang=\"{code}\">")), "{code}: {}", page.url);
    assert_eq!(page.headers["content-language"], code, "{}", page.url);
    let vary = page.headers["vary"].to_str().unwrap();
    assert!(vary.ends_with("Accept-Language, Cookie"), "{}: {vary}", page.url);
    let links = html::elements(&page.body, "a");
    let here: Vec<_> = links.iter().filter(|link| link.attribute("aria-current").is_some()).collect();
    assert_eq!(here.len(), 1, "{}", page.url);
    assert_eq!((here[0].text().as_str(), here[0].attribute("lang")), (language.own_name(), Some(code)));
}

/// Switches to `language`; returns the page, which is in it.
async fn switch(browser: &mut Merchant, page: &Page, language: Language) -> Page {
    let page = browser.click(page, language.own_name()).await;
    assert_speaks(&page, language);
    page
}

#[tokio::test]
async fn the_address_decides_before_the_cookie_and_the_cookie_before_the_browser() {
    let world = World::new().await;
    let connect = format!("{KEYS}/connect");
    assert_speaks(&world.merchant().get(&connect).await, Language::English);
    assert_speaks(&asking(&world, "nl, *;q=0.5").get(&connect).await, Language::English);
    let mut browser = asking(&world, "nl,pt-BR;q=0.9,en;q=0.8");
    let page = browser.get(&connect).await;
    assert_speaks(&page, Language::Portuguese);
    assert!(browser.cookie("keys.example", "__Host-cartkey-language").is_none(), "nothing was chosen yet");
    let page = switch(&mut browser, &page, Language::German).await;
    assert_eq!((page.url.path(), page.url.query()), ("/connect", Some("lang=de")), "the page stays the same");
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    let wanted = "__Host-cartkey-language=de; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000; Secure";
    assert_eq!(cookie, wanted);
    // Kept from now on, also where the address does not say it.
    let page = browser.get(&connect).await;
    assert_speaks(&page, Language::German);
    assert!(page.headers.get("set-cookie").is_none(), "it is told once");
    assert!(page.text().contains("Adresse Ihres Shops"), "{}", page.text());
    assert_speaks(&browser.get(&format!("{connect}?lang=xx")).await, Language::German);
    assert_speaks(&browser.get(&format!("{connect}?lang=ja-JP")).await, Language::Japanese);
    assert_speaks(&browser.get(&connect).await, Language::Japanese);
}

#[tokio::test]
async fn a_merchant_connects_in_each_language() {
    for language in Language::ALL {
        let world = World::new().await;
        let mut browser = asking(&world, language.code());
        let (_, link) = world.link("merchant-1", json!({"account_label": "Cups & Co"})).await;
        let page = browser.get(&link).await;
        assert_speaks(&page, language);
        let sent = browser.submit(&page, &html::forms(&page.body)[0].buttons[0].text(), &[]).await;
        assert_speaks(&sent, language);
        let waiting = browser.approve_on(sent).await;
        assert_speaks(&waiting, language);
        assert!(waiting.title().contains("shop.example"), "{}", waiting.title());
        world.prove().await;
        let page = browser.get(waiting.url.as_str()).await;
        assert_speaks(&page, language);
        assert!(page.body.contains("class=\"sign good\"") && page.text().contains("Cups & Co"), "{}", page.text());
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_said_in_the_merchants_language() {
    let world = World::with(&[], Switches { permalinks: Permalinks::Plain, ..Switches::default() }).await;
    let mut browser = asking(&world, "de-AT");
    let page = browser.get(&format!("{KEYS}/connect")).await;
    let wrong = browser.submit(&page, "Shop verbinden", &[("store_url", "localhost")]).await;
    assert!(wrong.text().contains("Fehler: Diese Adresse funktioniert nur in Ihrem eigenen Netzwerk."));
    let stopped = browser.submit(&page, "Shop verbinden", &[("store_url", "shop.example")]).await;
    assert_speaks(&stopped, Language::German);
    assert!(stopped.text().contains("wählen Sie „Beitragsname“"), "{}", stopped.text());
    assert!(stopped.text().contains("plain_permalinks"), "the code is the same in every language");
    let page = switch(&mut browser, &stopped, Language::French).await;
    assert_eq!((page.status, page.url.path()), (200, stopped.url.path()), "the same page");
    assert!(page.text().contains("plain_permalinks"), "{}", page.text());
    let page = switch(&mut browser, &wrong, Language::French).await;
    assert!(page.text().contains("Erreur") && page.body.contains("value=\"localhost\""), "{}", page.text());
}

#[tokio::test]
async fn the_script_of_the_waiting_page_is_told_in_the_same_language() {
    let world = World::new().await;
    let mut browser = asking(&world, "es");
    let (_, link) = world.link("merchant-1", json!({})).await;
    let page = browser.get(&link).await;
    let sent = browser.submit(&page, "Conectar la tienda", &[]).await;
    let denied = browser.deny(&sent.refresh().unwrap()).await;
    assert!(denied.text().contains("Usted ha denegado el acceso"), "{}", denied.text());
    browser.header("accept", "application/json");
    let told = browser.get(denied.url.as_str()).await;
    assert_eq!(told.headers["content-language"], "es");
    let told: serde_json::Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(told["says"], "Usted denegó el acceso en shop.example; no se ha conectado nada.");
    assert_eq!((&told["status"], &told["reason"]), (&json!("denied"), &json!("denied")));
}

#[tokio::test]
async fn failures_speak_it_too() {
    let world = World::new().await;
    let mut browser = asking(&world, "ja");
    let gone = browser.get(&format!("{KEYS}/connect/no-such-link")).await;
    assert_eq!((gone.status, gone.title().as_str()), (404, "このリンクは使えなくなりました · Acme Shipping"));
    assert_speaks(&gone, Language::Japanese);
    let page = switch(&mut browser, &gone, Language::French).await;
    assert_eq!(page.status, 404, "as gone as before, in French");
    let nothing = browser.get(&format!("{KEYS}/nothing/here?a=canary")).await;
    assert_eq!(nothing.status, 404);
    assert!(nothing.text().contains("Il n’y a rien à cette adresse."), "{}", nothing.text());
    assert!(!nothing.body.contains("canary"), "a page repeats nothing of its address");
    let method = browser.post_form(&format!("{KEYS}/connect/return/at_1"), &[]).await;
    assert_eq!(method.status, 405);
    assert_speaks(&method, Language::French);
    // From elsewhere, no cookie comes along.
    let mut stranger = asking(&world, "de");
    let page = stranger.get(&format!("{KEYS}/connect")).await;
    let body = page.body.replace("action=\"/connect\"", &format!("action=\"{KEYS}/connect\""));
    let foreign = Page { url: "https://evil.example/".parse().unwrap(), body, ..page };
    let refused = stranger.submit(&foreign, "Shop verbinden", &[("store_url", "shop.example")]).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("von einer anderen Website gesendet"), "{}", refused.text());
    let mut many = asking(&world, "pt");
    let page = many.get(&format!("{KEYS}/connect")).await;
    let mut limited = page.clone();
    for _ in 0..11 {
        limited = many.submit(&page, "Conectar loja", &[("store_url", "shop.example")]).await;
    }
    assert_eq!(limited.status, 429);
    assert!(limited.text().contains("Tente de novo em meio minuto."), "{}", limited.text());
    let page = switch(&mut many, &limited, Language::English).await;
    assert_eq!(page.status, 200, "the switch leads to where something can be got");
}

#[tokio::test]
async fn an_approval_that_was_thrown_away_stays_so_in_every_language() {
    let world = World::new().await;
    let mut first = world.merchant();
    let (_, link) = world.link("merchant-1", json!({})).await;
    let sent = world.begin(&mut first, &link).await;
    let mut second = asking(&world, "fr");
    let page = second.approve(&sent.refresh().unwrap()).await;
    assert!(page.text().contains("Cette approbation a commencé ailleurs"), "{}", page.text());
    let page = switch(&mut second, &page, Language::German).await;
    assert!(page.text().contains("Diese Genehmigung wurde anderswo begonnen"), "{}", page.text());
    let thrown = second.submit(&page, "Das war ich nicht", &[]).await;
    assert!(thrown.text().contains("Der Schlüssel wurde verworfen"), "{}", thrown.text());
    let last7 = world.shop.keys()[0].consumer_key.chars().rev().take(7).collect::<Vec<_>>();
    let last7: String = last7.into_iter().rev().collect();
    // What answered a post is found again under an address that can be got, in the other language.
    let page = switch(&mut second, &thrown, Language::Japanese).await;
    assert!(page.status == 200 && page.text().contains("キーを破棄しました"), "{}", page.text());
    assert!(page.text().contains(&format!("…{last7}")), "{}", page.text());
    // Who began sees it on the attempt's own page, and a form's address leads there.
    let attempt = page.url.path().rsplit('/').next().unwrap().to_owned();
    let page = first.get(&format!("{KEYS}/connect/attempts/{attempt}/disown?lang=es")).await;
    assert_eq!(page.url.path(), format!("/connect/attempts/{attempt}"));
    assert_speaks(&page, Language::Spanish);
    assert!(page.text().contains("La clave se ha descartado"), "{}", page.text());
}

#[tokio::test]
async fn what_caches_keep_is_the_same_in_every_language() {
    let world = World::new().await;
    let mut browser = asking(&world, "de");
    let page = browser.get(&format!("{KEYS}/connect")).await;
    let sheet = html::elements(&page.body, "link")[0].attribute("href").unwrap().to_owned();
    let sheet = browser.follow(&page, &format!("{sheet}?lang=fr")).await;
    assert_eq!(sheet.status, 200);
    for name in ["content-language", "vary", "set-cookie"] {
        assert!(sheet.headers.get(name).is_none(), "{name}");
    }
}
