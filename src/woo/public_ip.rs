//! Which IP addresses belong to the public internet and may therefore be contacted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that never contain a shop, as first address and prefix length (IANA special-purpose registry,
/// multicast, and the reserved upper end; docs/protocol/threats.md §7.3).
const CLOSED_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only IPv6 block allocated to the public internet; all others are closed.
const OPEN_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not public inside [`OPEN_V6`]: protocol assignments with Teredo, documentation (twice), and 6to4, which
/// embeds an IPv4 address.
const CLOSED_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether `ip` is an ordinary public address. An IPv4 address inside `::ffff:0:0/96` is judged as IPv4; all other ways
/// of embedding one (NAT64, 6to4, Teredo, `::/96`) are closed.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => !CLOSED_V4.iter().any(|net| holds_v4(*net, v4)),
        IpAddr::V6(v6) => holds_v6(OPEN_V6, v6) && !CLOSED_V6.iter().any(|net| holds_v6(*net, v6)),
    }
}

fn holds_v4((first, prefix): (Ipv4Addr, u32), ip: Ipv4Addr) -> bool {
    (first.to_bits() ^ ip.to_bits()) >> (32 - prefix) == 0
}

fn holds_v6((first, prefix): (Ipv6Addr, u32), ip: Ipv6Addr) -> bool {
    (first.to_bits() ^ ip.to_bits()) >> (128 - prefix) == 0
}
