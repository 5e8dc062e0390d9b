//! The real program as an operator runs it: environment, log, signals and exit.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use cartkey::demo::pretend_store::{Pace, PretendStore, Setup, Switches};
use cartkey::domain::entropy::Entropy;
use cartkey::domain::store_url::Network;
use cartkey::domain::time::Clock;
use cartkey::flow::open_vault;
use cartkey::storage::Db;
use cartkey::vault::RingSource;
use cartkey::woo::{Call, Client, Outgoing, Resolver};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::mpsc;

/// The time limit of any step.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An installation: the folder it runs in and its variables.
pub struct Installation {
    /// The working folder.
    pub folder: tempfile::TempDir,
    /// Its `CARTKEY_…` variables.
    pub settings: BTreeMap<String, String>,
}

impl Installation {
    /// An [`Self::empty`] one on which the service has run before.
    pub async fn new() -> Self {
        Self::empty().await.made().await
    }

    /// Makes its database and its ring, as the service does when it first runs.
    pub async fn made(self) -> Self {
        let url = &self.settings["CARTKEY_DATABASE_URL"];
        let url = url
            .strip_prefix("sqlite:")
            .map_or_else(|| url.clone(), |path| format!("sqlite:{}", self.folder.path().join(path).display()));
        let db = Db::open(&url).await.expect("a new database");
        let ring = self.folder.path().join("data/master.key");
        open_vault::open_vault(&db, &RingSource::File(ring), Clock::System.now(), &Entropy::System)
            .await
            .expect("a new ring");
        db.close().await;
        self
    }

    /// Listens on a free loopback port with its own database, which nobody has made yet, and may reach stores on loopback.
    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database_url = crate::database::fresh(folder.path()).await;
        let settings = [
            ("CARTKEY_LISTEN", "127.0.0.1:0"),
            ("CARTKEY_DATABASE_URL", &database_url),
            ("CARTKEY_ALLOW_PRIVATE_STORES", "true"),
            ("CARTKEY_TRUSTED_PROXIES", "127.0.0.1"),
            ("CARTKEY_LOG_FORMAT", "json"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { folder, settings }
    }

    /// Adds a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The program with these arguments, and nothing from this process's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartkey"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(&self.settings).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Starts the service and waits until it is ready.
    pub async fn serve(&self) -> Running {
        let mut running = Running::start(self.command(&["serve"]));
        let line = running.logged("is serving").await;
        running.listen = line["listen"].as_str().unwrap().parse().unwrap();
        running.internal = line["internal"].as_str().map(|address| address.parse().unwrap());
        running
    }

    /// A token with these permissions, issued on the command line.
    pub fn token(&self, allow: &str) -> String {
        self.run(&["token", "issue", "--name", "a service", "--allow", allow]).printed()
    }

    /// Whether the folder contains a file.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.folder.path().join(path).exists()
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ran {
    /// The result of a process.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The single line printed by a successful command.
    pub fn printed(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        self.out.trim_end().to_owned()
    }

    /// The exit code and error line of a failed command that printed nothing.
    pub fn complaint(&self) -> (Option<i32>, &str) {
        assert_eq!(self.out, "", "{self:?}");
        (self.code, self.err.lines().last().unwrap_or_default())
    }
}

/// A running program, stopped on drop.
pub struct Running {
    /// The address it listens on.
    pub listen: SocketAddr,
    /// The internal address it listens on, if separate.
    pub internal: Option<SocketAddr>,
    child: Child,
    log: mpsc::UnboundedReceiver<String>,
    out: mpsc::UnboundedReceiver<String>,
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (log, out) = (lines(child.stderr.take().unwrap()), lines(child.stdout.take().unwrap()));
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), internal: None, child, log, out }
    }

    /// Waits for a log line with these words.
    pub async fn logged_line(&mut self, words: &str) -> String {
        until(&mut self.log, words).await.1
    }

    /// Like [`Self::logged_line`], parsed as JSON.
    pub async fn logged(&mut self, words: &str) -> Value {
        let line = self.logged_line(words).await;
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"))
    }

    /// All output up to a line with these words.
    pub async fn printed(&mut self, words: &str) -> String {
        let (before, line) = until(&mut self.out, words).await;
        before.join("\n") + "\n" + &line
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal.
    pub fn tell(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// The rest of its log, once it has ended.
    pub async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let all = async {
            while let Some(line) = self.log.recv().await {
                rest.push_str(&line);
                rest.push('\n');
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("it ends");
        rest
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let closed = async { while self.log.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, closed).await.expect("it ends");
        self.child.wait().expect("it can be waited for")
    }

    /// Its answer at the public address.
    pub async fn ask(&self, client: &Client, method: Method, path: &str, token: &str, body: &str) -> (u16, Value) {
        let headers = [("authorization", format!("Bearer {token}"))];
        let (status, body) =
            ask(client, method, &format!("http://{}{path}", self.listen), &headers, body).await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that treats loopback as public.
pub fn client() -> Client {
    client_with(Resolver::System)
}

/// The same with its own host names.
pub fn client_with(resolver: Resolver) -> Client {
    let outgoing = Outgoing {
        network: Network::PrivateToo,
        resolver,
        extra_roots: Vec::new(),
        user_agent: "a test".to_owned(),
        own_host: None,
    };
    Client::new(outgoing, Clock::System, Entropy::System)
}

/// A pretend store on loopback without TLS, which posts with `outgoing`.
pub async fn pretend_shop(outgoing: Client, pace: Pace) -> PretendStore {
    let setup = Setup {
        listen: ([127, 0, 0, 1], 0).into(),
        home: "http://127.0.0.1:0".to_owned(),
        name: "Cups & Plates".to_owned(),
        tls: None,
        outgoing,
        clock: Clock::System,
        entropy: Entropy::System,
        switches: Switches { accept_http_callback: true, pace, ..Switches::default() },
    };
    PretendStore::start(setup).await.unwrap()
}

/// Sends one request; `None` without a complete answer.
pub async fn ask(
    client: &Client,
    method: Method,
    url: &str,
    headers: &[(&'static str, String)],
    body: &str,
) -> Option<(u16, String)> {
    let header =
        |(name, value): &(&'static str, String)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    let headers = headers.iter().map(header).collect();
    let call = Call { method, url, headers, body: body.as_bytes().to_vec(), within: PATIENCE, at_most: 1 << 20 };
    let reply = client.send(call).await.ok()?;
    Some((reply.status.as_u16(), String::from_utf8_lossy(&reply.body).into_owned()))
}

fn lines(from: impl Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (send, receive) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// The first line with these words, and the lines before it.
async fn until(lines: &mut mpsc::UnboundedReceiver<String>, words: &str) -> (Vec<String>, String) {
    let mut before = Vec::new();
    let looking = async {
        while let Some(line) = lines.recv().await {
            if line.contains(words) {
                return Some(line);
            }
            before.push(line);
        }
        None
    };
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Some(line)) => (before, line),
        _ => panic!("no line with {words:?} in:\n{}", before.join("\n")),
    }
}
