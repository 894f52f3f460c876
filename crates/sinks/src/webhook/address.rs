//! Which addresses a webhook may go to: a person who may add an endpoint must not reach through us what lies behind us.
//!
//! A name is resolved once, each of its addresses is held against this list, and the connection is made to what was
//! checked (`drift::HttpOptions::guard`); so a name that answers differently the second time gains nothing. IPv6
//! forms that carry an IPv4 address are judged by what they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Longest endpoint URL, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;

/// How far webhooks may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Addresses of the public internet, over `https`.
    #[default]
    Public,
    /// This machine and private networks too, also over `http`: for development, and for receivers in one's own network.
    Private,
}

/// Why an endpoint's URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no absolute URL with a host.
    #[error("the address is not a URL with a host")]
    Form,
    /// It is neither `https` nor, where private addresses are allowed, `http`.
    #[error("the address must begin with https://")]
    Scheme,
    /// It holds a user name or a password, which would be logged on the way.
    #[error("the address must not hold a user name or a password")]
    Credentials,
    /// It is too long.
    #[error("the address is longer than 2048 bytes")]
    Length,
    /// Its host is an address or a name that is not public.
    #[error("the address is a private one")]
    Private,
}

impl Reach {
    /// Whether a connection to this address may be made.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            // Never useful, and where a cloud keeps the machine's own credentials.
            Self::Private => !is_link_local_or_nowhere(address),
        }
    }

    /// The endpoint's URL, normalized, if a webhook may go there as far as its text tells.
    ///
    /// # Errors
    /// [`UrlError`] says what is wrong with it.
    pub fn url(self, text: &str) -> Result<Url, UrlError> {
        if text.len() > URL_BYTES_MAX {
            return Err(UrlError::Length);
        }
        let mut url = Url::parse(text.trim()).map_err(|_| UrlError::Form)?;
        match (url.scheme(), self) {
            ("https", _) | ("http", Self::Private) => {}
            _ => return Err(UrlError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let allowed = match url.host().ok_or(UrlError::Form)? {
            Host::Ipv4(address) => self.allows(address.into()),
            Host::Ipv6(address) => self.allows(address.into()),
            Host::Domain(name) => self == Self::Private || !is_local_name(name),
        };
        url.set_fragment(None);
        if allowed { Ok(url) } else { Err(UrlError::Private) }
    }
}

/// Names that never are public (RFC 6761, 6762, 8375), whatever a name service says.
pub(crate) fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let ends = ["localhost", "local", "internal", "home.arpa", "lan"];
    ends.iter().any(|end| name == *end || name.strip_suffix(end).is_some_and(|head| head.ends_with('.')))
}

/// Whether the address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Carried::Nothing => is_public_v6(address),
            Carried::Address(inside) => is_public_v4(inside),
            Carried::Hidden => false,
        },
    }
}

/// The special-purpose registry of IANA, as far as it is not globally reachable, and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || (a == 100 && (64..128).contains(&b)) // shared by carriers (RFC 6598)
        || (a == 192 && b == 0 && c == 0) // IETF protocol assignments
        || (a == 192 && b == 88 && c == 99) // relays of 6to4
        || (a == 198 && (b == 18 || b == 19)) // benchmarks (RFC 2544)
        || a >= 240; // reserved
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; of it, documentation (2001:db8::/32, 3fff::/20) and protocol assignments are not.
    (a & 0xe000) == 0x2000 && !(a == 0x2001 && (b == 0x0db8 || b < 0x0200)) && !(a == 0x3fff && b < 0x1000)
}

enum Carried {
    Nothing,
    Address(Ipv4Addr),
    /// A form that can lead to an IPv4 address which is not to be read off reliably.
    Hidden,
}

/// The IPv4 address inside an IPv6 one: mapped, compatible, translated (NAT64), 6to4. Teredo is refused.
fn carried(address: Ipv6Addr) -> Carried {
    let segments = address.segments();
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Carried::Address(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Carried::Nothing,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => join(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => join(high, low),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => join(high, low),
        [0x0064, 0xff9b, 1, ..] => Carried::Hidden,
        [0x2002, high, low, ..] => join(high, low),
        [0x2001, 0, ..] => Carried::Hidden,
        _ => Carried::Nothing,
    }
}

/// Link-local (where clouds serve metadata), unspecified and multicast addresses: no receiver is there.
fn is_link_local_or_nowhere(address: IpAddr) -> bool {
    let v4 = |address: Ipv4Addr| {
        address.is_link_local()
            || address.octets()[0] == 0
            || address.is_multicast()
            || address.is_broadcast()
    };
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => match carried(address) {
            Carried::Address(inside) => v4(inside),
            Carried::Hidden => true,
            Carried::Nothing => {
                address.is_unspecified()
                    || address.is_multicast()
                    || (address.segments()[0] & 0xffc0) == 0xfe80
                    // The metadata address of one large cloud, in the unique local range.
                    || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let check = |address: &str, expected: bool| {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(is_public(parsed), expected, "{address}");
        };
        for public in ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1"] {
            check(public, true);
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            check(private, false);
        }
        for public in
            ["2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
        {
            check(public, true);
        }
        for private in [
            "::",
            "::1",
            "::127.0.0.1",
            "::10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2001:10::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            check(private, false);
        }
    }

    #[test]
    fn a_private_reach_still_leaves_the_machines_own_services_alone() {
        let allows = |address: &str| Reach::Private.allows(address.parse().unwrap());
        for allowed in ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd12::1", "8.8.8.8"] {
            assert!(allows(allowed), "{allowed}");
        }
        for refused in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
        ] {
            assert!(!allows(refused), "{refused}");
        }
    }

    #[test]
    fn a_url_is_refused_for_what_its_text_tells() {
        let check = |text: &str, expected: Result<&str, UrlError>| {
            let found = Reach::Public.url(text);
            assert_eq!(found.as_ref().map(Url::as_str), expected.as_ref().copied(), "{text}");
        };
        check("https://receiver.test/hook?token=x#part", Ok("https://receiver.test/hook?token=x"));
        check("https://8.8.8.8/", Ok("https://8.8.8.8/"));
        check("http://receiver.test/", Err(UrlError::Scheme));
        check("ftp://receiver.test/", Err(UrlError::Scheme));
        check("receiver.test", Err(UrlError::Form));
        check("https://ada:pw@receiver.test/", Err(UrlError::Credentials));
        check(&format!("https://receiver.test/{}", "x".repeat(URL_BYTES_MAX)), Err(UrlError::Length));
        for private in [
            "https://localhost/",
            "https://localhost./",
            "https://api.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://169.254.169.254/latest/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[fe80::1]/",
            "https://10.0.0.8:8443/",
            "https://①②⑦.0.0.1/",
        ] {
            check(private, Err(UrlError::Private));
        }
        assert!(Reach::Private.url("http://127.0.0.1:9000/hook").is_ok());
        assert!(Reach::Private.url("http://localhost:9000/hook").is_ok());
        assert_eq!(Reach::Private.url("http://169.254.169.254/"), Err(UrlError::Private));
    }
}
