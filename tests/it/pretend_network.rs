//! A network of any number of good and bad stores behind one listener, for tests and benchmarks of the watch.
//!
//! The first word of the host name selects a store's behaviour (`good-17.example`, `hang-3.example`), and a directory makes it one
//! of many on its host. It accepts any key. It counts requests and how many run concurrently.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The time between two bytes of a dripping store.
const DRIP_EVERY: Duration = Duration::from_millis(20);
/// The `Content-Length` of a flooding store, which tries to send as much.
const FLOOD: u64 = 10 * 1024 * 1024 * 1024;
/// The maximum size of a request's head, and of a line in it, in bytes.
const HEAD_AT_MOST: usize = 32 * 1024;

/// A running network, stopped on drop.
pub struct PretendNetwork {
    addr: SocketAddr,
    counts: Arc<Mutex<Counts>>,
    running: JoinHandle<()>,
}

/// The counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Open connections.
    pub open: usize,
    /// The most connections open at once.
    pub peak: usize,
    /// The most concurrent requests to one host.
    pub peak_of_a_host: usize,
    /// All requests.
    pub asked: usize,
}

#[derive(Default)]
struct Counts {
    figures: Figures,
    /// Running requests, by host.
    busy: HashMap<String, usize>,
    /// All requests by address without scheme, if enabled.
    by_store: Option<HashMap<String, usize>>,
}

/// Counts a connection or request until dropped.
struct Counted {
    counts: Arc<Mutex<Counts>>,
    host: Option<String>,
}

impl PretendNetwork {
    /// Listens on a free loopback port. `remembers` enables the counters per store.
    pub async fn start(remembers: bool) -> io::Result<Self> {
        Self::on(0, remembers).await
    }

    /// Like [`Self::start`], on this port.
    pub async fn on(port: u16, remembers: bool) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let addr = listener.local_addr()?;
        let counts = Counts { by_store: remembers.then(HashMap::new), ..Counts::default() };
        let counts = Arc::new(Mutex::new(counts));
        let running = tokio::spawn(serve(listener, Arc::clone(&counts)));
        Ok(Self { addr, counts, running })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The current counters.
    pub fn figures(&self) -> Figures {
        look(&self.counts, |counts| counts.figures)
    }

    /// The requests per store: its address without scheme, and their number.
    pub fn asked(&self) -> HashMap<String, usize> {
        look(&self.counts, |counts| counts.by_store.clone().unwrap_or_default())
    }
}

impl Drop for PretendNetwork {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn look<T>(counts: &Mutex<Counts>, look: impl FnOnce(&mut Counts) -> T) -> T {
    look(&mut counts.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Counted {
    fn connection(counts: &Arc<Mutex<Counts>>) -> Self {
        look(counts, |counts| {
            counts.figures.open += 1;
            counts.figures.peak = counts.figures.peak.max(counts.figures.open);
        });
        Self { counts: Arc::clone(counts), host: None }
    }

    fn request(counts: &Arc<Mutex<Counts>>, host: &str, store: String) -> Self {
        look(counts, |counts| {
            counts.figures.asked += 1;
            let busy = counts.busy.entry(host.to_owned()).or_default();
            *busy += 1;
            counts.figures.peak_of_a_host = counts.figures.peak_of_a_host.max(*busy);
            if let Some(by_store) = &mut counts.by_store {
                *by_store.entry(store).or_default() += 1;
            }
        });
        Self { counts: Arc::clone(counts), host: Some(host.to_owned()) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        look(&self.counts, |counts| match &self.host {
            None => counts.figures.open -= 1,
            Some(host) => {
                let left = counts.busy.get_mut(host).map_or(0, |busy| {
                    *busy -= 1;
                    *busy
                });
                if left == 0 {
                    counts.busy.remove(host);
                }
            }
        });
    }
}

/// Serves until aborted.
async fn serve(listener: TcpListener, counts: Arc<Mutex<Counts>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let _open = Counted::connection(&counts);
            // The client may disconnect at any time.
            drop(answer(stream, &counts).await);
        });
    }
}

async fn answer(stream: TcpStream, counts: &Arc<Mutex<Counts>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut path, mut host, mut read) = (String::new(), String::new(), String::new(), 0);
    loop {
        line.clear();
        read += stream.read_line(&mut line).await?;
        if line.trim_end().is_empty() || read > HEAD_AT_MOST {
            break;
        }
        if path.is_empty() {
            line.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
        } else if let Some(value) = line.get(..5).filter(|name| name.eq_ignore_ascii_case("host:")) {
            line[value.len()..].trim().clone_into(&mut host);
        }
    }
    let directory = path.split("/wp-json").next().unwrap_or_default();
    let home = format!("{host}{directory}");
    let _busy = Counted::request(counts, &host, home.clone());
    let behaviour = host.split('-').next().unwrap_or_default();
    match behaviour {
        // Until the client disconnects.
        "hang" => stream.read_line(&mut line).await.map(drop),
        "drip" => drip(&mut stream).await,
        "flood" => flood(&mut stream).await,
        // The counters, for another process.
        "figures" => {
            let figures = look(counts, |counts| counts.figures);
            let body = format!("{} {} {} {}", figures.open, figures.peak, figures.peak_of_a_host, figures.asked);
            stream.write_all(answered("text/plain", &body).as_bytes()).await
        }
        _ => stream.write_all(whole(&home).as_bytes()).await,
    }
}

/// A store's index.
fn whole(home: &str) -> String {
    let body = format!(r#"{{"environment":{{"version":"11.0.1","wp_version":"7.0.4","home_url":"http://{home}"}}}}"#);
    answered("application/json", &body)
}

fn answered(kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn drip(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await?;
    loop {
        stream.write_all(b" ").await?;
        tokio::time::sleep(DRIP_EVERY).await;
    }
}

async fn flood(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let chunk = [b"4000\r\n".as_slice(), &[b' '; 0x4000], b"\r\n"].concat();
    for _ in 0..FLOOD / 0x4000 {
        stream.write_all(&chunk).await?;
    }
    Ok(())
}
