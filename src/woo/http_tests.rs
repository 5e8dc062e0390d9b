//! The client itself: what it sends and accepts, its limits, and TLS.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue, USER_AGENT};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::dial::Resolver;
use super::http::{Call, Client, Fault, Outgoing, Reply};
use super::loopback::{answer, client, one, serve};
use crate::domain::{Clock, Entropy, Network};

async fn send(client: &Client, url: &str, within: Duration, at_most: usize) -> Result<Reply, Fault> {
    let (headers, body) = (Vec::new(), Vec::new());
    client.send(Call { method: Method::GET, url, headers, body, within, at_most }).await
}

async fn get(client: &Client, url: &str) -> Result<Reply, Fault> {
    send(client, url, Duration::from_secs(10), 1_000).await
}

#[tokio::test]
async fn a_call_is_sent_as_it_was_made() {
    let address = serve(|seen| {
        let names = ["host", "user-agent", "accept-encoding", "content-length", "connection"];
        let said: Vec<&str> = names.iter().map(|name| seen.header(name)).collect();
        answer(201, "x-seen: yes", &format!("{} {} {said:?} {}", seen.method, seen.target, seen.body))
    })
    .await;
    let client = client(&["shop.example.com"], address);
    let headers: Vec<(HeaderName, HeaderValue)> = vec![(USER_AGENT, HeaderValue::from_static("WordPress/7"))];
    let url = "http://shop.example.com:81/a%2Fb?c=d%20e#f";
    let body = b"{}".to_vec();
    let call = Call { method: Method::POST, url, headers, body, within: Duration::from_secs(10), at_most: 1_000 };
    let reply = client.send(call).await.unwrap();
    let expected = r#"POST /a%2Fb?c=d%20e ["shop.example.com:81", "WordPress/7", "identity", "2", "close"] {}"#;
    assert_eq!((reply.status.as_u16(), String::from_utf8(reply.body).unwrap()), (201, expected.to_owned()));
    let plain = get(&client, "http://shop.example.com").await.unwrap();
    let ours =
        format!(r#""Cartkey/{} (+https://keys.example.com)", "identity", "", "close"]"#, env!("CARGO_PKG_VERSION"));
    assert!(String::from_utf8(plain.body).unwrap().contains(&ours));
}

#[tokio::test]
async fn redirects_are_answers() {
    for status in [301, 302, 303, 307, 308] {
        let address = serve(move |seen| {
            assert_eq!(seen.path(), "/");
            answer(status, "location: http://shop.example.com/secret", "")
        })
        .await;
        let reply = get(&client(&["shop.example.com"], address), "http://shop.example.com/").await.unwrap();
        assert_eq!(reply.status.as_u16(), status);
    }
}

#[tokio::test]
async fn answers_have_bounds() {
    let cases: [(String, Fault); 7] = [
        (answer(200, "", &"x".repeat(1_001)), Fault::TooLarge),
        ("HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n".to_owned(), Fault::TooLarge),
        (
            format!("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1_001)),
            Fault::TooLarge,
        ),
        (answer(302, &format!("location: https://x.example/{}", "a".repeat(200 * 1024)), ""), Fault::TooLarge),
        (answer(200, &"x-a: b\n".repeat(300), ""), Fault::TooLarge),
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), Fault::Protocol),
        (String::new(), Fault::Closed),
    ];
    for (raw, fault) in cases {
        let shown: String = raw.chars().take(60).collect();
        let address = serve(move |_| raw.clone()).await;
        let seen = get(&client(&["shop.example.com"], address), "http://shop.example.com/").await;
        assert_eq!(seen.err(), Some(fault), "{shown}");
    }
    let address = serve(|_| "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nabc".to_owned()).await;
    let cut = get(&client(&["shop.example.com"], address), "http://shop.example.com/").await.unwrap();
    assert_eq!((cut.body.as_slice(), cut.is_cut), (b"abc".as_slice(), true));
    let address = serve(|_| answer(200, "", &"x".repeat(1_000))).await;
    let reply = get(&client(&["shop.example.com"], address), "http://shop.example.com/").await.unwrap();
    assert_eq!(reply.body.len(), 1_000);
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&["shop.example.com"], listener.local_addr().unwrap());
    let dripping = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
        std::future::pending::<()>().await;
    });
    let reply = send(&client, "http://shop.example.com/", Duration::from_millis(50), 1_000).await;
    assert_eq!(reply.err(), Some(Fault::TimedOut));
    dripping.abort();
}

#[tokio::test]
async fn faults_of_the_network_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&["shop.example.com"], closed);
    assert_eq!(get(&client, "http://shop.example.com/").await.err(), Some(Fault::Connect));
    assert_eq!(get(&client, "http://other.example.com/").await.err(), Some(Fault::Dns));
    assert_eq!(get(&client, "ftp://shop.example.com/").await.err(), Some(Fault::BadUrl));
}

#[tokio::test]
async fn what_a_reply_carries_is_not_in_its_debug() {
    let address = serve(|_| answer(200, "set-cookie: a=hidden", "hidden")).await;
    let reply = get(&client(&["shop.example.com"], address), "http://shop.example.com/").await.unwrap();
    let debug = format!("{reply:?}");
    assert!(!debug.contains("hidden") && debug.contains("set-cookie"), "{debug}");
}

/// A TLS server for `name`, and its certificate.
async fn tls(name: &str) -> (std::net::SocketAddr, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                one(stream, &|_: &super::loopback::Seen| answer(200, "", "over tls")).await;
            }
        }
    });
    (address, certificate)
}

fn trusting(address: std::net::SocketAddr, extra_roots: Vec<CertificateDer<'static>>) -> Client {
    let names = HashMap::from([("shop.example.com".to_owned(), vec![address])]);
    let outgoing = Outgoing {
        network: Network::PrivateToo,
        resolver: Resolver::Fixed(Arc::new(names)),
        extra_roots,
        user_agent: "Cartkey/1".to_owned(),
        own_host: None,
    };
    Client::new(outgoing, Clock::System, Entropy::seeded(1))
}

#[tokio::test]
async fn certificates_are_checked_for_trust_and_name() {
    let (address, certificate) = tls("shop.example.com").await;
    let reply = get(&trusting(address, vec![certificate.clone()]), "https://shop.example.com/").await.unwrap();
    assert_eq!(reply.body, b"over tls");
    let untrusted = get(&trusting(address, Vec::new()), "https://shop.example.com/").await;
    assert_eq!(untrusted.err(), Some(Fault::Tls));
    let (address, certificate) = tls("other.example.com").await;
    let misnamed = get(&trusting(address, vec![certificate]), "https://shop.example.com/").await;
    assert_eq!(misnamed.err(), Some(Fault::Tls));
    let plain = serve(|_| answer(200, "", "")).await;
    let no_tls = get(&trusting(plain, Vec::new()), "https://shop.example.com/").await;
    assert!(matches!(no_tls.err(), Some(Fault::NotTls | Fault::Connect)));
}
