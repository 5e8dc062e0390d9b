//! The only client that contacts addresses chosen by others; guarded at the point where the connection is made.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT,
};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Position, Url};

pub use super::dial::Resolver;
use super::dial::{self, Stream};
use super::pool::Pool;
use crate::domain::{Clock, Entropy, Network, Verdict};

/// The maximum size of status line and headers together, in bytes.
const HEAD_AT_MOST: usize = 64 * 1024;
/// The maximum number of headers in one answer: some plugins set a cookie for each of their settings.
const HEADERS_AT_MOST: usize = 256;

/// How much of an unwanted body is read and discarded, in bytes and time.
const THROWN_AWAY_AT_MOST: usize = 16 * 1024;
const THROWN_AWAY_WITHIN: Duration = Duration::from_secs(1);

/// The client's configuration.
pub struct Outgoing {
    /// Whether private addresses and plain http are allowed.
    pub network: Network,
    /// How host names are resolved.
    pub resolver: Resolver,
    /// Certificates trusted in addition to the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Sent as `User-Agent` if the call sets none.
    pub user_agent: String,
    /// The host of our own public address, which is never contacted: a store "at" our own address would make us call
    /// ourselves. Ignored with [`Network::PrivateToo`], where everything may run on one `localhost`.
    pub own_host: Option<String>,
}

/// The guarded client; clones share everything. One connection per request, except for calls of services (`relay`): a store is
/// checked minutes apart. It follows no redirects, asks for no compression, and ignores proxy settings in the environment.
#[derive(Clone)]
pub struct Client {
    outgoing: Arc<Outgoing>,
    tls: Arc<RwLock<Option<TlsConnector>>>,
    egress: Arc<Mutex<BTreeSet<IpAddr>>>,
    pub(super) pool: Pool,
    clock: Clock,
    entropy: Entropy,
}

/// One request. Not `Debug`: its URL and headers may contain keys.
pub struct Call<'a> {
    /// GET, POST, …
    pub method: Method,
    /// The whole URL; must be `https` unless private addresses are allowed.
    pub url: &'a str,
    /// `Host`, `Connection` and `Content-Length` are added.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent with its length.
    pub body: Vec<u8>,
    /// The time limit for everything: resolving the name, connecting, sending the request and reading the answer.
    pub within: Duration,
    /// The maximum size of the answer's body, in bytes.
    pub at_most: usize,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Its body, decompressed, at most as long as the call allowed.
    pub body: Vec<u8>,
    /// Whether the connection ended before the announced end of the body.
    pub is_cut: bool,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Which part of an answer is needed.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Whole,
    Head,
}

/// Why there is no answer. The underlying error is dropped: it may contain text from an untrusted server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// The name has no address, or was not resolved within three seconds.
    #[error("host name not found")]
    Dns,
    /// At least one of the name's addresses is not public, or the address is our own.
    #[error("the address is not public")]
    PrivateAddress,
    /// No address accepted the connection, or it was closed before TLS was agreed upon.
    #[error("nothing answers")]
    Connect,
    /// The connection was accepted, and closed before an answer.
    #[error("the connection was closed without an answer")]
    Closed,
    #[error("the certificate is not trusted")]
    Tls,
    #[error("no TLS version or cipher in common")]
    TlsOutdated,
    #[error("the server does not speak TLS")]
    NotTls,
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not HTTP, or is incomplete.
    #[error("the answer is not HTTP")]
    Protocol,
    /// The URL is not allowed: scheme, port, user name, or unparsable.
    #[error("the address is not allowed")]
    BadUrl,
}

impl Fault {
    /// The verdict on a store.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Dns => Verdict::DnsFailed,
            Self::PrivateAddress => Verdict::PrivateAddress,
            Self::Connect | Self::Closed => Verdict::ConnectFailed,
            Self::Tls => Verdict::TlsFailed,
            Self::TlsOutdated => Verdict::TlsOutdated,
            Self::NotTls => Verdict::NoHttps,
            Self::TimedOut => Verdict::TimedOut,
            Self::TooLarge | Self::Protocol | Self::BadUrl => Verdict::AnswerUnreadable,
        }
    }
}

impl Client {
    /// Creates the client. Trusted certificates are read at the first https call, not here, so that start-up is fast.
    pub fn new(outgoing: Outgoing, clock: Clock, entropy: Entropy) -> Self {
        let pool = Pool::new(clock.clone());
        Self { outgoing: Arc::new(outgoing), tls: Arc::default(), egress: Arc::default(), pool, clock, entropy }
    }

    /// The `User-Agent` of our requests.
    pub fn user_agent(&self) -> &str {
        &self.outgoing.user_agent
    }

    /// The public addresses from which this process has made connections, at most eight; none behind a NAT.
    pub fn egress(&self) -> Vec<IpAddr> {
        self.egress.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Sends one request and reads the whole answer; fails after `call.within`. Dropping the future closes the
    /// connection.
    pub async fn send(&self, call: Call<'_>) -> Result<Reply, Fault> {
        let url = self.checked(call.url)?;
        let within = call.within;
        tokio::time::timeout(within, self.exchange(&url, call, Wanted::Whole)).await.map_err(|_| Fault::TimedOut)?
    }

    /// Like [`Self::send`], but discards the body, whatever its length.
    pub async fn send_for_status(&self, call: Call<'_>) -> Result<Reply, Fault> {
        let url = self.checked(call.url)?;
        let within = call.within;
        tokio::time::timeout(within, self.exchange(&url, call, Wanted::Head)).await.map_err(|_| Fault::TimedOut)?
    }

    /// Whether the guard allows a request to `url` now; resolves the name without connecting.
    pub async fn may_ask(&self, url: &str) -> Result<(), Fault> {
        let url = self.checked(url)?;
        dial::allowed_addresses(&url, self.outgoing.network, &self.outgoing.resolver).await.map(drop)
    }

    /// The same client without its guard, for our own addresses, which may be private from here. Never use it for an
    /// address that somebody else chose.
    #[must_use]
    pub fn for_ourselves(&self) -> Self {
        let outgoing = Outgoing {
            network: Network::PrivateToo,
            resolver: self.outgoing.resolver.clone(),
            extra_roots: self.outgoing.extra_roots.clone(),
            user_agent: self.outgoing.user_agent.clone(),
            own_host: None,
        };
        Self::new(outgoing, self.clock.clone(), self.entropy.clone())
    }

    /// Reloads the trusted certificates at the next https call, which is made on a new connection: they may have been replaced.
    pub fn forget_roots(&self) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.pool.empty();
    }

    /// Resolves the host of `url`, without the guard and without connecting.
    pub async fn look_up(&self, url: &str) -> Result<Vec<IpAddr>, Fault> {
        let url = Url::parse(url).map_err(|_| Fault::BadUrl)?;
        let found = dial::addresses(&url, &self.outgoing.resolver).await?;
        Ok(found.into_iter().map(|address| address.ip()).collect())
    }

    /// Which addresses are allowed.
    pub fn network(&self) -> Network {
        self.outgoing.network
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The source of randomness.
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    async fn exchange(&self, url: &Url, call: Call<'_>, wanted: Wanted) -> Result<Reply, Fault> {
        let at_most = call.at_most;
        let mut request = self.request(url, call.method, call.headers, Full::new(Bytes::from(call.body)))?;
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        let (mut sender, connection) = self.open(url).await?;
        let asking = async move {
            let response = sender.send_request(request).await.map_err(|e| fault_of(&e))?;
            match wanted {
                Wanted::Whole => read_all(response, at_most).await,
                Wanted::Head => Ok(read_head(response).await),
            }
        };
        // The connection may end while parts of the answer are still waiting to be read, so its end decides nothing.
        let driving = async {
            drop(connection.await);
            std::future::pending::<std::convert::Infallible>().await
        };
        tokio::select! {
            reply = asking => reply,
            never = driving => match never {},
        }
    }

    /// Connects to the host of `url`, through the guard.
    pub(super) async fn open<B>(&self, url: &Url) -> Result<(SendRequest<B>, Connection<TokioIo<Stream>, B>), Fault>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
    {
        let stream = dial::connect(url, self.outgoing.network, &self.outgoing.resolver, &self.egress).await?;
        let stream = if url.scheme() == "https" { self.wrap(url, stream).await? } else { Stream::Plain(stream) };
        hyper::client::conn::http1::Builder::new()
            .max_buf_size(HEAD_AT_MOST)
            .max_headers(HEADERS_AT_MOST)
            // Old PHP hosts send both; neither changes what a header means to us.
            .ignore_invalid_headers_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| fault_of(&e))
    }

    /// Parses the URL of a request, and refuses those that the guard does not allow. Sends nothing.
    pub(super) fn checked(&self, url: &str) -> Result<Url, Fault> {
        dial::checked(url, self.outgoing.network, self.outgoing.own_host.as_deref())
    }

    pub(super) fn request<B>(
        &self,
        url: &Url,
        method: Method,
        more: Vec<(HeaderName, HeaderValue)>,
        body: B,
    ) -> Result<Request<B>, Fault> {
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let mut request =
            Request::builder().method(method).uri(target).header(HOST, host).body(body).map_err(|_| Fault::BadUrl)?;
        let headers = request.headers_mut();
        headers.extend(more);
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        if !headers.contains_key(USER_AGENT) {
            let name = HeaderValue::from_str(&self.outgoing.user_agent);
            headers.insert(USER_AGENT, name.unwrap_or(HeaderValue::from_static("Cartkey")));
        }
        Ok(request)
    }

    async fn wrap(&self, url: &Url, stream: tokio::net::TcpStream) -> Result<Stream, Fault> {
        let host = url.host_str().ok_or(Fault::BadUrl)?.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Fault::BadUrl)?;
        let connector = self.connector().await?;
        match connector.connect(name, stream).await {
            Ok(tls) => Ok(Stream::Tls(Box::new(tls))),
            Err(error) => Err(fault_of_tls(&error)),
        }
    }

    /// The connector, created once. Reading a few hundred certificates blocks, so it runs off the async workers.
    async fn connector(&self) -> Result<TlsConnector, Fault> {
        if let Some(connector) = self.tls.read().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(connector);
        }
        let (tls, outgoing) = (Arc::clone(&self.tls), Arc::clone(&self.outgoing));
        let read = move || {
            let mut tls = tls.write().unwrap_or_else(PoisonError::into_inner);
            tls.get_or_insert_with(|| trusting(&outgoing.extra_roots)).clone()
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| Fault::Tls)
    }
}

/// A connector that trusts the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured) and `extra`.
fn trusting(extra: &[CertificateDer<'static>]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    roots.add_parsable_certificates(extra.iter().cloned());
    if roots.is_empty() {
        tracing::warn!("no trusted certificates found: every https call will fail; install ca-certificates");
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring offers TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// How gzip begins (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads the body, and stops as soon as it exceeds `at_most` bytes.
async fn read_all(response: hyper::Response<Incoming>, at_most: usize) -> Result<Reply, Fault> {
    let (head, mut incoming) = response.into_parts();
    let limit = u64::try_from(at_most).unwrap_or(u64::MAX);
    if incoming.size_hint().lower() > limit {
        return Err(Fault::TooLarge);
    }
    let (mut body, mut is_cut) = (Vec::new(), false);
    while let Some(frame) = incoming.frame().await {
        // Servers announce wrong lengths, and end TLS without saying so. Whether the part is whole, only its content tells.
        let Ok(frame) = frame else {
            is_cut = true;
            break;
        };
        let Ok(data) = frame.into_data() else { continue };
        if body.len() + data.len() > at_most {
            return Err(Fault::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    let mut headers = head.headers;
    if let hyper::header::Entry::Occupied(mut cookies) = headers.entry(SET_COOKIE) {
        cookies.iter_mut().for_each(|cookie| cookie.set_sensitive(true));
    }
    let body = if is_compressed(&headers, &body) { decompress(&body, at_most)? } else { body };
    Ok(Reply { status: head.status, headers, body, is_cut })
}

/// Returns the status and headers. Reads and discards a small body, so that the server is not cut off.
async fn read_head(response: hyper::Response<Incoming>) -> Reply {
    let (head, mut incoming) = response.into_parts();
    let taking = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = incoming.frame().await {
            taken += frame.data_ref().map_or(0, Bytes::len);
            if taken > THROWN_AWAY_AT_MOST {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(THROWN_AWAY_WITHIN, taking).await;
    Reply { status: head.status, headers: head.headers, body: Vec::new(), is_cut: false }
}

/// Whether a body is compressed although we ask for none: as its header says, or as gzip begins.
pub(super) fn is_compressed(headers: &HeaderMap, body: &[u8]) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text = body.trim_ascii_start().first().is_some_and(|byte| b"{[<".contains(byte));
    body.starts_with(&GZIP)
        || !is_text && ["gzip", "x-gzip", "deflate"].contains(&encoding.trim().to_ascii_lowercase().as_str())
}

/// Decompresses gzip, zlib or bare deflate; [`Fault::TooLarge`] beyond `at_most` bytes. What is not compressed after all is
/// returned as it is.
pub(super) fn decompress(body: &[u8], at_most: usize) -> Result<Vec<u8>, Fault> {
    let read = |decoder: &mut dyn Read| {
        let mut plain = Vec::new();
        // A stream that breaks off may still hold a whole answer.
        let _ = decoder.take(u64::try_from(at_most).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut plain);
        plain
    };
    let mut plain =
        if body.starts_with(&GZIP) { read(&mut GzDecoder::new(body)) } else { read(&mut ZlibDecoder::new(body)) };
    // By WordPress and again by the server.
    if plain.starts_with(&GZIP) && plain.len() <= at_most {
        plain = read(&mut GzDecoder::new(plain.as_slice()));
    }
    if plain.is_empty() {
        plain = read(&mut DeflateDecoder::new(body));
    }
    match plain.len() {
        0 => Ok(body.to_vec()),
        length if length > at_most => Err(Fault::TooLarge),
        _ => Ok(plain),
    }
}

/// An error without a rustls error inside comes from the network: a connection that was reset or closed midway.
fn fault_of_tls(error: &std::io::Error) -> Fault {
    use tokio_rustls::rustls::{AlertDescription as Alert, Error};
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else { return Fault::Connect };
    match error {
        Error::PeerIncompatible(_)
        | Error::AlertReceived(Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity) => {
            Fault::TlsOutdated
        }
        Error::InvalidMessage(_) => Fault::NotTls,
        _ => Fault::Tls,
    }
}

pub(super) fn fault_of(error: &hyper::Error) -> Fault {
    if error.is_parse_too_large() {
        Fault::TooLarge
    } else if error.is_parse() {
        Fault::Protocol
    } else {
        Fault::Closed
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

    use super::*;

    #[test]
    fn a_body_that_was_compressed_unasked_is_read_within_its_limit() {
        let text = "{\"home\":\"https://shop.example\"}".repeat(20);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        for encoder in [&mut gzip as &mut dyn io::Write, &mut zlib, &mut bare] {
            encoder.write_all(text.as_bytes()).unwrap();
        }
        let gzip = gzip.finish().unwrap();
        assert!(is_compressed(&HeaderMap::new(), &gzip), "without a header too");
        let mut twice = GzEncoder::new(Vec::new(), Compression::default());
        twice.write_all(&gzip).unwrap();
        for packed in [&twice.finish().unwrap(), &gzip, &zlib.finish().unwrap(), &bare.finish().unwrap()] {
            assert_eq!(decompress(packed, 10_000).unwrap(), text.as_bytes());
            assert_eq!(decompress(packed, text.len() - 1), Err(Fault::TooLarge));
        }
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        assert!(!is_compressed(&headers, b" {}"), "a header that is not true");
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&vec![b' '; 10_000_000]).unwrap();
        assert_eq!(decompress(&bomb.finish().unwrap(), 1_000), Err(Fault::TooLarge));
    }

    #[test]
    fn only_a_certificate_is_called_one() {
        let of = |error| fault_of_tls(&io::Error::new(io::ErrorKind::InvalidData, error));
        assert_eq!(of(Error::InvalidCertificate(CertificateError::Expired)), Fault::Tls);
        assert_eq!(of(Error::AlertReceived(AlertDescription::HandshakeFailure)), Fault::TlsOutdated);
        assert_eq!(of(Error::AlertReceived(AlertDescription::ProtocolVersion)), Fault::TlsOutdated);
        assert_eq!(of(Error::InvalidMessage(tokio_rustls::rustls::InvalidMessage::InvalidContentType)), Fault::NotTls);
        assert_eq!(fault_of_tls(&io::ErrorKind::ConnectionReset.into()), Fault::Connect);
    }
}
