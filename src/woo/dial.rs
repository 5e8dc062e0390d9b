//! From an address in text to a checked connection: the guard itself (docs/protocol/threats.md §7).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::http::Fault;
use super::reach;
use crate::domain::store_url::{NotAStoreUrl, Reach, StoreUrl};

/// Time for turning a name into addresses.
const DNS_WITHIN: Duration = Duration::from_secs(3);
/// Time for one of several addresses, so that a dead one does not use up the time of the others.
const ADDRESS_WITHIN: Duration = Duration::from_secs(2);
/// Most addresses of one name that are tried.
const ADDRESSES_AT_MOST: usize = 6;

/// Who turns names into addresses.
#[derive(Clone)]
pub enum Resolver {
    /// The machine's own resolver.
    System,
    /// For tests: host name (no port) and what to dial for it; an unknown name has no address. The guard judges
    /// these as it judges real ones.
    Fixed(Arc<HashMap<String, Vec<SocketAddr>>>),
    /// For benchmarks with more names than are worth a table: every name leads here.
    Everywhere(SocketAddr),
}

/// Reads the address of a call and refuses what may not even be looked up. Nothing was sent yet.
pub(super) fn checked(text: &str, reach: Reach, own_host: Option<&str>) -> Result<Url, Fault> {
    // The parser tidies these away without a word; nobody who means well sends them.
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(Fault::BadUrl);
    }
    let url = Url::parse(text).map_err(|_| Fault::BadUrl)?;
    let scheme_is_fine = url.scheme() == "https" || (url.scheme() == "http" && reach == Reach::PrivateToo);
    if !scheme_is_fine || !url.username().is_empty() || url.password().is_some() || url.port() == Some(0) {
        return Err(Fault::BadUrl);
    }
    if reach == Reach::Public {
        let rest = text.split_once("://").ok_or(Fault::BadUrl)?.1;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let read = StoreUrl::parse(&format!("https://{authority}"), reach).map_err(|why| match why {
            NotAStoreUrl::IpAddress | NotAStoreUrl::PrivateName => Fault::PrivateAddress,
            _ => Fault::BadUrl,
        })?;
        if own_host.is_some_and(|own| own.eq_ignore_ascii_case(read.host())) {
            return Err(Fault::PrivateAddress);
        }
    }
    Ok(url)
}

/// Looks the name up, judges every address, dials only those, and looks at who really answered.
pub(super) async fn connect(url: &Url, reach: Reach, resolver: &Resolver) -> Result<TcpStream, Fault> {
    let addresses = allowed_addresses(url, reach, resolver).await?;
    let several = addresses.len() > 1;
    for address in addresses.into_iter().take(ADDRESSES_AT_MOST) {
        let dialing = dial(address);
        let stream = if several {
            tokio::time::timeout(ADDRESS_WITHIN, dialing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        } else {
            dialing.await
        };
        let Ok(stream) = stream else { continue };
        let peer = stream.peer_addr().map_err(|_| Fault::Connect)?;
        return if allowed(peer.ip(), reach) { Ok(stream) } else { Err(Fault::PrivateAddress) };
    }
    Err(Fault::Connect)
}

/// Looks the name up and judges every address; nothing is dialled.
pub(super) async fn allowed_addresses(url: &Url, reach: Reach, resolver: &Resolver) -> Result<Vec<SocketAddr>, Fault> {
    let addresses = addresses(url, resolver).await?;
    // One forbidden answer spoils all: a name that leads both ways is an attack or a mistake (DNS rebinding).
    if !addresses.iter().all(|a| allowed(a.ip(), reach)) {
        return Err(Fault::PrivateAddress);
    }
    Ok(addresses)
}

#[expect(clippy::disallowed_methods, reason = "the one place that connects: the address was judged just before")]
async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn allowed(ip: IpAddr, reach: Reach) -> bool {
    reach == Reach::PrivateToo || reach::is_public(ip)
}

/// What to dial. A number in place of a name takes the same way, so that it cannot slip past the guard.
pub(super) async fn addresses(url: &Url, resolver: &Resolver) -> Result<Vec<SocketAddr>, Fault> {
    let port = url.port_or_known_default().ok_or(Fault::BadUrl)?;
    let found: Vec<SocketAddr> = match url.host().ok_or(Fault::BadUrl)? {
        Host::Ipv4(ip) => vec![SocketAddr::from((ip, port))],
        Host::Ipv6(ip) => vec![SocketAddr::from((ip, port))],
        Host::Domain(name) => match resolver {
            Resolver::Fixed(names) => names.get(name).cloned().unwrap_or_default(),
            Resolver::Everywhere(address) => vec![*address],
            Resolver::System => {
                let looking = tokio::net::lookup_host((name, port));
                let answer = tokio::time::timeout(DNS_WITHIN, looking).await.map_err(|_| Fault::Dns)?;
                answer.map_err(|_| Fault::Dns)?.collect()
            }
        },
    };
    if found.is_empty() { Err(Fault::Dns) } else { Ok(found) }
}

/// A connection, with or without TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
