//! What hostile people type, everywhere they can: nothing of it runs.

use cartkey::domain::actor::Actor;
use cartkey::domain::secret::Secret;
use cartkey::flow::connecting::brand::{self, Chosen};
use cartkey::flow::{lending::tokens, operators};
use fantoccini::Client;
use serde_json::{Value, json};

use crate::chromium::{Browser, Manner};
use crate::operator::PASSWORD;
use crate::places::places;
use crate::world::World;

/// Each would call `run` if it came to life.
const TYPED: [&str; 6] = [
    "\"><script>run()</script>",
    "<img src=x onerror=run()>",
    "</title></textarea></script><svg onload=run()>",
    "javascript:run()",
    "'-run()-'",
    "\" autofocus onfocus=run() x=\"",
];

/// Fills every field of the form with that number, past what the browser would let one type, and sends it; false when
/// there is no such form.
const FILL_AND_SEND: &str = "
    const form = document.forms[arguments[0]];
    if (!form) return false;
    for (const field of form.elements) {
        if (field.name === 'form_token') continue;
        for (const limit of ['maxlength', 'minlength', 'pattern', 'required', 'readonly']) field.removeAttribute(limit);
        if (field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement && !/^(checkbox|radio|submit|file)$/.test(field.type)) {
            field.type === 'hidden' || field instanceof HTMLTextAreaElement || (field.type = 'text');
            field.value = arguments[1];
        }
    }
    const button = form.querySelector('button');
    if (button && button.name) {
        const named = document.createElement('input');
        named.type = 'hidden';
        named.name = button.name;
        named.value = button.value;
        form.append(named);
    }
    HTMLFormElement.prototype.submit.call(form);
    return true;";

/// Takes away the forms into which nothing can be typed, and those after which nothing could be typed any more.
const SPARED: &str = "
    for (const form of [...document.forms]) {
        const typed = [...form.elements].some((field) => field.name && field.name !== 'form_token' && field.tagName !== 'BUTTON');
        if (!typed || /sign-out|sessions\\/end|confirm$|reject$/.test(form.action)) form.remove();
    }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_typed_anywhere_runs() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    // Whatever comes to life leaves a mark that outlives the page.
    let mark = "window.run = () => localStorage.setItem('ran', location.href); window.alert = window.run;";
    browser.devtools("Page.enable", json!({})).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": mark})).await;
    let mut sent = 0;
    for place in places(&world, &browser).await {
        let address = &place.address;
        for typed in TYPED {
            for form in 0.. {
                browser.visit(&place).await;
                browser.client.execute(SPARED, Vec::new()).await.unwrap();
                let filled = browser.client.execute(FILL_AND_SEND, vec![json!(form), json!(typed)]).await.unwrap();
                if filled != json!(true) {
                    break;
                }
                sent += 1;
                assert_eq!(ran(&browser.client).await, Value::Null, "{typed} in form {form} of {address}");
            }
        }
        let with_query = format!(
            "{address}?q={0}&done={0}&next={0}&status={0}&user_id={0}&lang={0}",
            "%22%3E%3Cimg%20src=x%20onerror=run()%3E"
        );
        browser.go(&with_query).await;
        assert_eq!(ran(&browser.client).await, Value::Null, "in the query of {address}");
    }
    assert!(sent > 10, "{sent} forms were sent");
    let complaints = browser.console().await;
    let stopped: Vec<_> = complaints.iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert!(stopped.is_empty(), "it was the policy that stopped this, not the page: {stopped:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_hostile_people_have_stored_runs_on_any_page() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let mark = "window.run = () => localStorage.setItem('ran', location.href); window.alert = window.run;";
    browser.devtools("Page.enable", json!({})).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": mark})).await;
    // Each where it is taken: ids and names without spaces, what people call things with them.
    let id = "\"><svg/onload=run()><\"";
    let name = "<img src=x onerror=run()>";
    world.connect(id).await;
    world.link(id, json!({"account_label": name})).await;
    let new = tokens::NewToken::new(name, "keys:read".parse().unwrap());
    tokens::issue(&world.app, new, &Actor::cli()).await.unwrap();
    let password = Secret::new(PASSWORD.to_owned());
    operators::add(&world.app, "<svg/onload=run()>".parse().unwrap(), &password, &Actor::cli()).await.unwrap();
    let chosen = Chosen { app_name: Some(name.parse().unwrap()), ..Chosen::default() };
    brand::choose(&world.app, chosen, &Actor::cli()).await.unwrap();
    let places = places(&world, &browser).await;
    // A store may call itself anything.
    let renamed =
        "UPDATE stores SET name = '</title><img src=x onerror=run()>', woocommerce_version = '<svg/onload=run()>'";
    assert!(crate::database::change(&world.app.db, renamed).await >= 3);
    let mut shown = 0;
    for place in places {
        browser.visit(&place).await;
        assert_eq!(ran(&browser.client).await, Value::Null, "on {}", place.name);
        shown += usize::from(browser.text().await.contains("onerror=run()"));
    }
    assert!(shown > 8, "it stands on {shown} pages, as text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_would_stop_what_a_page_let_through() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    browser.go("https://keys.example/admin/sign-in").await;
    let inject = "document.body.insertAdjacentHTML('beforeend', \"<img src=x onerror=\\\"localStorage.setItem('ran', 1)\\\">\");
                  const script = document.createElement('script'); script.textContent = \"localStorage.setItem('ran', 2)\"; document.body.append(script);";
    browser.client.execute(inject, Vec::new()).await.unwrap();
    browser.go("https://keys.example/admin/sign-in").await;
    assert_eq!(ran(&browser.client).await, Value::Null);
    assert!(browser.console().await.iter().any(|line| line.contains("Content Security Policy")), "and says so");
}

/// Where something ran, if anywhere.
async fn ran(client: &Client) -> Value {
    client.execute("return localStorage.getItem('ran')", Vec::new()).await.unwrap()
}
