//! Counts connections by network: how many each may have, and which are closed when all places are taken.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::Notify;

use crate::web;

/// The connections of one listener. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    per_address: usize,
    per_site: usize,
    trusted: Vec<IpNet>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    counts: HashMap<Source, usize>,
    /// By number, which is by age.
    open: BTreeMap<u64, Arc<Open>>,
    next: u64,
}

/// Whose connections are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    /// An IPv4 address.
    Address(u32),
    /// An IPv6 /64: one household's, one machine's.
    Subnet(u64),
    /// An IPv6 /48: what one customer of a provider may have.
    Site(u64),
    /// An IPv4 /24. Strangers may share it, so nobody in it is refused, as in the next two; it only makes room first.
    Block(u32),
    /// An IPv4 /16.
    WideBlock(u32),
    /// An IPv6 /32: a provider's.
    Provider(u64),
}

impl Source {
    fn all_of(ip: IpAddr) -> Vec<Self> {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let ip = ip.to_bits();
                vec![Self::Address(ip), Self::Block(ip >> 8), Self::WideBlock(ip >> 16)]
            }
            IpAddr::V6(ip) => {
                let subnet = u64::try_from(ip.to_bits() >> 64).unwrap_or_default();
                vec![Self::Subnet(subnet), Self::Site(subnet >> 16), Self::Provider(subnet >> 32)]
            }
        }
    }

    /// Whether a newcomer is refused when this network has as much as it may have.
    const fn is_refused(self) -> bool {
        matches!(self, Self::Address(_) | Self::Subnet(_) | Self::Site(_))
    }
}

/// A network has reached its limit of connections, or of requests through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    network: Source,
    at_most: usize,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.network {
            Source::Address(_) => "an IPv4 address",
            Source::Subnet(_) => "an IPv6 /64",
            Source::Site(_) => "an IPv6 /48",
            Source::Block(_) => "an IPv4 /24",
            Source::WideBlock(_) => "an IPv4 /16",
            Source::Provider(_) => "an IPv6 /32",
        };
        write!(f, "Too many connections from your network: {whose} may have {} at a time.", self.at_most)
    }
}

/// In the place of how many requests are being answered: the connection is cut.
const CUT: usize = usize::MAX;

struct Open {
    /// None for a trusted proxy.
    networks: Vec<Source>,
    /// The client networks of the request that a trusted proxy is sending.
    asks_for: Mutex<Vec<Source>>,
    /// How many requests are being answered: several when one is sent behind another; or [`CUT`].
    requests: AtomicUsize,
    cut: Notify,
}

impl Open {
    fn asks_for(&self) -> MutexGuard<'_, Vec<Source>> {
        self.asks_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// No connections yet. An address may have `per_address`, an IPv6 /64 too, and a /48 `per_site`; `trusted` proxies
    /// are not counted, because they act for many clients.
    pub(super) fn new(per_address: usize, per_site: usize, trusted: Vec<IpNet>) -> Self {
        Self(Arc::new(Shared { per_address, per_site, trusted, table: Mutex::default() }))
    }

    /// Takes a place for a connection from `ip`.
    pub(super) fn enter(&self, ip: IpAddr) -> Result<Connection, Full> {
        let ip = ip.to_canonical();
        let networks = if web::is_trusted(&self.0.trusted, ip) { Vec::new() } else { Source::all_of(ip) };
        let mut table = self.table();
        self.count(&mut table, &networks)?;
        let requests = AtomicUsize::new(0);
        let open = Arc::new(Open { networks, asks_for: Mutex::default(), requests, cut: Notify::new() });
        let number = table.next;
        table.next += 1;
        table.open.insert(number, Arc::clone(&open));
        drop(table);
        Ok(Connection { number, open, connections: self.clone() })
    }

    /// Counts one more for each of these networks, or none when one of them is full.
    fn count(&self, table: &mut Table, networks: &[Source]) -> Result<(), Full> {
        for network in networks {
            let at_most = self.at_most(*network);
            if network.is_refused() && table.count(*network) >= at_most {
                return Err(Full { network: *network, at_most });
            }
        }
        for network in networks {
            *table.counts.entry(*network).or_default() += 1;
        }
        Ok(())
    }

    /// Cuts up to `many` connections, so that others can be served. First those of networks that have more than a quarter
    /// of what they may have: of the one that has most, idle before busy, old before new. Then idle ones of anybody but a
    /// trusted proxy, the oldest first: a proxy may just be sending a store's callback on one that looks idle. Whoever has few
    /// connections is never cut off in the middle of a request.
    pub(super) fn make_room(&self, many: usize) {
        let table = self.table();
        let mut found: Vec<_> = table
            .open
            .iter()
            .filter_map(|(number, open)| {
                let weight = self.weight(&table, open);
                let requests = open.requests.load(Ordering::Acquire);
                let is_greedy = weight > self.0.per_address / 4;
                let is_spare = requests == 0 && !open.networks.is_empty();
                (requests != CUT && (is_greedy || is_spare)).then(|| {
                    let weight = if is_greedy { weight } else { 0 };
                    (std::cmp::Reverse(weight), requests, *number, open)
                })
            })
            .collect();
        found.sort_unstable_by_key(|(weight, requests, number, _)| (*weight, *requests > 0, *number));
        for (_, requests, _, open) in found.into_iter().take(many) {
            // An idle one may have begun a request meanwhile; it is then left alone.
            if open.requests.compare_exchange(requests, CUT, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                open.cut.notify_one();
            }
        }
    }

    /// How many connections this one's networks have, scaled so that a full /48 weighs as much as a full /64: the most of them.
    fn weight(&self, table: &Table, open: &Open) -> usize {
        let share = |network: &Source| table.count(*network) * self.0.per_address / self.at_most(*network).max(1);
        open.networks.iter().chain(open.asks_for().iter()).map(share).max().unwrap_or(0)
    }

    fn at_most(&self, network: Source) -> usize {
        match network {
            Source::Address(_) | Source::Subnet(_) => self.0.per_address,
            Source::Site(_) | Source::Block(_) => self.0.per_site,
            Source::WideBlock(_) | Source::Provider(_) => self.0.per_site.saturating_mul(4),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn count(&self, network: Source) -> usize {
        self.counts.get(&network).copied().unwrap_or(0)
    }

    /// Counts one less for each of these networks.
    fn release(&mut self, networks: &[Source]) {
        for network in networks {
            let left = self.count(*network).saturating_sub(1);
            if left == 0 {
                self.counts.remove(network);
            } else {
                self.counts.insert(*network, left);
            }
        }
    }
}

/// The place of one connection; freed when dropped.
pub(super) struct Connection {
    number: u64,
    open: Arc<Open>,
    connections: Connections,
}

impl Connection {
    /// Completes when this connection must make room for others.
    pub(super) async fn cut(&self) {
        self.open.cut.notified().await;
    }

    /// Marks the connection busy with a request. `client` returns the client behind a trusted proxy: a network may have as
    /// many requests in progress through proxies as connections of its own.
    pub(super) fn begin(&self, client: impl FnOnce() -> IpAddr) -> Result<Busy, Refused> {
        let one_more = |requests| (requests != CUT).then(|| requests + 1);
        if self.open.requests.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more).is_err() {
            return Err(Refused::Cut);
        }
        let mut busy =
            Busy { open: Arc::clone(&self.open), asks_for: Vec::new(), connections: self.connections.clone() };
        if self.open.networks.is_empty() {
            let networks = Source::all_of(client());
            self.connections.count(&mut self.connections.table(), &networks).map_err(Refused::Full)?;
            self.open.asks_for().clone_from(&networks);
            busy.asks_for = networks;
        }
        Ok(busy)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        table.open.remove(&self.number);
        table.release(&self.open.networks);
    }
}

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its connection has just been cut to make room.
    Cut,
    /// Its network has too many requests in progress.
    Full(Full),
}

/// A request on a connection; dropped once its answer has been sent.
pub(super) struct Busy {
    open: Arc<Open>,
    asks_for: Vec<Source>,
    connections: Connections,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let one_less = |requests| (requests != CUT).then(|| requests - 1);
        let before = self.open.requests.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_less);
        if !self.asks_for.is_empty() {
            self.connections.table().release(&self.asks_for);
            if before == Ok(1) {
                self.open.asks_for().clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_cut(connection: &Connection) -> bool {
        connection.open.requests.load(Ordering::Acquire) == CUT
    }

    #[test]
    fn a_network_has_its_share_and_no_more() {
        let connections = Connections::new(2, 3, vec!["10.0.0.0/8".parse().unwrap()]);
        let enter = |from: &str| connections.enter(ip(from));
        let (first, _second) = (enter("198.51.100.1").ok().unwrap(), enter("::ffff:198.51.100.1").ok().unwrap());
        let says = "Too many connections from your network: an IPv4 address may have 2 at a time.";
        assert_eq!(enter("198.51.100.1").err().unwrap().to_string(), says);
        assert!(enter("198.51.100.2").is_ok(), "another address");
        drop(first);
        assert!(enter("198.51.100.1").is_ok(), "a place that was returned");

        let _six = [enter("2001:db8:1:1::1"), enter("2001:db8:1:1::2"), enter("2001:db8:1:2::1")].map(Result::ok);
        assert!(enter("2001:db8:1:1::3").err().unwrap().to_string().contains("an IPv6 /64 may have 2"));
        assert!(enter("2001:db8:1:3::1").err().unwrap().to_string().contains("an IPv6 /48 may have 3"));
        assert!(enter("2001:db8:2:1::1").is_ok(), "another /48");

        let proxied: Vec<_> = (0..9).map(|_| enter("10.1.2.3").ok().unwrap()).collect();
        assert_eq!(proxied.len(), 9, "a trusted proxy speaks for many");
        drop(proxied);
        assert!(connections.table().counts.values().all(|count| *count > 0), "what nobody has is not kept");
    }

    #[test]
    fn a_wide_network_of_many_small_shares_makes_room_before_others() {
        let spread: [fn(u32) -> String; 3] =
            [|n| format!("198.51.100.{n}"), |n| format!("198.51.{n}.1"), |n| format!("2001:db8:{n:x}::1")];
        for address in spread {
            let connections = Connections::new(8, 32, Vec::new());
            let enter = |from: &str| connections.enter(ip(from)).ok().unwrap();
            let honest = enter("203.0.113.1");
            let many: Vec<_> = (0..60).map(|n| enter(&address(n))).collect();
            let _busy: Vec<_> =
                many.iter().chain([&honest]).map(|each| each.begin(|| ip("192.0.2.1")).ok().unwrap()).collect();
            assert!(connections.enter(ip(&address(61))).is_ok(), "strangers share it: nobody is refused");
            connections.make_room(60);
            let cut = many.iter().filter(|each| is_cut(each)).count();
            assert_eq!((cut, is_cut(&honest)), (60, false), "{}", address(0));
        }
    }

    #[test]
    fn a_network_may_ask_as_much_at_a_time_through_a_proxy() {
        let connections = Connections::new(2, 3, vec!["10.0.0.0/8".parse().unwrap()]);
        let proxy: Vec<_> = (0..3).map(|_| connections.enter(ip("10.0.0.1")).ok().unwrap()).collect();
        let ask = |at: usize, client: &str| proxy[at].begin(|| ip(client));
        let mut asked = vec![ask(0, "198.51.100.1").ok(), ask(1, "198.51.100.1").ok()];
        assert!(matches!(ask(2, "198.51.100.1"), Err(Refused::Full(_))));
        assert!(ask(2, "198.51.100.2").is_ok());
        connections.make_room(1);
        assert!(is_cut(&proxy[0]) || is_cut(&proxy[2]), "idle, or of who asks most");
        asked.clear();
        assert!(connections.table().counts.is_empty(), "what was answered counts no more");
    }

    #[test]
    fn who_has_most_makes_room_first_and_nobody_with_few_in_the_middle_of_a_request() {
        let connections = Connections::new(8, 32, vec!["10.0.0.0/8".parse().unwrap()]);
        let enter = |from: &str| connections.enter(ip(from)).ok().unwrap();
        let (waiting, proxy) = (enter("198.51.100.1"), enter("10.0.0.1"));
        let few = [enter("198.51.100.2"), enter("198.51.100.2")];
        let many: Vec<_> = (0..4).map(|_| enter("203.0.113.1")).collect();
        let most: Vec<_> = (0..6).map(|_| enter("203.0.113.2")).collect();
        let _busy: Vec<_> = few
            .iter()
            .chain(&most[..1])
            .chain([&proxy])
            .map(|each| each.begin(|| ip("192.0.2.1")).ok().unwrap())
            .collect();
        let cut = |all: &[Connection]| all.iter().filter(|each| is_cut(each)).count();

        connections.make_room(5);
        assert_eq!((cut(&most), is_cut(&most[0])), (5, false), "idle before busy");
        connections.make_room(1);
        assert!(is_cut(&most[0]));
        assert_eq!(most[1].begin(|| ip("192.0.2.1")).err(), Some(Refused::Cut), "a request that comes too late");
        drop(most);
        connections.make_room(4);
        assert_eq!((cut(&many), is_cut(&waiting)), (4, false));
        drop(many);
        connections.make_room(100);
        assert!(is_cut(&waiting) && cut(&few) == 0 && !is_cut(&proxy));
    }
}
