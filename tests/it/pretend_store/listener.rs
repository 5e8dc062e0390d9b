//! A small application over TLS whose path selects the answer. It records requests byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// `/answer/<status>` answers with it; `/redirect/<status>/<then>` redirects to `/answer/<then>`; `/drop` disconnects. Anything
/// else is 200.
pub struct Listener {
    pub addr: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    running: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Listener {
    pub async fn start(tls: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, acceptor) = (Arc::clone(&seen), TlsAcceptor::from(tls));
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, acceptor) = (Arc::clone(&kept), acceptor.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let request = read(&mut stream).await;
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    kept.lock().unwrap().push(request);
                    if let Some(answer) = answer(&path) {
                        let _ = stream.write_all(answer.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        Self { addr, seen, running }
    }

    /// Every raw request, oldest first.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return text,
            Ok(n) => bytes.extend_from_slice(&part[..n]),
        }
    }
}

fn answer(path: &str) -> Option<String> {
    let words: Vec<&str> = path.split('?').next()?.split('/').collect();
    let (status, more) = match words[..] {
        ["", "drop"] => return None,
        ["", "answer", status] => (status, String::new()),
        ["", "redirect", status, then] => (status, format!("location: /answer/{then}\r\n")),
        _ => ("200", String::new()),
    };
    Some(format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{more}content-length: 0\r\n\r\n"))
}
