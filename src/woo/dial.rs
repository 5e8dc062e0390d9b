//! From a URL to a checked connection: the SSRF guard (docs/protocol/threats.md §7).

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::http::Fault;
use super::public_ip;
use crate::domain::{Network, NotAStoreUrl, StoreUrl};

/// The time limit for resolving a host name.
const DNS_WITHIN: Duration = Duration::from_secs(3);
/// The time limit for connecting to one address, so that a dead one does not use up the time of the others.
const ADDRESS_WITHIN: Duration = Duration::from_secs(2);
/// How many addresses of our own are remembered.
const EGRESS_AT_MOST: usize = 8;
/// The maximum number of addresses tried for one host name.
const ADDRESSES_AT_MOST: usize = 6;

/// How host names are resolved.
#[derive(Clone)]
pub enum Resolver {
    System,
    /// For tests: a map from host names (no port) to the addresses to connect to; unknown names have none. The guard
    /// checks these addresses like real ones.
    Fixed(Arc<HashMap<String, Vec<SocketAddr>>>),
    /// For benchmarks with very many host names: all resolve to this address.
    Everywhere(SocketAddr),
}

/// Parses the URL of a call and rejects those whose host must not even be resolved. Sends nothing.
pub(super) fn checked(text: &str, network: Network, own_host: Option<&str>) -> Result<Url, Fault> {
    // The parser silently removes these; no legitimate address contains them.
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(Fault::BadUrl);
    }
    let url = Url::parse(text).map_err(|_| Fault::BadUrl)?;
    let scheme_is_fine = url.scheme() == "https" || (url.scheme() == "http" && network == Network::PrivateToo);
    if !scheme_is_fine || !url.username().is_empty() || url.password().is_some() || url.port() == Some(0) {
        return Err(Fault::BadUrl);
    }
    if network == Network::Public {
        let rest = text.split_once("://").ok_or(Fault::BadUrl)?.1;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let read = StoreUrl::parse(&format!("https://{authority}"), network).map_err(|why| match why {
            NotAStoreUrl::IpAddress | NotAStoreUrl::PrivateName => Fault::PrivateAddress,
            _ => Fault::BadUrl,
        })?;
        if own_host.is_some_and(|own| own.eq_ignore_ascii_case(read.host())) {
            return Err(Fault::PrivateAddress);
        }
    }
    Ok(url)
}

/// Resolves the name, checks every address, connects only to those, and checks the peer address of the connection.
///
/// Records the address that the connection comes from in `egress`, unless that is a private one, behind a NAT.
pub(super) async fn connect(
    url: &Url,
    network: Network,
    resolver: &Resolver,
    egress: &Mutex<BTreeSet<IpAddr>>,
) -> Result<TcpStream, Fault> {
    let addresses = allowed_addresses(url, network, resolver).await?;
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
        if let Ok(own) = stream.local_addr().map(|own| own.ip())
            && public_ip::is_public(own)
        {
            let mut known = egress.lock().unwrap_or_else(PoisonError::into_inner);
            // In an IPv6 network with changing addresses, a few are enough.
            if known.len() < EGRESS_AT_MOST {
                known.insert(own);
            }
        }
        return if allowed(peer.ip(), network) { Ok(stream) } else { Err(Fault::PrivateAddress) };
    }
    Err(Fault::Connect)
}

/// Resolves the name and checks every address, without connecting.
pub(super) async fn allowed_addresses(
    url: &Url,
    network: Network,
    resolver: &Resolver,
) -> Result<Vec<SocketAddr>, Fault> {
    let addresses = addresses(url, resolver).await?;
    // One forbidden address rejects the whole name: a name that resolves to both kinds is an attack or a mistake (DNS
    // rebinding).
    if !addresses.iter().all(|a| allowed(a.ip(), network)) {
        return Err(Fault::PrivateAddress);
    }
    Ok(addresses)
}

#[expect(clippy::disallowed_methods, reason = "the only place that connects: the address has just been checked")]
async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn allowed(ip: IpAddr, network: Network) -> bool {
    network == Network::PrivateToo || public_ip::is_public(ip)
}

/// The addresses to connect to. IP addresses in place of a name take the same path, so that they cannot bypass the
/// guard.
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
