//! Client networks: the networks by which rate limits identify a client.

use std::net::IpAddr;

/// The networks that an address belongs to for rate limits. A user with one IPv6 address usually has a whole /64, and
/// often a whole /48.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientNetwork {
    /// The IPv4 address, or the IPv6 /64.
    pub narrow: String,
    /// The IPv4 /24, or the IPv6 /48.
    pub wide: String,
}

impl ClientNetwork {
    /// Returns the networks of `from`; IPv4-mapped IPv6 addresses count as IPv4.
    pub fn of(from: IpAddr) -> Self {
        match from.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self { narrow: ip.to_string(), wide: format!("{a}.{b}.{c}.0/24") }
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self { narrow: format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"), wide: format!("{a:x}:{b:x}:{c:x}::/48") }
            }
        }
    }
}

/// How the names of a provider's wide networks begin: the IPv4 /16, or the IPv6 /32, to which the wide network belongs.
pub fn provider_of(wide: &str) -> &str {
    wide.match_indices(['.', ':']).nth(1).map_or(wide, |(at, mark)| &wide[..at + mark.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_household_is_one_visitor() {
        let narrow = |text: &str| ClientNetwork::of(text.parse().expect("an address")).narrow;
        let wide = |text: &str| ClientNetwork::of(text.parse().expect("an address")).wide;
        assert_eq!(narrow("198.51.100.7"), "198.51.100.7");
        assert_eq!(narrow("::ffff:198.51.100.7"), "198.51.100.7");
        assert_eq!(narrow("2001:db8:1:2:3:4:5:6"), narrow("2001:db8:1:2::1"));
        assert_ne!(narrow("2001:db8:1:2::1"), narrow("2001:db8:1:3::1"));
        assert_eq!(wide("2001:db8:1:2::1"), wide("2001:db8:1:3::1"));
        assert_ne!(wide("2001:db8:1::1"), wide("2001:db8:2::1"));
        assert_eq!(wide("198.51.100.7"), "198.51.100.0/24");
        assert_eq!(provider_of(&wide("198.51.100.7")), "198.51.");
        assert_eq!(provider_of(&wide("2001:db8:1:2::1")), "2001:db8:");
        assert_eq!(provider_of("2001:0:0::/48"), "2001:0:");
    }
}
