//! Runs the integrators' samples unchanged, each in its own language, against a running Cartkey and a store. docs/signing.md shows
//! the complete ones verbatim, docs/connect.md the short ones.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use cartkey::demo::pretend_store::Switches;
use cartkey::domain::actor::Actor;
use cartkey::flow::connecting::application_password;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::database::column;
use crate::world::{BEGINNING, World};

/// Each sample, and its language in docs/signing.md.
const SAMPLES: [(&str, &str); 5] = [
    ("connect.sh", "sh"),
    ("connect.ts", "ts"),
    ("connect.py", "python"),
    ("connect.php", "php"),
    ("connect.rs", "rust"),
];

type Change = fn(&mut Switches);

/// The authentication methods of stores, and the switch that requires each.
const WAYS: [(&str, Change); 5] = [
    ("application_password", |switches| switches.path_blocked = Some("/wc-auth/")),
    ("oauth1_http", |switches| switches.https_hidden = true),
    ("oauth1", |switches| (switches.authorization_stripped, switches.plain_keys_dropped) = (true, true)),
    ("query", |switches| (switches.authorization_stripped, switches.rest_prefix) = (true, Some("api"))),
    ("basic", |_| ()),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/connect")
}

#[test]
fn the_page_shows_every_sample_word_for_word() {
    let guide = std::fs::read_to_string(folder().join("../../docs/signing.md")).unwrap();
    for (file, language) in SAMPLES {
        let sample = std::fs::read_to_string(folder().join(file)).unwrap();
        assert!(guide.contains(&format!("```{language}\n{sample}```\n")), "{file}");
    }
}

/// A guide's short shell lines outside the full samples, run with an existing application.
fn lines_of(guide: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join("../../docs").join(guide)).unwrap();
    let blocks = text.split("<details>").next().unwrap().split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().replace("app.example.com", "app.example")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_short_lines_of_the_guides_run_as_they_stand() {
    if !(there_is("curl") && there_is("jq")) {
        return;
    }
    let stage = Stage::new().await;
    let [make_link, confirm, call, _] = &lines_of("connect.md")[..] else { panic!("three, and a sample") };
    let [fetch_keys] = &lines_of("signing.md")[..] else { panic!("one of them") };
    let answer = |line: &str, environment: &[(&str, &str)]| -> Value {
        let sample = Sample::new("bash", &["-c", line]);
        let ran = stage.prepared(&sample, &[]).envs(environment.iter().copied()).output().unwrap();
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {line}: {ran:?}"))
    };
    let link = answer(make_link, &[]);
    let mut browser = stage.world.merchant();
    let page = browser.get(link["url"].as_str().unwrap_or_else(|| panic!("{link}"))).await;
    let sent = browser.submit(&page, "Connect store", &[("store_url", &stage.world.shop.home())]).await;
    let back = browser.approve_on(sent).await;
    stage.world.prove().await;
    let page = browser.get(back.url.as_str()).await;
    let came = browser.follow(&page, &page.link("Continue to Acme Shipping").unwrap()).await.url;
    let parameter = |name| came.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let (attempt, code) = (parameter("attempt_id"), parameter("code"));
    let store = answer(confirm, &[("ATTEMPT_ID", &attempt), ("CODE", &code)]);
    assert_eq!(store["status"], "connected", "{store}");
    assert!(answer(call, &[]).is_array(), "the store's orders");
    assert_eq!(answer(fetch_keys, &[])["store_id"], store["id"]);

    // The feed, from its beginning: it goes on for ever.
    let feed = lines_of("api.md").into_iter().find(|line| line.contains("/events?")).unwrap();
    let feed = Sample::new("bash", &["-c", &feed.replace("after=latest", "after=ev_0000000000000000")]);
    assert!(prints(stage.prepared(&feed, &[]), |line| line.contains(r#""type":"store.connected""#)), "it was told");
}

/// Whether a program is installed.
fn there_is(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    found || is_passed_over(&format!("{program} is not installed: run scripts/test"))
}

/// Prints, bypassing the capture, that a sample was not run. With `SAMPLES=all` this fails: scripts/test installs everything the
/// samples need.
pub fn is_passed_over(why: &str) -> bool {
    assert_ne!(std::env::var("SAMPLES").as_deref(), Ok("all"), "{why}");
    let _ = writeln!(std::io::stderr(), "NOT RUN: a sample; {why}");
    false
}

/// A Cartkey and a store that external programs can reach, at the real time: signatures contain the time.
struct Stage {
    world: World,
    cartkey: String,
    token: String,
    root: PathBuf,
}

impl Stage {
    async fn new() -> Self {
        let world =
            World::at("https://localhost:0", &[("CARTKEY_ALLOW_PRIVATE_STORES", "true")], Switches::default()).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        world.clock.advance(now.checked_sub(Duration::from_millis(BEGINNING.millis().unsigned_abs())).unwrap());
        let root = world.folder.path().join("root.pem");
        let encoded = base64::engine::general_purpose::STANDARD.encode(&world.root);
        let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        std::fs::write(&root, pem).unwrap();
        let cartkey = world.also(|_| ()).await;
        let token = world.trusted_service().await.token;
        Self { world, cartkey, token, root }
    }

    /// A sample's command, with [`Self::prepare`] done.
    fn prepared(&self, sample: &Sample, arguments: &[&str]) -> Command {
        let mut command = Command::new(&sample.program);
        command.args(&sample.arguments).args(arguments).stdin(Stdio::null());
        self.prepare(&mut command);
        command
    }

    /// Sets the environment that every sample reads.
    fn prepare(&self, command: &mut Command) {
        command.env("CARTKEY", &self.cartkey).env("TOKEN", &self.token);
        command.env("RETURN_URL", "https://app.example/connected?tab=1");
        for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            command.env(name, &self.root);
        }
    }

    fn run(&self, sample: &Sample, arguments: &[&str]) -> Output {
        self.prepared(sample, arguments).output().expect("the sample starts")
    }

    /// The output of a sample that must succeed.
    fn printed(&self, sample: &Sample, arguments: &[&str]) -> String {
        let ran = self.run(sample, arguments);
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()
    }

    /// The error of a sample that must fail.
    fn complaint(&self, sample: &Sample, arguments: &[&str]) -> String {
        let ran = self.run(sample, arguments);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {ran:?}");
        String::from_utf8(ran.stderr).unwrap()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        column(&self.world.app.db, sql).await[0].parse().unwrap()
    }
}

/// The command that starts a sample.
struct Sample {
    program: String,
    arguments: Vec<String>,
}

impl Sample {
    fn new(program: &str, arguments: &[&str]) -> Self {
        Self { program: program.to_owned(), arguments: arguments.iter().map(|text| (*text).to_owned()).collect() }
    }

    fn of_file(program: &str, file: &str) -> Self {
        Self::new(program, &[folder().join(file).to_str().unwrap()])
    }
}

/// The full flow, once for each authentication method.
async fn goes_round(sample: &Sample) {
    let stage = Stage::new().await;
    application_password::allow(&stage.world.app, true, &Actor::cli()).await.unwrap();
    let home = stage.world.shop.home();
    for (way, change) in WAYS {
        stage.world.shop.switch(|switches| {
            *switches = Switches::default();
            change(switches);
        });
        let user = format!("merchant/{way}");
        let link = stage.printed(sample, &["link", &user]);
        let mut browser = stage.world.merchant();
        let page = browser.get(&link).await;
        let sent = browser.submit(&page, "Connect store", &[("store_url", &home)]).await;
        let back = if way == "application_password" {
            let page = browser.click(&sent, "application password").await;
            let sent = browser.submit(&page, "Continue to", &[]).await;
            browser.approve_password(sent).await
        } else {
            browser.approve_on(sent).await
        };
        // From the proof on, so that no preflight warns of it.
        stage.world.shop.switch(|switches| switches.notices = way == "basic");
        stage.world.prove().await;
        let page = browser.get(back.url.as_str()).await;
        let go_on = page.link("Continue to Acme Shipping").unwrap_or_else(|| panic!("{way}: {}", page.text()));
        let address = browser.follow(&page, &go_on).await.url;
        let refused = stage.complaint(sample, &["came-back", address.as_str(), "somebody-else"]);
        assert!(refused.contains("other_user: "), "{refused}");
        let connected = stage.printed(sample, &["came-back", address.as_str(), &user]);
        let store = connected.strip_prefix("connected ").and_then(|rest| rest.strip_suffix(&format!(" {home}")));
        assert!(store.is_some_and(|id| id.starts_with("st_")), "{connected}");
        let refused = stage.complaint(sample, &["came-back", address.as_str(), &user]);
        assert!(refused.contains("code_spent: "), "{refused}");

        let before = stage.count("SELECT CAST(COALESCE(SUM(n), 0) AS TEXT) FROM read_journal").await;
        assert!(stage.printed(sample, &["orders", &user]).ends_with(&format!(" orders, by {way}")), "{way}");
        assert_eq!(
            stage.count("SELECT CAST(COALESCE(SUM(n), 0) AS TEXT) FROM read_journal").await,
            before + 1,
            "asked twice, lent once: the ETag was sent"
        );
    }
    let denied = "https://app.example/connected?status=denied&user_id=m";
    assert_eq!(stage.printed(sample, &["came-back", denied, "m"]), "not connected");
    assert!(stage.complaint(sample, &["orders", "nobody"]).contains("not_found: "));
    // The feed from its beginning, until the first store is told.
    let follow = stage.prepared(sample, &["follow", "ev_0000000000000000"]);
    assert!(prints(follow, |line| line.starts_with("ev_") && line.contains(" store.connected st_")), "it was told");

    // The store sends everybody elsewhere: nobody goes there with its key.
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let address = format!("http://{}", elsewhere.local_addr().unwrap());
    for user in ["merchant/basic", "merchant/query"] {
        stage.world.shop.switch(|switches| {
            *switches = Switches::default();
            switches.redirects_to = Some(address.clone());
        });
        let stays = stage.complaint(sample, &["orders", user]);
        assert!(stays.contains("the store answered 301"), "{user}: {stays}");
        assert!(elsewhere.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "{user}");
    }
    stage.world.shop.switch(|switches| *switches = Switches::default());

    // The merchant revokes the key: the sample notices, and Cartkey is told.
    let key = stage.world.shop.keys().last().unwrap().key_id;
    stage.world.shop.revoke(key);
    let refused = stage.complaint(sample, &["orders", "merchant/basic"]);
    assert!(refused.contains("the store refused: unauthorized, key_rejected"), "{refused}");
    let stores = stage.world.trusted_service().await.get("/stores?user_id=merchant/basic").await.ok();
    assert_eq!(stores["data"][0]["status"], json!("unauthorized"));
}

/// Whether an endless command prints such a line; it is then ended with all its children.
fn prints(mut command: Command, is_it: impl Fn(&str) -> bool) -> bool {
    let mut child = command.process_group(0).stdout(Stdio::piped()).spawn().expect("the sample starts");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let found = lines.take(1_000).any(|line| is_it(&line));
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sample_in_sh_with_curl() {
    if there_is("curl") && there_is("jq") && there_is("openssl") {
        goes_round(&Sample::of_file("bash", "connect.sh")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sample_in_python() {
    if there_is("python3") {
        goes_round(&Sample::of_file("python3", "connect.py")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sample_in_php() {
    if there_is("php") {
        goes_round(&Sample::of_file("php", "connect.php")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sample_in_rust() {
    let manifest = format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--manifest-path", &manifest, "--example", "connect"]);
    // With what cargo has set for this test, a third of the crates would be built anew, and again by the next cargo without it.
    let is_ours = |name: &str| {
        let starts = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        name == "OUT_DIR" || starts.iter().any(|start| name.starts_with(start))
    };
    for (name, _) in std::env::vars().filter(|(name, _)| is_ours(name)) {
        cargo.env_remove(name);
    }
    let ran = cargo.output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let built = Path::new(env!("CARGO_BIN_EXE_cartkey")).with_file_name("examples").join("connect");
    goes_round(&Sample::new(built.to_str().unwrap(), &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sample_in_typescript() {
    let Some(compiler) = typescript() else { return };
    let folder_of_this = tempfile::tempdir().unwrap();
    let stripped = folder_of_this.path().join("connect.mjs");
    strip(&compiler, &folder().join("connect.ts"), &stripped);
    goes_round(&Sample::new("node", &[stripped.to_str().unwrap()])).await;
}

/// Node runs TypeScript natively from 22.18 on. For older versions the compiler strips the types; `TYPESCRIPT` names it:
/// scripts/typescript.
fn typescript() -> Option<String> {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/target/typescript-5.9.3/typescript.js");
    let compiler = std::env::var("TYPESCRIPT").unwrap_or_else(|_| usual.to_owned());
    let there =
        Path::new(&compiler).exists() || is_passed_over(&format!("there is no {compiler}: run scripts/typescript"));
    (there && there_is("node")).then_some(compiler)
}

fn strip(compiler: &str, source: &Path, to: &Path) {
    let strip = "const fs = require('fs'), ts = require(process.argv[1]);
        const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
        const made = ts.transpileModule(fs.readFileSync(process.argv[2], 'utf8'), { compilerOptions: options, reportDiagnostics: true });
        if (made.diagnostics.length) throw new Error(JSON.stringify(made.diagnostics.map((one) => one.messageText)));
        fs.writeFileSync(process.argv[3], made.outputText);";
    let ran = Command::new("node").args(["-e", strip, compiler]).arg(source).arg(to).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

/// Runs the short sample in this language: it prints a link, reads the address to which the browser returned, confirms, and reads
/// the store's orders. `made` writes it into a folder and returns the command.
async fn goes_round_shortly(language: &str, made: impl FnOnce(&Path, &str) -> Command) {
    let guide = include_str!("../../docs/connect.md");
    let (_, block) = guide.rsplit_once(&format!("```{language}\n")).unwrap();
    let folder_of_this = tempfile::tempdir().unwrap();
    let mut command = made(folder_of_this.path(), block.split("```").next().unwrap());
    let stage = Stage::new().await;
    stage.prepare(&mut command);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the sample starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut browser = stage.world.merchant();
    let page = browser.get(&lines.next().expect("a link")).await;
    let sent = browser.submit(&page, "Connect store", &[("store_url", &stage.world.shop.home())]).await;
    let back = browser.approve_on(sent).await;
    stage.world.prove().await;
    let page = browser.get(back.url.as_str()).await;
    let came = browser.follow(&page, &page.link("Continue to Acme Shipping").unwrap()).await.url;
    writeln!(child.stdin.take().unwrap(), "{came}").unwrap();
    let told: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{language}: {told:?}");
    let store = column(&stage.world.app.db, "SELECT id FROM stores").await.remove(0);
    let [connected, orders] = &told[..] else { panic!("{language}: {told:?}") };
    assert_eq!(*connected, format!("connected {store}"));
    assert!(orders.ends_with(" orders"), "{language}: {orders}");
}

fn client(path: &str) -> PathBuf {
    folder().join("../../clients").join(path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_short_sample_in_sh_with_curl() {
    if there_is("curl") && there_is("jq") {
        goes_round_shortly("sh", |_, text| {
            let mut command = Command::new("bash");
            command.args(["-c", text]);
            command
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_short_sample_in_python() {
    if there_is("python3") {
        goes_round_shortly("python", |_, text| {
            let mut command = Command::new("python3");
            command.args(["-c", text]).env("PYTHONPATH", client("python/src"));
            command
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_short_sample_in_php() {
    if there_is("php") {
        goes_round_shortly("php", |folder, text| {
            let classes = ["CartkeyException", "StoreAnswer", "Webhook", "Cartkey"];
            let sources = client("php/src");
            let required = classes.map(|name| format!("require '{}/{name}.php';\n", sources.display())).concat();
            std::fs::create_dir(folder.join("vendor")).unwrap();
            std::fs::write(folder.join("vendor/autoload.php"), format!("<?php\n{required}")).unwrap();
            std::fs::write(folder.join("sample.php"), text).unwrap();
            let mut command = Command::new("php");
            command.arg(folder.join("sample.php"));
            command
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_short_sample_in_typescript() {
    let Some(compiler) = typescript() else { return };
    goes_round_shortly("ts", |folder, text| {
        let package = folder.join("node_modules/cartkey");
        std::fs::create_dir_all(package.join("dist")).unwrap();
        std::fs::copy(client("typescript/package.json"), package.join("package.json")).unwrap();
        strip(&compiler, &client("typescript/cartkey.ts"), &package.join("dist/cartkey.js"));
        std::fs::write(folder.join("sample.ts"), text).unwrap();
        strip(&compiler, &folder.join("sample.ts"), &folder.join("sample.mjs"));
        let mut command = Command::new("node");
        command.arg(folder.join("sample.mjs"));
        command
    })
    .await;
}
