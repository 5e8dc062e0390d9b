//! Tests `tests/ssrf_vectors.txt` against the guard's classification, its connections and the whole client.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use tokio::net::TcpListener;
use url::{Host, Url};

use super::dial::{self, Resolver};
use super::http::{Call, Client, Fault, Outgoing};
use super::public_ip::is_public;
use crate::domain::{Clock, Entropy, Network};

fn vectors(verdict: &str) -> Vec<&'static str> {
    let file = include_str!("../../tests/ssrf_vectors.txt");
    let lines = file.lines().filter_map(|line| line.split_once(", "));
    lines.filter(|(is, _)| *is == verdict).map(|(_, text)| text).collect()
}

fn address(text: &str) -> IpAddr {
    match Url::parse(&format!("https://{text}/")).unwrap().host().unwrap() {
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
        Host::Domain(name) => panic!("{text} is the name {name}"),
    }
}

fn call(url: &str) -> Call<'_> {
    let (headers, body) = (Vec::new(), Vec::new());
    Call { method: Method::GET, url, headers, body, within: Duration::from_secs(5), at_most: 1024 }
}

/// A client for public addresses, and the listener to which all its private answers lead.
async fn guarded() -> (Client, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap();
    let mut names: HashMap<String, Vec<SocketAddr>> = HashMap::new();
    for vector in vectors("name") {
        let mut words = vector.split(' ');
        let name = words.next().unwrap().to_owned();
        names.insert(name, words.map(|ip| SocketAddr::new(ip.parse().unwrap(), own.port())).collect());
    }
    for name in ["store.example.com", "evil.example.com", "keys.example.com"] {
        names.insert(name.to_owned(), vec![own]);
    }
    let outgoing = Outgoing {
        network: Network::Public,
        resolver: Resolver::Fixed(Arc::new(names)),
        extra_roots: Vec::new(),
        user_agent: "Cartkey/1".to_owned(),
        own_host: Some("keys.example.com".to_owned()),
    };
    (Client::new(outgoing, Clock::System, Entropy::seeded(1)), listener)
}

async fn assert_untouched(listener: &TcpListener) {
    assert!(tokio::time::timeout(Duration::ZERO, listener.accept()).await.is_err(), "somebody connected");
}

#[test]
fn there_are_many_vectors() {
    let all: usize = ["deny", "allow", "name", "refuse"].map(|verdict| vectors(verdict).len()).iter().sum();
    assert!(all >= 250, "{all}");
}

#[test]
fn addresses_are_classified() {
    for text in vectors("deny") {
        assert!(!is_public(address(text)), "{text}");
    }
    for text in vectors("allow") {
        assert!(is_public(address(text)), "{text}");
    }
}

#[tokio::test]
async fn a_number_for_a_name_is_refused_by_the_client_and_by_the_dialling_alone() {
    let (client, listener) = guarded().await;
    for text in vectors("deny") {
        let url = format!("https://{text}:{}/", listener.local_addr().unwrap().port());
        let dialled =
            dial::connect(&Url::parse(&url).unwrap(), Network::Public, &Resolver::System, &Mutex::default()).await;
        assert_eq!(dialled.err(), Some(Fault::PrivateAddress), "{text}");
        assert!(client.send(call(&url)).await.is_err(), "{text}");
        let fault = client.send(call(&format!("https://{text}/"))).await.err();
        assert!(matches!(fault, Some(Fault::PrivateAddress | Fault::BadUrl)), "{text} {fault:?}");
    }
    for text in vectors("allow") {
        let fault = client.send(call(&format!("https://{text}/"))).await.err();
        assert_eq!(fault, Some(Fault::PrivateAddress), "{text}");
    }
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn one_private_answer_spoils_a_name() {
    let (client, listener) = guarded().await;
    for vector in vectors("name") {
        let name = vector.split(' ').next().unwrap();
        let fault = client.send(call(&format!("https://{name}/"))).await.err();
        assert_eq!(fault, Some(Fault::PrivateAddress), "{vector}");
    }
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn urls_that_parsers_disagree_about_lead_nowhere() {
    let (client, listener) = guarded().await;
    for url in vectors("refuse") {
        let fault = client.send(call(url)).await.err();
        assert!(matches!(fault, Some(Fault::PrivateAddress | Fault::BadUrl | Fault::Dns)), "{url} {fault:?}");
    }
    for (url, fault) in [
        ("https://exa\tmple.com/", Fault::BadUrl),
        ("https://store.example.com\n/", Fault::BadUrl),
        ("https://keys.example.com/", Fault::PrivateAddress),
        ("https://unknown.example.com/", Fault::Dns),
        ("https://store.example.com/", Fault::PrivateAddress),
        ("https://store.example.com:8443/x?y#z", Fault::PrivateAddress),
    ] {
        assert_eq!(client.send(call(url)).await.err(), Some(fault), "{url}");
    }
    assert_untouched(&listener).await;
}
