//! A merchant's browser: cookies, redirects, forms and links, and the actions of a person who connects a store.

#![expect(clippy::unwrap_used, reason = "test code: a panic is the failure")]

#[path = "merchant/html.rs"]
pub mod html;

use std::time::Duration;

use cartkey::domain::entropy::Entropy;
use cartkey::domain::store_url::Network;
use cartkey::domain::time::Clock;
use cartkey::woo::http::{Call, Client, Outgoing, Resolver};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio_rustls::rustls::pki_types::CertificateDer;
use url::{Origin, Url};

/// The limit of consecutive redirects.
const REDIRECTS: usize = 20;

/// A page in the browser.
#[derive(Debug, Clone)]
pub struct Page {
    /// The address bar.
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    /// Its visible text, without the title.
    pub fn text(&self) -> String {
        let body = self.body.find("<body").map_or(self.body.as_str(), |at| &self.body[at..]);
        html::text(body)
    }

    pub fn title(&self) -> String {
        html::elements(&self.body, "title").first().map(html::Element::text).unwrap_or_default()
    }

    /// The target of the first link with these words, preferring one with exactly these.
    pub fn link(&self, words: &str) -> Option<String> {
        let links = html::elements(&self.body, "a");
        let exact = links.iter().find(|link| link.text() == words);
        exact.or_else(|| links.iter().find(|link| link.text().contains(words)))?.attribute("href").map(str::to_owned)
    }

    /// The first form that has a button with these words.
    pub fn form(&self, button: &str) -> Option<html::Form> {
        html::forms(&self.body).into_iter().find(|form| form.buttons.iter().any(|b| b.text().contains(button)))
    }

    /// The target of the page's automatic redirect.
    pub fn refresh(&self) -> Option<String> {
        html::refresh(&self.body)
    }

    /// One parameter of the address bar.
    pub fn param(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }
}

struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    secure: bool,
    strict: bool,
}

/// A request body and its media type.
#[derive(Clone, Default)]
struct Sent {
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Sent {
    fn form(encoded: &str) -> Self {
        Self { kind: "application/x-www-form-urlencoded", bytes: encoded.as_bytes().to_vec() }
    }

    fn with_file(fields: &[(&str, &str)], (name, file): (&str, &[u8])) -> Self {
        let head = |name: &str| format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"");
        let mut bytes: Vec<u8> =
            fields.iter().flat_map(|(name, value)| format!("{}\r\n\r\n{value}\r\n", head(name)).into_bytes()).collect();
        let what = "; filename=\"logo.png\"\r\nContent-Type: image/png\r\n\r\n";
        bytes.extend(format!("{}{what}", head(name)).into_bytes());
        bytes.extend(file.iter().chain(b"\r\n--edge--\r\n"));
        Self { kind: "multipart/form-data; boundary=edge", bytes }
    }
}

/// A browser with its cookies, and its user.
pub struct Merchant {
    client: Client,
    cookies: Vec<Cookie>,
    approve_link: Option<(Page, String)>,
    extra: Vec<(&'static str, String)>,
    left_out: Vec<&'static str>,
    /// Every received `Set-Cookie`, in order.
    pub set_cookies: Vec<String>,
    /// The login used at the store.
    pub login: String,
    pub password: String,
}

impl Merchant {
    /// A fresh browser, logged in nowhere. Its user is the store's administrator.
    pub fn new(resolver: Resolver, extra_roots: Vec<CertificateDer<'static>>) -> Self {
        let user_agent =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        let outgoing = Outgoing {
            network: Network::PrivateToo,
            resolver,
            extra_roots,
            user_agent: user_agent.to_owned(),
            own_host: None,
        };
        let client = Client::new(outgoing, Clock::System, Entropy::System);
        Self::with(client)
    }

    /// Another user with their own browser on the same network. Cheap: certificates are read once.
    pub fn another(&self) -> Self {
        Self::with(self.client.clone())
    }

    fn with(client: Client) -> Self {
        let (login, password) = ("admin".to_owned(), "demo".to_owned());
        Self {
            client,
            cookies: Vec::new(),
            approve_link: None,
            extra: Vec::new(),
            left_out: Vec::new(),
            set_cookies: Vec::new(),
            login,
            password,
        }
    }

    /// Overrides a header in all further requests.
    pub fn header(&mut self, name: &'static str, value: &str) {
        self.extra.retain(|(known, _)| *known != name);
        self.extra.push((name, value.to_owned()));
    }

    /// Leaves a header out of all further requests, as older browsers do.
    pub fn without(&mut self, name: &'static str) {
        self.left_out.push(name);
    }

    /// Opens an address.
    pub async fn get(&mut self, url: &str) -> Page {
        self.navigate(Method::GET, url.parse().unwrap(), Sent::default(), None).await
    }

    /// Follows a link target on `page`.
    pub async fn follow(&mut self, page: &Page, href: &str) -> Page {
        self.navigate(Method::GET, page.url.join(href).unwrap(), Sent::default(), Some(page)).await
    }

    /// Clicks a link.
    pub async fn click(&mut self, page: &Page, words: &str) -> Page {
        let href = page.link(words).unwrap_or_else(|| panic!("no link {words:?} on {}: {}", page.url, page.text()));
        self.follow(page, &href).await
    }

    /// Fills in the form with this button and submits it.
    pub async fn submit(&mut self, page: &Page, button: &str, values: &[(&str, &str)]) -> Page {
        let form = page.form(button).unwrap_or_else(|| panic!("no button {button:?} on {}: {}", page.url, page.text()));
        let mut fields = form.fields.clone();
        fields.retain(|(n, _)| !values.iter().any(|(name, _)| name == n));
        fields.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let button = form.buttons.iter().find(|b| b.text().contains(button));
        if let Some((name, value)) = button.and_then(|b| Some((b.attribute("name")?, b.attribute("value")?))) {
            fields.push((name.to_owned(), value.to_owned()));
        }
        let mut url = page.url.clone();
        url.set_fragment(None);
        let action = button.and_then(|b| b.attribute("formaction")).or(form.action.as_deref());
        if let Some(action) = action.filter(|action| !action.is_empty()) {
            url = page.url.join(action).unwrap();
        }
        let encoded = serde_urlencoded::to_string(&fields).unwrap();
        if form.is_post {
            return self.navigate(Method::POST, url, Sent::form(&encoded), Some(page)).await;
        }
        url.set_query(Some(&encoded));
        self.navigate(Method::GET, url, Sent::default(), Some(page)).await
    }

    /// Posts a form as a same-origin page would.
    pub async fn post_form(&mut self, url: &str, fields: &[(&str, &str)]) -> Page {
        let url: Url = url.parse().unwrap();
        let page = Page { url: url.clone(), status: 200, headers: HeaderMap::new(), body: String::new() };
        let sent = Sent::form(&serde_urlencoded::to_string(fields).unwrap());
        self.navigate(Method::POST, url, sent, Some(&page)).await
    }

    /// Posts a form with a file from `page` like a browser.
    pub async fn post_file(&mut self, page: &Page, href: &str, fields: &[(&str, &str)], file: (&str, &[u8])) -> Page {
        let sent = Sent::with_file(fields, file);
        self.navigate(Method::POST, page.url.join(href).unwrap(), sent, Some(page)).await
    }

    /// Opens the approval, logs in if asked, clicks Approve; returns the final page.
    pub async fn approve(&mut self, authorize_url: &str) -> Page {
        let page = self.get(authorize_url).await;
        self.approve_on(page).await
    }

    /// Like [`Self::approve`], starting at an open page, which may be our redirect page.
    pub async fn approve_on(&mut self, page: Page) -> Page {
        let page = self.until_grant_screen(page).await;
        let Some(href) = page.link("Approve") else { return page };
        self.approve_link = Some((page.clone(), href.clone()));
        self.follow(&page, &href).await
    }

    /// Opens the same Approve link again, like Back or a double click.
    pub async fn approve_again(&mut self) -> Page {
        let (page, href) = self.approve_link.clone().expect("approved once before");
        self.follow(&page, &href).await
    }

    /// Like [`Self::approve`], but clicks Deny.
    pub async fn deny(&mut self, authorize_url: &str) -> Page {
        let page = self.get(authorize_url).await;
        let page = self.until_grant_screen(page).await;
        self.click(&page, "Deny").await
    }

    /// Follows our redirect page to WordPress's page for application passwords, and logs in if asked.
    pub async fn until_password_page(&mut self, mut page: Page) -> Page {
        if let Some(target) = page.refresh().filter(|_| page.status == 200) {
            page = self.follow(&page, &target).await;
        }
        if page.form("Log In").is_some() {
            let (login, password) = (self.login.clone(), self.password.clone());
            page = self.submit(&page, "Log In", &[("log", &login), ("pwd", &password)]).await;
        }
        page
    }

    /// The same, and approves there; returns the final page.
    pub async fn approve_password(&mut self, page: Page) -> Page {
        let page = self.until_password_page(page).await;
        self.submit(&page, "Yes, I approve", &[]).await
    }

    async fn until_grant_screen(&mut self, mut page: Page) -> Page {
        if let Some(target) = page.refresh().filter(|_| page.status == 200) {
            page = self.follow(&page, &target).await;
        }
        if page.form("Login").is_some_and(|form| form.has("username")) {
            let (login, password) = (self.login.clone(), self.password.clone());
            page = self.submit(&page, "Login", &[("username", &login), ("password", &password)]).await;
        }
        page
    }

    /// The value of the browser's cookie for `host`.
    pub fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.cookies.iter().find(|c| c.host == host && c.name == name).map(|c| c.value.as_str())
    }

    async fn navigate(&mut self, mut method: Method, mut url: Url, mut sent: Sent, from: Option<&Page>) -> Page {
        // A site that was crossed on the way stays crossed (Fetch Metadata, Lax cookies).
        let mut site = from.map_or("none", |page| site_between(&page.url, &url));
        for _ in 0..REDIRECTS {
            let headers = self.headers(&method, &url, sent.kind, from, site);
            let call = Call {
                method: method.clone(),
                url: url.as_str(),
                headers,
                body: sent.bytes.clone(),
                within: Duration::from_secs(30),
                at_most: 4 * 1024 * 1024,
            };
            let reply = self.client.send(call).await.unwrap_or_else(|fault| panic!("{method} {url}: {fault}"));
            self.keep_cookies(&url, &reply.headers);
            let status = reply.status.as_u16();
            let location = reply.headers.get("location").and_then(|to| url.join(to.to_str().ok()?).ok());
            let Some(next) = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)) else {
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                return Page { url, status, headers: reply.headers, body };
            };
            if matches!(status, 301..=303) && method == Method::POST {
                method = Method::GET;
                sent = Sent::default();
            }
            if site != "none" && site_between(&url, &next) == "cross-site" {
                site = "cross-site";
            }
            url = next;
        }
        panic!("redirects without end: {url}");
    }

    fn headers(
        &self,
        method: &Method,
        url: &Url,
        kind: &str,
        from: Option<&Page>,
        site: &str,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = vec![
            ("accept", "text/html,application/xhtml+xml,*/*;q=0.8".to_owned()),
            ("accept-language", "en-GB,en;q=0.9".to_owned()),
            ("sec-fetch-site", site.to_owned()),
            ("sec-fetch-mode", "navigate".to_owned()),
            ("sec-fetch-dest", "document".to_owned()),
            ("sec-fetch-user", "?1".to_owned()),
        ];
        let is_post = *method == Method::POST;
        if is_post {
            headers.push(("content-type", kind.to_owned()));
            headers.push(("origin", from.map_or("null".to_owned(), |page| page.url.origin().ascii_serialization())));
        }
        // strict-origin-when-cross-origin, the browsers' own default, unless the page says otherwise.
        let policy =
            |page: &Page| page.headers.get("referrer-policy").map(|policy| policy.to_str().unwrap().to_owned());
        let may_tell = |page: &&Page| match policy(page).as_deref() {
            Some("no-referrer") => false,
            Some("same-origin") => page.url.origin() == url.origin(),
            _ => true,
        };
        if let Some(page) = from.filter(may_tell).filter(|page| page.url.scheme() == url.scheme()) {
            let whole = page.url.as_str().split('#').next().unwrap_or_default().to_owned();
            let is_own = page.url.origin() == url.origin();
            let referer = if is_own { whole } else { page.url.origin().ascii_serialization() + "/" };
            headers.push(("referer", referer));
        }
        let cookies = self.cookies_for(url, site == "cross-site", is_post);
        if !cookies.is_empty() {
            headers.push(("cookie", cookies));
        }
        headers.retain(|(name, _)| !self.extra.iter().any(|(extra, _)| extra == name));
        headers.extend(self.extra.iter().cloned());
        headers.retain(|(name, _)| !self.left_out.contains(name));
        let header = |(name, value): (&'static str, String)| (HeaderName::from_static(name), value.parse().unwrap());
        headers.into_iter().map(header).collect()
    }

    fn cookies_for(&self, url: &Url, cross_site: bool, is_post: bool) -> String {
        let host = url.host_str().unwrap_or_default();
        let fits = |cookie: &&Cookie| {
            cookie.host == host
                && url.path().starts_with(&cookie.path)
                && (!cookie.secure || is_trustworthy(url))
                // Lax is what a cookie without SameSite is: not on a post from elsewhere.
                && !(cross_site && (cookie.strict || is_post))
        };
        self.cookies.iter().filter(fits).map(|c| format!("{}={}", c.name, c.value)).collect::<Vec<_>>().join("; ")
    }

    fn keep_cookies(&mut self, url: &Url, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            self.set_cookies.push(line.to_owned());
            let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let attribute = |wanted: &str| {
                rest.split(';')
                    .map(|a| a.trim().split_once('=').unwrap_or((a.trim(), "")))
                    .find_map(|(n, v)| n.eq_ignore_ascii_case(wanted).then(|| v.to_owned()))
            };
            let host = url.host_str().unwrap().to_owned();
            let secure = attribute("secure").is_some();
            assert!(!name.starts_with("__Host-") || (secure && attribute("path").as_deref() == Some("/")), "{line}");
            self.cookies.retain(|c| !(c.host == host && c.name == name));
            if attribute("max-age").is_some_and(|age| age.parse::<i64>().is_ok_and(|age| age <= 0)) {
                continue;
            }
            let path = attribute("path").unwrap_or_else(|| "/".to_owned());
            let strict = attribute("samesite").is_some_and(|v| v.eq_ignore_ascii_case("strict"));
            let (name, value) = (name.to_owned(), value.to_owned());
            self.cookies.push(Cookie { host, path, name, value, secure, strict });
        }
    }
}

/// Browsers accept `Secure` cookies from https and from loopback.
fn is_trustworthy(url: &Url) -> bool {
    url.scheme() == "https" || matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
}

/// `Sec-Fetch-Site`, taking the last two labels as the registrable domain.
fn site_between(from: &Url, to: &Url) -> &'static str {
    let site = |url: &Url| match url.origin() {
        Origin::Tuple(scheme, url::Host::Domain(name), _) => {
            let labels: Vec<&str> = name.rsplit('.').take(2).collect();
            (scheme, labels.join("."))
        }
        // The port is no part of a site.
        _ => (url.scheme().to_owned(), url.host_str().unwrap_or_default().to_owned()),
    };
    if from.origin() == to.origin() {
        "same-origin"
    } else if site(from) == site(to) {
        "same-site"
    } else {
        "cross-site"
    }
}
