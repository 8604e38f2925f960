//! [`Counted`]: who is counted, and [`TrustedProxies`]: whose word about the sender is taken.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use velox_kernel::UserId;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A user, on whatever address.
    User(UserId),
    /// A network, before anybody signed in.
    Address(Network),
    /// Everybody who finds the map full, together.
    Crowd,
}

impl Counted {
    /// Whoever sent the request, before anybody signed in.
    #[must_use]
    pub fn sender(request: &HttpRequest, proxies: &TrustedProxies) -> Self {
        let peer = request.peer_addr();
        peer.map_or(Self::Crowd, |peer| Self::Address(proxies.sender(peer.ip(), request.headers()).into()))
    }

    /// What processes that share a count call the caller; `None` for those who are counted together here.
    pub(super) fn key(self) -> Option<String> {
        match self {
            Self::User(user) => Some(user.to_string()),
            Self::Address(Network(address)) => Some(address.to_string()),
            Self::Crowd => None,
        }
    }
}

/// What one household has: an IPv4 address, or an IPv6 network of 64 bits, all of whose addresses are its to choose
/// from (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        // An IPv4 address is one also where it comes in IPv6's clothes: all of these share one network of 64 bits.
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Proxies of these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.to_vec())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who sent a request that came from `peer`: each trusted proxy's word is taken for the one before it, from the last
    /// one on, and nobody else's.
    fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
        let mut sender = peer;
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
            let Some(before) = str::from_utf8(hop).ok().and_then(|hop| read_hop(hop.trim())) else { break };
            sender = before;
            if !self.trusts(sender) {
                break;
            }
        }
        sender
    }
}

/// An address, as proxies write them: alone, or with a port.
fn read_hop(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn network(address: &str) -> Network {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_network_of_64_bits_is_one_caller() {
        assert_eq!(network("2001:db8:1:1::1"), network("2001:db8:1:1:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:1::1"), network("2001:db8:1:2::1"));
        assert_ne!(network("10.0.0.1"), network("10.0.0.2"), "IPv4 is counted by address");
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"), "also on a socket that takes both");
    }

    #[test]
    fn the_word_of_trusted_proxies_is_taken_and_nobody_elses() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let sender = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            proxies.sender(peer.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(sender("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "a stranger's word");
        assert_eq!(sender("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(sender("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(sender("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.2.3.4"]), "198.51.100.7", "made up before it");
        assert_eq!(sender("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7", "over several lines");
        assert_eq!(sender("10.0.0.1", &["203.0.113.9, junk"]), "10.0.0.1", "nothing behind what is not understood");
        assert_eq!(sender("10.0.0.1", &["ÿ, 198.51.100.7"]), "198.51.100.7", "whatever the client wrote before it");
        assert_eq!(sender("::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(sender("::ffff:10.0.0.1", &["198.51.100.7:80"]), "198.51.100.7");
    }
}
