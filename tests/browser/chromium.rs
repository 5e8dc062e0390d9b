//! Chromium with an empty profile, driven by a chromedriver of our own, and the verbs of who sits in front of it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use cartkey::woo::Resolver;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio_rustls::rustls::server::ParsedCertificate;
use url::Url;

use crate::world::World;

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a chromedriver is started before that is given up.
const DRIVER_TRIES: usize = 5;

/// The width of a phone, in CSS pixels.
const PHONE: u64 = 390;

/// How a browser differs from a healthy one at a desk.
#[derive(Default, Clone, Copy)]
pub struct Manner {
    /// Its scripts are switched off.
    pub without_scripts: bool,
    /// It is a phone's.
    pub phone: bool,
}

/// A browser with an empty profile; it goes when it is dropped, also by a panic.
pub struct Browser {
    /// What drives it.
    pub client: Client,
    manner: Manner,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

/// The chromedriver and, in its process group, the Chromium that it has started.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

impl Browser {
    /// Opens a browser to which `world` is the internet.
    pub async fn open(world: &World, manner: Manner) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (driver, port) = start_driver(&profile);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(world, manner, profile.path()));
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await.expect("a session in Chromium");
        Self { client, manner, _driver: driver, _profile: profile }
    }

    /// Types an address.
    pub async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Waits for a page with this heading.
    pub async fn sees(&self, heading: &str) {
        let xpath = format!("//h1[normalize-space(.)=\"{heading}\"]");
        // The page that sends on is there for a second only.
        let wait = self.client.wait().at_most(PATIENCE).every(Duration::from_millis(50));
        let found = wait.for_element(Locator::XPath(&xpath)).await;
        if let Err(error) = found {
            panic!("no heading {heading:?}: {error}\n{:?}\n{}", self.client.current_url().await, self.text().await);
        }
    }

    /// Everything that stands on the page.
    pub async fn text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// Waits until these words stand on the page.
    pub async fn reads(&self, words: &str) {
        let xpath = format!("//body[contains(normalize-space(.), \"{words}\")]");
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&xpath)).await;
        if let Err(error) = found {
            panic!("{words:?} is not there: {error}\n{}", self.text().await);
        }
    }

    /// What stands in the field with this id.
    pub async fn value_of(&self, id: &str) -> String {
        let field = self.client.find(Locator::Id(id)).await.unwrap();
        field.prop("value").await.unwrap().expect("a value")
    }

    /// Presses the button or link with these words, once it is there.
    pub async fn press(&self, words: &str) {
        let xpath = format!("//*[self::a or self::button][normalize-space(.)=\"{words}\"]");
        let wait = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&xpath)).await;
        wait.unwrap_or_else(|error| panic!("nothing to press {words:?}: {error}")).click().await.unwrap();
    }

    /// Writes into the field of this name, once it is there.
    pub async fn write(&self, field: &str, text: &str) {
        let css = format!("input[name={field}]");
        let field = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(&css)).await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Logs in at the store, as its administrator.
    pub async fn log_in(&self) {
        self.write("username", "admin").await;
        self.write("password", "demo").await;
        self.press("Login").await;
    }

    /// The address bar.
    pub async fn url(&self) -> Url {
        self.client.current_url().await.unwrap()
    }

    /// What the console has complained of since it was last asked, on every page.
    pub async fn console(&self) -> Vec<String> {
        let lines = self.client.issue_cmd(ReadConsole).await.unwrap();
        let lines = lines.as_array().expect("a list of lines");
        let troubles = lines.iter().filter(|line| line["level"] != "INFO");
        troubles.map(|line| format!("{} {}", line["level"], line["message"])).collect()
    }

    /// Holds what is true of each of our pages: it is no wider than the window, and the console is silent.
    pub async fn is_in_order(&self) {
        // Not `innerWidth`: a phone zooms out until all fits.
        let fits = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]";
        let widths = self.client.execute(fits, Vec::new()).await.unwrap();
        let (page, window) = (widths[0].as_u64().unwrap(), widths[1].as_u64().unwrap());
        let url = self.url().await;
        assert!(page <= window, "{url} is {page} wide in a window of {window}");
        assert!(!self.manner.phone || window == PHONE, "{url} is shown {window} wide");
        assert_eq!(self.console().await, Vec::<String>::new(), "{url}");
    }
}

fn start_driver(profile: &tempfile::TempDir) -> (Driver, u16) {
    for program in ["chromedriver", "chromium"] {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            found.is_ok(),
            "{program} is not installed: run scripts/test, or apt-get install chromium chromium-driver"
        );
    }
    // It takes a free port of IPv4 and then asks for the same one of IPv6, which another driver may just have: it ends then.
    (0..DRIVER_TRIES).find_map(|_| try_to_start(profile)).expect("chromedriver says its port")
}

/// A chromedriver and its port; `None` when it ended before it had one.
fn try_to_start(profile: &tempfile::TempDir) -> Option<(Driver, u16)> {
    let child = Command::new("chromedriver")
        .arg("--port=0")
        .env("TMPDIR", profile.path())
        .env("HOME", profile.path())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let mut driver = Driver(child);
    let mut said = BufReader::new(driver.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = said.find(|line| line.contains("started successfully on port"))?;
    let port = line.trim_end_matches('.').rsplit(' ').next().and_then(|port| port.parse().ok());
    // Nobody reads on, and a full pipe would hold it up.
    std::thread::spawn(move || said.for_each(drop));
    Some((driver, port.unwrap_or_else(|| panic!("no port in {line:?}"))))
}

fn capabilities(world: &World, manner: Manner, profile: &std::path::Path) -> Capabilities {
    let Resolver::Fixed(names) = &world.names else { panic!("a world has its own names") };
    let names: Vec<String> = names.iter().map(|(name, at)| format!("MAP {name} {}", at[0])).collect();
    let mut arguments = vec![
        // The names of this world lead to its doors, and no other name anywhere.
        format!("--host-resolver-rules={},MAP * ~NOTFOUND", names.join(",")),
        // Trusts just the certificate that this world has made.
        format!("--ignore-certificate-errors-spki-list={}", public_key_hash(world)),
        format!("--user-data-dir={}", profile.join("profile").display()),
    ];
    let plain = [
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "disable-dev-shm-usage",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    ];
    arguments.extend(plain.map(|name| format!("--{name}")));
    arguments.push("--window-size=1280,900".to_owned());
    let mut options = json!({"args": arguments});
    if manner.without_scripts {
        options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
    }
    if manner.phone {
        options["mobileEmulation"] = json!({"deviceMetrics": {"width": PHONE, "height": 844, "pixelRatio": 3.0}});
    }
    let wanted = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL"},
    });
    match wanted {
        Value::Object(wanted) => wanted,
        _ => unreachable!("an object was written above"),
    }
}

/// SHA-256 of the certificate's public key, as Chromium wants it.
fn public_key_hash(world: &World) -> String {
    let parsed = ParsedCertificate::try_from(&world.root).expect("our own certificate");
    let digest = ring::digest::digest(&ring::digest::SHA256, parsed.subject_public_key_info().as_ref());
    base64::engine::general_purpose::STANDARD.encode(digest.as_ref())
}

/// chromedriver's own command for the console's lines.
#[derive(Debug)]
struct ReadConsole;

impl WebDriverCompatibleCommand for ReadConsole {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}
