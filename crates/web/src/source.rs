//! From which addresses events are taken, if that is asked for: correct behind a proxy, and off by default.
//!
//! Drift's addresses change (Drift: "Webhook events" says to rely on the token), so this is a second lock. A proxy
//! appends the address it saw to `X-Forwarded-For`; everything before that is the sender's word. So the list is walked
//! from the right, from the peer on, for as long as the one who says so is a proxy that is trusted.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED: &str = "x-forwarded-for";
/// More hops than any chain of proxies has.
const HOPS_MAX: usize = 16;

/// Addresses that may send, and proxies whose word about them is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Who may send; empty: anybody.
    pub allowed: Vec<IpNet>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Sources {
    /// Whether a request of this peer may send. A peer that is not known may not, once there is a list.
    pub(crate) fn admit(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        if self.allowed.is_empty() {
            return true;
        }
        let sender = peer.and_then(|peer| self.sender(peer, headers));
        sender.is_some_and(|sender| holds(&self.allowed, sender))
    }

    /// Whether what this peer says of others is believed.
    pub(crate) fn is_trusted(&self, peer: IpAddr) -> bool {
        holds(&self.trusted_proxies, peer.to_canonical())
    }

    /// Who sent it, as far as it can be believed; `None` when a trusted proxy names no address.
    pub(crate) fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let mut sender = peer.to_canonical();
        let lines = headers.get_all(FORWARDED).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops.take(HOPS_MAX) {
            if !holds(&self.trusted_proxies, sender) {
                return Some(sender);
            }
            sender = address(hop.trim())?;
        }
        Some(sender)
    }
}

fn holds(nets: &[IpNet], address: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(&address))
}

/// An address, with or without a port: some proxies append one.
fn address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address =
        address.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|with_port| with_port.ip()));
    address
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|found| found.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(allowed: &[&str], trusted: &[&str], peer: &str, forwarded: &[&str]) -> bool {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let sources = Sources { allowed: nets(allowed), trusted_proxies: nets(trusted) };
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        sources.admit(Some(peer.parse().unwrap()), &headers)
    }

    #[test]
    fn only_what_a_trusted_proxy_saw_is_believed() {
        let (drift, proxy) = (&["203.0.113.0/24"][..], &["10.0.0.0/8"][..]);
        assert!(admits(&[], &[], "198.51.100.1", &[]), "without a list anybody may send");
        assert!(admits(drift, &[], "203.0.113.9", &[]));
        assert!(admits(drift, &[], "::ffff:203.0.113.9", &[]));
        assert!(!admits(drift, &[], "198.51.100.1", &["203.0.113.9"]), "the peer is no proxy");
        assert!(!admits(drift, proxy, "198.51.100.1", &["203.0.113.9"]), "nor is this one");
        assert!(admits(drift, proxy, "10.1.1.1", &["203.0.113.9"]));
        assert!(admits(drift, proxy, "10.1.1.1", &["198.51.100.1, 203.0.113.9:443, 10.2.2.2"]));
        assert!(admits(drift, proxy, "10.1.1.1", &["203.0.113.9", "10.2.2.2"]));
        assert!(!admits(drift, proxy, "10.1.1.1", &["203.0.113.9, 198.51.100.1"]), "the sender made it up");
        assert!(!admits(drift, proxy, "10.1.1.1", &["203.0.113.9, unknown"]));
        assert!(!admits(drift, proxy, "10.1.1.1", &[]), "the proxy itself does not send");
        assert!(admits(&["2001:db8::/32"], proxy, "10.1.1.1", &["[2001:db8::1]"]));
    }

    #[test]
    fn a_peer_that_is_not_known_is_refused_once_there_is_a_list() {
        let sources = Sources { allowed: vec!["0.0.0.0/0".parse().unwrap()], trusted_proxies: vec![] };
        assert!(!sources.admit(None, &HeaderMap::new()));
        assert!(Sources::default().admit(None, &HeaderMap::new()));
    }
}
