//! Preflights: limits how many run at a time in this process. Each waits up to twenty seconds for a stranger's server, so one hanging
//! shop, or one network that starts many, gets only a few places.
//!
//! A caller waits a moment for a free place. Links and the open page have separate places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::{ClientNetwork, LinkId, StoreUrl, UserId};

/// How long to wait for a place.
pub const WAIT: Duration = Duration::from_secs(8);

/// How many places there are, and how many of them one network, link or host may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Preflights of the open page.
    pub open_page: usize,
    /// Preflights of links, in addition.
    pub links: usize,
    /// Open page: the most for one network (an IPv4 address, an IPv6 /64).
    pub network: usize,
    /// Open page: the most for one wide network (an IPv4 /24, an IPv6 /48).
    pub wide: usize,
    /// Links: the most for one link.
    pub link: usize,
    /// Links: the most for one merchant, who may have many links.
    pub merchant: usize,
    /// The most for one host, on the open page and on links separately.
    pub host: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_page: 32, links: 32, network: 4, wide: 8, link: 3, merchant: 6, host: 4 }
    }
}

/// Who a place is for.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// A visitor of the open page.
    OpenPage(&'a ClientNetwork),
    /// Whoever holds this link, made for this merchant.
    Link(&'a LinkId, &'a UserId),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Count {
    OpenPage,
    Links,
    ClientNetwork(String),
    Wide(String),
    Link(LinkId),
    Merchant(UserId),
    HostOfOpenPage(String),
    HostOfLinks(String),
}

#[derive(Debug, Clone, Default)]
pub struct Preflights {
    limits: Limits,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    held: Mutex<HashMap<Count, usize>>,
    freed: Notify,
}

/// A place that is held until it is dropped.
#[derive(Debug)]
pub struct Permit {
    counts: Vec<Count>,
    shared: Arc<Shared>,
}

impl Preflights {
    /// Creates the places, all free.
    pub fn of(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a place for a preflight of `store`; waits at most [`WAIT`] for one, then returns `None`.
    pub async fn take(&self, whose: Whose<'_>, store: &StoreUrl) -> Option<Permit> {
        let wants = self.wants(whose, store);
        tokio::time::timeout(WAIT, async {
            loop {
                let freed = self.shared.freed.notified();
                tokio::pin!(freed);
                // From now on, no freed place is missed.
                freed.as_mut().enable();
                if let Some(place) = self.try_take(&wants) {
                    return place;
                }
                freed.await;
            }
        })
        .await
        .ok()
    }

    fn wants(&self, whose: Whose<'_>, store: &StoreUrl) -> Vec<(Count, usize)> {
        let (limits, host) = (&self.limits, store.host().to_owned());
        match whose {
            Whose::OpenPage(network) => vec![
                (Count::OpenPage, limits.open_page),
                (Count::ClientNetwork(network.narrow.clone()), limits.network),
                (Count::Wide(network.wide.clone()), limits.wide),
                (Count::HostOfOpenPage(host), limits.host),
            ],
            Whose::Link(link, merchant) => vec![
                (Count::Links, limits.links),
                (Count::Link(link.clone()), limits.link),
                (Count::Merchant(merchant.clone()), limits.merchant),
                (Count::HostOfLinks(host), limits.host),
            ],
        }
    }

    fn try_take(&self, wants: &[(Count, usize)]) -> Option<Permit> {
        let mut held = self.shared.held.lock().unwrap_or_else(PoisonError::into_inner);
        if wants.iter().any(|(count, most)| held.get(count).is_some_and(|n| n >= most)) {
            return None;
        }
        for (count, _) in wants {
            *held.entry(count.clone()).or_default() += 1;
        }
        let counts = wants.iter().map(|(count, _)| count.clone()).collect();
        Some(Permit { counts, shared: Arc::clone(&self.shared) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.shared.held.lock().unwrap_or_else(PoisonError::into_inner);
        for count in &self.counts {
            // Counts of zero are removed, so that memory is bounded by the number of places.
            match held.get_mut(count) {
                Some(n) if *n > 1 => *n -= 1,
                _ => drop(held.remove(count)),
            }
        }
        drop(held);
        self.shared.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::store_url::Network;
    use crate::domain::time::Time;

    fn network(text: &str) -> ClientNetwork {
        ClientNetwork::of(text.parse::<IpAddr>().expect("an address"))
    }

    fn store(host: &str) -> StoreUrl {
        StoreUrl::parse(host, Network::Public).expect("an address")
    }

    /// Takes a place without waiting.
    async fn at_once(places: &Preflights, whose: Whose<'_>, host: &str) -> Option<Permit> {
        tokio::time::timeout(Duration::ZERO, places.take(whose, &store(host))).await.ok().flatten()
    }

    #[tokio::test]
    async fn a_network_a_host_and_a_link_hold_a_few_places_and_leave_the_others_theirs() {
        let places = Preflights::default();
        let (one, other) = (network("2001:db8::1"), network("2001:db8:1::1"));
        let link = LinkId::mint(Time::from_millis(0), &Entropy::seeded(1));
        let merchant: UserId = "merchant-1".parse().expect("an id");
        let mut held = Vec::new();
        for n in 0..4 {
            held.push(places.take(Whose::OpenPage(&one), &store(&format!("s{n}.example"))).await.expect("a place"));
        }
        assert!(at_once(&places, Whose::OpenPage(&one), "new.example").await.is_none(), "four of one network");
        for _ in 0..4 {
            held.push(places.take(Whose::OpenPage(&other), &store("hangs.example")).await.expect("a place"));
        }
        let third = network("192.0.2.1");
        assert!(at_once(&places, Whose::OpenPage(&third), "hangs.example").await.is_none(), "four at one host");
        assert!(places.take(Whose::OpenPage(&third), &store("well.example")).await.is_some());
        for _ in 0..3 {
            held.push(
                places
                    .take(Whose::Link(&link, &merchant), &store("hangs.example"))
                    .await
                    .expect("links have their own"),
            );
        }
        assert!(at_once(&places, Whose::Link(&link, &merchant), "well.example").await.is_none(), "three of one link");
        held.clear();
        assert!(places.shared.held.lock().expect("not poisoned").is_empty());
    }

    #[tokio::test]
    async fn the_open_page_does_not_use_up_the_places_of_links_and_who_waits_gets_the_next() {
        let places = Preflights::default();
        let mut held = Vec::new();
        for n in 0..32 {
            let from = network(&format!("2001:db8:{n:x}::1"));
            held.push(places.take(Whose::OpenPage(&from), &store(&format!("s{n}.example"))).await.expect("a place"));
        }
        let from = network("192.0.2.1");
        assert!(at_once(&places, Whose::OpenPage(&from), "shop.example").await.is_none());
        let link = LinkId::mint(Time::from_millis(0), &Entropy::seeded(1));
        let merchant: UserId = "merchant-1".parse().expect("an id");
        assert!(places.take(Whose::Link(&link, &merchant), &store("shop.example")).await.is_some());
        let waits = tokio::spawn({
            let places = places.clone();
            async move { places.take(Whose::OpenPage(&network("192.0.2.1")), &store("shop.example")).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(held.pop());
        assert!(waits.await.expect("no panic"));
    }
}
