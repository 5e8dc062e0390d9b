//! Every page in every variant: it is complete, and untrusted text is escaped.

use super::*;
use crate::domain::brand::Brand;
use crate::domain::language::Language;
use crate::domain::store_url::Network;
use crate::web::failure_page::ErrorPage;
use crate::web::i18n::Words as Said;
use crate::web::merchant::application_password::PasswordPage;
use crate::web::merchant::by_hand::ByHandPage;

/// Text that would be code if not escaped: in an element, in an attribute, in a script.
const HOSTILE: &str = r#"</title><script>alert("x")</script>' onfocus='a(1)" style="x"#;

/// The values in the pages: sensible ones, or [`HOSTILE`] everywhere.
struct Words {
    language: Language,
    app: String,
    account: String,
    any: String,
}

impl Words {
    fn sensible() -> Self {
        Self::in_language(Language::English)
    }

    fn in_language(language: Language) -> Self {
        let (app, account, any) = ("Acme Orders".into(), "Fern & Clay".into(), "shop.example.com".into());
        Self { language, app, account, any }
    }

    /// The same hostile values in every language.
    fn hostile() -> [Self; 6] {
        let any = || HOSTILE.to_owned();
        Language::ALL.map(|language| Self { language, app: any(), account: any(), any: any() })
    }

    fn frame(&self) -> Frame {
        let brand = Brand {
            app_name: self.app.parse().unwrap(),
            accent: "#f0c000".parse().ok(),
            help: "https://help.example/?a='b'&c=%22".parse().ok(),
            logo: None,
        };
        Frame::new(brand, Said(self.language)).leading_to(&format!("/connect/{}?a=b", self.any))
    }

    fn connect(&self) -> ConnectPage {
        ConnectPage {
            frame: self.frame(),
            account: Some(self.account.clone()),
            unnamed: true,
            action: format!("/connect/{}", self.any),
            store_url: Field { value: self.any.clone(), error: None },
            fixed_store: None,
            asks: Scope::ReadWrite,
            callback_host: "keys.acme.example".into(),
            stop: None,
            warnings: Vec::new(),
            checked_home: None,
            adopted: false,
            wp_admin_href: None,
            why: None,
            news: None,
            by_hand_href: Some(format!("/connect/{}/by-hand", self.any)),
            by_hand_helps: true,
            password_href: Some(format!("/connect/attempts/{}/application-password", self.any)),
        }
    }

    fn finding(&self, verdict: Verdict) -> Finding {
        Finding::of(Said(self.language), verdict, &self.any)
    }

    fn attempt(&self, view: View) -> AttemptPage {
        AttemptPage {
            frame: self.frame(),
            account: Some(self.account.clone()),
            store: store(),
            callback_host: "keys.acme.example".into(),
            poll_href: format!("/connect/attempts/{}", self.any),
            retry_href: Some(format!("/connect/{}", self.any)),
            by_hand: false,
            by_hand_href: Some(format!("/connect/{}/by-hand", self.any)),
            authorize_url: Some(format!("https://shop.example.com/wc-auth/v1/authorize?user_id={}", self.any)),
            asks: Scope::Write,
            store_name: Some(self.any.clone()),
            icon_href: Some(format!("/connect/attempts/{}/icon", self.any)),
            password: false,
            password_href: Some(format!("/connect/attempts/{}/application-password", self.any)),
            back: view
                .status()
                .is_ended()
                .then(|| GoOn { label: format!("Back to {}", self.app), href: "https://app.example/".into() }),
            view,
        }
    }

    fn trouble(&self) -> Trouble {
        let action = format!("/connect/attempts/{}/retry", self.any);
        Trouble { finding: self.finding(Verdict::TimedOut), action }
    }

    fn connected(&self) -> Connected {
        Connected {
            may: Scope::ReadWrite,
            last7: "3f9a1c7".into(),
            surplus: vec![self.any.clone(), "77d01ab".into()],
            former: Some(Former {
                woo_key_id: 1204,
                last7: self.any.clone(),
                revoke_href: "https://shop.example.com/wp-admin/admin.php?edit-key=1204".into(),
            }),
            note: Some(self.finding(Verdict::ScopeNarrower)),
            go_on: Some(GoOn {
                label: format!("Back to {}", self.app),
                href: format!("https://a.example/{}", self.any),
            }),
        }
    }

    /// Every page in every variant, by name.
    fn pages(&self) -> Vec<(&'static str, String)> {
        let mut pages = self.connect_pages();
        pages.extend(self.views().into_iter().map(|(name, view)| (name, self.attempt(view).render().unwrap())));
        let link_gone = ErrorPage::link_gone(self.frame(), "rq_01jd0000000000000000000000");
        let failed = ErrorPage {
            frame: self.frame(),
            title: self.any.clone(),
            says: self.any.clone(),
            next_label: self.any.clone(),
            next_href: Some(format!("/{}", self.any)),
            request_id: self.any.clone(),
        };
        let elsewhere = ElsewherePage {
            frame: self.frame(),
            account: Some(self.account.clone()),
            store: store(),
            connected: false,
            password: None,
            disown_action: format!("/connect/attempts/{}/disown", self.any),
            state: self.any.clone(),
        };
        let disowned = DisownedPage { frame: self.frame(), store: store(), last7: Some(self.any.clone()) };
        let by_hand_stopped =
            ByHandPage { stop: Some(self.finding(Verdict::PlainPermalinks)), store: None, ..self.by_hand() };
        let by_password = |view| AttemptPage { password: true, ..self.attempt(view) };
        let left = ElsewherePage {
            password: Some(false),
            state: self.any.clone(),
            account: None,
            frame: self.frame(),
            store: store(),
            connected: false,
            disown_action: self.any.clone(),
        };
        let off = PasswordPage { stop: Some(self.finding(Verdict::PasswordsOff)), ..self.password() };
        pages.extend([
            ("password", self.password().render().unwrap()),
            ("password-off", off.render().unwrap()),
            ("password-send", SendPage { password: true, ..self.send() }.render().unwrap()),
            ("password-open", by_password(View::Open { returned: false }).render().unwrap()),
            ("password-connected", by_password(View::Connected(self.connected())).render().unwrap()),
            ("password-denied", by_password(View::Denied).render().unwrap()),
            ("password-elsewhere", left.render().unwrap()),
        ]);
        pages.extend([
            ("send", self.send().render().unwrap()),
            ("by-hand", self.by_hand().render().unwrap()),
            ("by-hand-stopped", by_hand_stopped.render().unwrap()),
            ("elsewhere", elsewhere.render().unwrap()),
            ("disowned", disowned.render().unwrap()),
            ("disowned-unknown", DisownedPage { last7: None, ..disowned }.render().unwrap()),
            ("link-gone", link_gone.render().unwrap()),
            ("error", failed.render().unwrap()),
        ]);
        pages
    }

    fn password(&self) -> PasswordPage {
        PasswordPage {
            frame: self.frame(),
            account: Some(self.account.clone()),
            action: format!("/connect/attempts/{}/application-password", self.any),
            store: store(),
            host: "keys.acme.example".into(),
            stop: None,
            approve_href: format!("/connect/attempts/{}/again", self.any),
        }
    }

    fn by_hand(&self) -> ByHandPage {
        ByHandPage {
            frame: self.frame(),
            account: Some(self.account.clone()),
            action: format!("/connect/{}/by-hand", self.any),
            approve_href: format!("/connect/{}", self.any),
            store_url: Field { value: self.any.clone(), error: Some(self.any.clone()) },
            fixed_store: None,
            store: Some(store()),
            asks: Scope::ReadWrite,
            key_wrong: Some(self.any.clone()),
            secret_wrong: Some(self.any.clone()),
            stop: None,
            in_use: None,
            go_on: None,
        }
    }

    fn connect_pages(&self) -> Vec<(&'static str, String)> {
        let error = Some(self.any.clone());
        let stopped = ConnectPage { stop: Some(self.finding(Verdict::PlainPermalinks)), ..self.connect() };
        let warned = ConnectPage {
            warnings: vec![self.finding(Verdict::LoginWall), self.finding(Verdict::NoisyAnswer)],
            checked_home: Some(self.any.clone()),
            adopted: true,
            wp_admin_href: Some(format!("https://{}/wp-admin/", self.any)),
            ..self.connect()
        };
        let reconnect = ConnectPage {
            fixed_store: Some(self.any.clone()),
            why: Some(self.any.clone()),
            account: None,
            ..self.connect()
        };
        let news = |done, over| {
            let go_on = self.connected().go_on.filter(|_| done);
            ConnectPage { news: Some(News { says: self.any.clone(), done, over, go_on }), ..self.connect() }
        };
        let typo = ConnectPage { store_url: Field { value: self.any.clone(), error }, ..self.connect() };
        [
            ("connect", self.connect()),
            ("stopped", stopped),
            ("warned", warned),
            ("reconnect", reconnect),
            ("elsewhere-begun", news(false, false)),
            ("elsewhere-connected", news(true, false)),
            ("link-over", news(true, true)),
            ("typo", typo),
        ]
        .map(|(name, page)| (name, page.render().unwrap()))
        .into()
    }

    fn send(&self) -> SendPage {
        SendPage {
            frame: self.frame(),
            account: Some(self.account.clone()),
            store: store(),
            asks: Scope::Read,
            callback_host: "keys.acme.example".into(),
            authorize_url: format!("https://shop.example.com/wc-auth/v1/authorize?app_name=A&user_id={}", self.any),
            adopted: true,
            attempt_href: format!("/connect/attempts/{}", self.any),
            store_name: Some(self.any.clone()),
            icon_href: None,
            password: false,
        }
    }

    fn views(&self) -> Vec<(&'static str, View)> {
        let action = format!("/connect/attempts/{}/confirm", self.any);
        let bare = Connected { surplus: Vec::new(), former: None, note: None, go_on: None, ..self.connected() };
        vec![
            ("open", View::Open { returned: false }),
            ("open-returned", View::Open { returned: true }),
            ("received", View::Received),
            ("proving", View::Proving(None)),
            ("untested", View::Proving(Some(self.trouble()))),
            (
                "confirm",
                View::AwaitingBrowser { action: action.clone(), disown_action: Some(action.clone()), elsewhere: false },
            ),
            ("confirm-elsewhere", View::AwaitingBrowser { action, disown_action: None, elsewhere: true }),
            ("confirm-app", View::AwaitingApp { go_on: None, by_itself: true }),
            ("confirm-app-go", View::AwaitingApp { go_on: self.connected().go_on, by_itself: true }),
            ("connected", View::Connected(self.connected())),
            ("connected-bare", View::Connected(bare)),
            ("denied", View::Denied),
            ("failed", View::Failed(self.finding(Verdict::HeaderStripped))),
            ("expired", View::Expired),
        ]
    }
}

fn store() -> StoreUrl {
    StoreUrl::parse("shop.example.com/shop", Network::Public).unwrap()
}

/// The tags of a page, each from `<name` up to its `>`. Attribute values contain no `>`: askama escapes it.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|part| part.split_once('>')).map(|(tag, _)| tag).collect()
}

/// The value of a double-quoted attribute.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value)
}

fn named<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    tags(html).into_iter().filter(|tag| tag.split([' ', '\n']).next() == Some(name)).collect()
}

#[test]
fn every_page_is_whole() {
    let languages = Language::ALL.into_iter().map(Words::in_language);
    for (language, (name, html)) in
        languages.flat_map(|words| words.pages().into_iter().map(move |p| (words.language, p)))
    {
        let (name, code) = (format!("{name} in {}", language.own_name()), language.code());
        assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{code}\">")), "{name}");
        assert!(!html.contains("{$") && !html.contains("{ $"), "{name}: every variable is given");
        assert_eq!(html.matches("aria-current=\"true\"").count(), 1, "{name}: one language is this one");
        for other in Language::ALL {
            let way = format!("&#38;lang={0}\" lang=\"{0}\" hreflang=\"{0}\"", other.code());
            assert!(html.contains(&way) && html.contains(other.own_name()), "{name}: the way to {other:?}");
        }
        assert_eq!(named(&html, "h1").len(), 1, "{name}: one h1");
        assert_eq!(named(&html, "main").len(), 1, "{name}: one main");
        let title = html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).unwrap().0;
        assert!(title.trim() == title && title.len() > 5, "{name}: {title}");
        for pair in ["div", "p", "ol", "ul", "li", "dl", "form", "section", "details", "a", "button", "svg", "noscript"]
        {
            let (open, close) = (named(&html, pair).len(), named(&html, &format!("/{pair}")).len());
            assert_eq!(open, close, "{name}: <{pair}> is closed");
        }
    }
}

#[test]
fn every_input_has_a_label_and_every_id_is_of_one_element() {
    for (name, html) in Words::sensible().pages() {
        for input in named(&html, "input").iter().filter(|tag| attribute(tag, "type") != Some("hidden")) {
            let id = attribute(input, "id").unwrap();
            assert!(html.contains(&format!("<label for=\"{id}\">")), "{name}: {input}");
            for described in attribute(input, "aria-describedby").unwrap_or_default().split(' ') {
                assert!(html.contains(&format!("id=\"{described}\"")), "{name}: {described}");
            }
        }
        let mut ids: Vec<_> = tags(&html).into_iter().filter_map(|tag| attribute(tag, "id")).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
    }
}

/// The content security policy allows neither, so a page that relied on them would break silently.
#[test]
fn no_page_has_inline_script_or_style() {
    for words in Words::hostile().into_iter().chain([Words::sensible()]) {
        for (name, html) in words.pages() {
            assert!(named(&html, "style").is_empty(), "{name}");
            let scripts = named(&html, "script");
            assert!(scripts.len() == 1 && attribute(scripts[0], "src").is_some(), "{name}: {scripts:?}");
            for tag in tags(&html) {
                let names = tag.split('"').step_by(2).flat_map(|part| part.split_whitespace());
                for attribute in names.filter_map(|part| part.strip_suffix('=')) {
                    assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: {tag}");
                }
            }
        }
    }
}

#[test]
fn what_comes_from_outside_stays_text() {
    for (name, html) in Words::hostile().iter().flat_map(Words::pages) {
        assert!(!html.contains("<script>"), "{name}");
        assert!(!html.contains("alert(\"x\")"), "{name}");
        assert!(!html.contains("onfocus='"), "{name}");
        assert!(!html.contains("&#38;#"), "{name}: nothing is escaped twice");
        assert_eq!(html.matches("</title>").count(), 1, "{name}");
    }
}

/// A page reloads without a script, and a script disables the refresh (WCAG 2.2.1).
#[test]
fn refreshes_stand_in_noscript_only() {
    for (name, html) in Words::sensible().pages() {
        let seen: String =
            html.split("<noscript>").map(|p| p.split_once("</noscript>").map_or(p, |(_, r)| r)).collect();
        assert!(!seen.contains("http-equiv"), "{name}");
        let waits = [
            "open",
            "open-returned",
            "received",
            "proving",
            "untested",
            "confirm",
            "confirm-elsewhere",
            "confirm-app",
            "confirm-app-go",
            "send",
            "password-send",
            "password-open",
        ];
        assert_eq!(html.contains("http-equiv=\"refresh\""), waits.contains(&name), "{name}");
        assert_eq!(html.contains("data-poll="), !name.ends_with("send") && waits.contains(&name), "{name}");
    }
}

#[test]
fn the_waiting_page_carries_the_status_that_it_compares() {
    let words = Words::sensible();
    for (name, view) in words.views() {
        let (status, trouble) = (view.status(), matches!(view, View::Proving(Some(_))).then_some(Verdict::TimedOut));
        let html = words.attempt(view).render().unwrap();
        let shown = html.contains(&format!("data-status=\"{}\"", shown(status, trouble)));
        assert_eq!(shown, !status.is_ended(), "{name}");
    }
}

#[test]
fn every_bad_ending_says_what_to_do_next() {
    let words = Words::sensible();
    for (name, view) in words.views() {
        let bad = matches!(view, View::Open { returned: true } | View::Denied | View::Failed(_) | View::Expired);
        let linkless = AttemptPage { retry_href: None, ..words.attempt(view.clone()) }.render().unwrap();
        assert_eq!(words.attempt(view).render().unwrap().contains(">Try again</a>"), bad, "{name}");
        assert_eq!(linkless.contains("ask Acme Orders for a new one"), bad, "{name}");
    }
}

#[test]
fn a_stop_is_announced_and_the_form_kept() {
    let words = Words::sensible();
    let html = ConnectPage { stop: Some(words.finding(Verdict::PlainPermalinks)), ..words.connect() }.render().unwrap();
    assert!(html.contains("role=\"alert\" tabindex=\"-1\" data-focus"));
    assert!(html.contains("Settings → Permalinks") && html.contains("<code>plain_permalinks</code>"));
    assert!(html.contains("value=\"shop.example.com\""));
    assert!(html.contains("<title>Problem: "));
    assert!(!html.contains("Continue anyway"));
}

#[test]
fn only_warnings_may_be_passed() {
    let words = Words::sensible();
    let warned = ConnectPage { warnings: vec![words.finding(Verdict::LoginWall)], ..words.connect() };
    let passes = r#"<button class="button" type="submit" name="continue" value="yes">Continue anyway</button>"#;
    assert!(warned.render().unwrap().contains(passes));
    let stopped = ConnectPage { stop: Some(words.finding(Verdict::NoWooCommerce)), ..warned };
    assert!(!stopped.render().unwrap().contains("name=\"continue\""));
}

#[test]
fn a_reconnect_shows_its_store_and_asks_for_none() {
    let words = Words::sensible();
    let html = ConnectPage { fixed_store: Some("shop.example.com".into()), ..words.connect() }.render().unwrap();
    assert!(html.contains("<dd>shop.example.com</dd>"));
    assert!(!html.contains("name=\"store_url\""));
}

#[test]
fn the_approval_address_stands_in_the_link_and_the_refresh_alone() {
    let mut page = Words::sensible().send();
    page.authorize_url = "https://shop.example.com/wc-auth/v1/authorize?a=1&b=CANARY".into();
    let html = page.render().unwrap();
    assert_eq!(html.matches("CANARY").count(), 2);
    assert!(html.contains("content=\"0;url=https://shop.example.com/wc-auth/v1/authorize?a=1&#38;b=CANARY\""));
}
