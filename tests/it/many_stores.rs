//! A pretend network of thousands of stores behind one port: each host is a store with a key derived from its name. Far simpler and
//! smaller than the pretend store.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cartkey::woo::Resolver;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a store fails, chosen by the start of its name.
const ILL: [(&str, u16, &str); 6] = [
    ("127.250.", 500, "<html>"),
    ("127.251.", 404, "<html>"),
    ("127.252.", 429, "{\"code\":\"slow_down\",\"message\":\"Later.\",\"data\":{\"status\":429}}"),
    ("broken", 500, "<html>"),
    ("nothing", 404, "<html>"),
    ("busy", 429, "{\"code\":\"slow_down\",\"message\":\"Later.\",\"data\":{\"status\":429}}"),
];

/// The network; it ends with the test's runtime.
#[derive(Clone)]
pub struct ManyStores {
    /// The port they all listen on.
    pub addr: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    asked: Mutex<HashMap<String, u64>>,
    now: Mutex<HashMap<String, usize>>,
    most_at_one_host: AtomicUsize,
    all_now: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl ManyStores {
    /// Starts serving, on every loopback address.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let addr = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
        let seen = Arc::<Seen>::default();
        let here = Self { addr, seen };
        let network = here.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let network = network.clone();
                tokio::spawn(async move { network.answer(stream).await });
            }
        });
        here
    }

    /// A resolver for these names, and for `closed.example`, where nothing listens.
    pub fn names(&self, hosts: impl IntoIterator<Item = String>) -> Resolver {
        let closed = ("closed.example".to_owned(), vec![SocketAddr::from(([127, 0, 0, 1], 1))]);
        Resolver::Fixed(Arc::new(hosts.into_iter().map(|host| (host, vec![self.addr])).chain([closed]).collect()))
    }

    /// The number of requests with a key to this host.
    pub fn asked(&self, host: &str) -> u64 {
        self.seen.asked.lock().unwrap().get(host).copied().unwrap_or(0)
    }

    /// The number of stores that received a key.
    pub fn stores_asked(&self) -> usize {
        self.seen.asked.lock().unwrap().len()
    }

    /// The most concurrent requests, to one host and in total.
    pub fn most(&self) -> (usize, usize) {
        (self.seen.most_at_one_host.load(Ordering::SeqCst), self.seen.most_at_once.load(Ordering::SeqCst))
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        let mut buffer = [0; 4096];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => head.extend_from_slice(&buffer[..n]),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let request = Request::of(&head);
        self.begins(&request.host);
        // Long enough for others to overlap, if they do.
        tokio::time::sleep(Duration::from_micros(500)).await;
        if request.key.is_some() {
            *self.seen.asked.lock().unwrap().entry(request.host.clone()).or_default() += 1;
        }
        let (status, body) = request.answer();
        let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        // Before it is written: who has read it may ask again at once.
        self.ends(&request.host);
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    fn begins(&self, host: &str) {
        let mut now = self.seen.now.lock().unwrap();
        let here = now.entry(host.to_owned()).or_default();
        *here += 1;
        self.seen.most_at_one_host.fetch_max(*here, Ordering::SeqCst);
        let all = self.seen.all_now.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.most_at_once.fetch_max(all, Ordering::SeqCst);
    }

    fn ends(&self, host: &str) {
        *self.seen.now.lock().unwrap().get_mut(host).unwrap() -= 1;
        self.seen.all_now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The key of the store at `host`.
pub fn key_of(host: &str) -> (String, String) {
    let hex = |what: &str| {
        let digest = ring::digest::digest(&ring::digest::SHA256, format!("{what} {host}").as_bytes());
        digest.as_ref()[..20].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    (format!("ck_{}", hex("key")), format!("cs_{}", hex("secret")))
}

struct Request {
    method: String,
    target: String,
    /// Without its port.
    host: String,
    /// With its port, as named.
    authority: String,
    /// Key and secret from the header or the address; a signature has no secret.
    key: Option<(String, String)>,
}

impl Request {
    fn of(head: &str) -> Self {
        let mut first = head.lines().next().unwrap_or_default().split(' ');
        let [method, target] = [(); 2].map(|()| first.next().unwrap_or_default().to_owned());
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")));
            line.map(|line| line[name.len() + 2..].trim().to_owned())
        };
        let authority = header("host").unwrap_or_default();
        let basic = header("authorization").and_then(|value| {
            let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
            let text = String::from_utf8(decoded).ok()?;
            text.split_once(':').map(|(key, secret)| (key.to_owned(), secret.to_owned()))
        });
        let query: HashMap<String, String> =
            serde_urlencoded::from_str(target.split_once('?').map_or("", |(_, query)| query)).unwrap_or_default();
        let named =
            |key: &str, secret: &str| Some((query.get(key)?.clone(), query.get(secret).cloned().unwrap_or_default()));
        let key = basic
            .or_else(|| named("consumer_key", "consumer_secret"))
            .or_else(|| named("oauth_consumer_key", "consumer_secret"));
        let host = authority.split(':').next().unwrap_or_default().to_owned();
        Self { method, target, host, authority, key }
    }

    /// `www.` is another name of the same store, whose own address lacks it.
    fn home(&self) -> String {
        format!("http://{}", self.authority.strip_prefix("www.").unwrap_or(&self.authority))
    }

    fn answer(&self) -> (u16, String) {
        if let Some((_, status, body)) = ILL.iter().find(|(ill, ..)| self.host.starts_with(ill)) {
            return (*status, (*body).to_owned());
        }
        if !self.target.starts_with("/wp-json/wc/") {
            let home = self.home();
            return (200, format!("{{\"name\":\"A store\",\"home\":\"{home}\",\"namespaces\":[\"wc/v3\"]}}"));
        }
        let refused = |code: &str, says: &str| {
            (401, format!("{{\"code\":\"{code}\",\"message\":\"{says}\",\"data\":{{\"status\":401}}}}"))
        };
        let (right_key, right_secret) = key_of(self.host.strip_prefix("www.").unwrap_or(&self.host));
        let signed = self.target.contains("oauth_consumer_key=");
        match &self.key {
            Some((key, _)) if *key == right_key && signed => refused(
                "woocommerce_rest_authentication_error",
                "Invalid signature - provided signature does not match.",
            ),
            Some((key, secret)) if *key == right_key && *secret == right_secret => self.welcome(),
            Some((key, _)) if *key == right_key => {
                refused("woocommerce_rest_authentication_error", "Consumer secret is invalid.")
            }
            Some(_) if signed => refused("woocommerce_rest_authentication_error", "Consumer key is invalid."),
            _ => refused("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
        }
    }

    fn welcome(&self) -> (u16, String) {
        if self.method == "POST" {
            return (200, "[]".to_owned());
        }
        // A clone of another store has that one's key and its own address.
        let home = if self.host.starts_with("clone") { "http://elsewhere.example".to_owned() } else { self.home() };
        (
            200,
            format!("{{\"environment\":{{\"version\":\"11.0.1\",\"wp_version\":\"7.0.4\",\"home_url\":\"{home}\"}}}}"),
        )
    }
}
