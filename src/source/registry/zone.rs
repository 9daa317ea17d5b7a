//! Where an address lies, and from where one may be led there. Pure: nothing is looked up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Parts of the address space, the most public first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Zone {
    Public,
    /// RFC 1918, RFC 6598, RFC 4193, and RFC 2544, which some proxies give out as addresses of names.
    Private,
    /// This machine.
    Loopback,
    /// RFC 3927, RFC 4291; here most clouds have the service that gives out credentials.
    LinkLocal,
    /// What is nobody's: unspecified, multicast, documentation, future use; and the addresses at which
    /// a cloud has services for the machine itself.
    Reserved,
}

/// Services of clouds for their own machines, at addresses that otherwise look like others: AWS, Google,
/// Alibaba, Azure.
const MACHINE_SERVICES: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

impl Zone {
    pub fn of(address: IpAddr) -> Self {
        let address = bare(address);
        if MACHINE_SERVICES.contains(&address) {
            return Self::Reserved;
        }
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(a: Ipv4Addr) -> Self {
        match a.octets() {
            [127, ..] => Self::Loopback,
            [169, 254, ..] => Self::LinkLocal,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private,
            [100, 64..=127, ..] | [198, 18..=19, ..] => Self::Private,
            [0, ..] | [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Reserved,
            [224..=255, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(a: Ipv6Addr) -> Self {
        match a.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Self::Private,
            // Teredo, documentation, benchmarks, ORCHID; what is not in 2000::/3 is nobody's yet.
            [0x2001, 0x0 | 0xdb8 | 0x2 | 0x10..=0x2f, ..] | [0x3fff, 0..=0xfff, ..] => {
                Self::Reserved
            }
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }

    /// Whether a server here may name an address of zone `to` as the next to be asked: on the public
    /// network always, in private networks only from there.
    pub fn may_lead_to(self, to: Self) -> bool {
        to == Self::Public || (self == Self::Private && to == Self::Private)
    }

    /// `a private address`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Loopback => "an address of this machine",
            Self::LinkLocal => "a link-local address",
            Self::Reserved => "a reserved address",
        }
    }
}

/// The address that is meant: an IPv4 address may stand inside an IPv6 one (mapped, compatible, NAT64,
/// 6to4).
fn bare(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 0 | 1, _, _, _, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

/// Whether both addresses are one host: `localhost` has two of them.
pub(super) fn is_same_host(a: IpAddr, b: IpAddr) -> bool {
    let one = |address: IpAddr| match bare(address) {
        IpAddr::V6(Ipv6Addr::LOCALHOST) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        other => other,
    };
    one(a) == one(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(address: &str) -> Zone {
        Zone::of(address.parse().unwrap())
    }

    #[test]
    fn every_address_has_its_zone() {
        for (expected, addresses) in [
            (
                Zone::Public,
                "8.8.8.8 1.1.1.1 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 192.1.0.1 2606:4700::1 2001:4860:4860::8888 64:ff9b::808:808 2002:808:808::1 ::ffff:8.8.8.8",
            ),
            (
                Zone::Private,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 198.18.0.9 fd12::1 fc00::1 fec0::1 ::ffff:10.1.2.3 64:ff9b::a00:1 2002:a00:1::1 64:ff9b:1::a00:1",
            ),
            (Zone::Loopback, "127.0.0.1 127.255.0.2 ::1 ::ffff:127.0.0.1 ::7f00:1 64:ff9b::7f00:1"),
            (
                Zone::LinkLocal,
                "169.254.169.254 169.254.0.1 fe80::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::",
            ),
            (
                Zone::Reserved,
                "0.0.0.0 0.1.2.3 192.0.0.192 192.0.2.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ff02::1 2001:db8::1 2001::1 100::1 5f00::1 fd00:ec2::254 fd20:ce::254 100.100.100.200 168.63.129.16 ::ffff:168.63.129.16",
            ),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(zone(address), expected, "{address}");
            }
        }
    }

    #[test]
    fn only_the_step_to_a_more_private_zone_is_refused() {
        use Zone::*;
        for (from, to) in [
            (Public, Public),
            (Private, Public),
            (Private, Private),
            (Loopback, Public),
            (LinkLocal, Public),
        ] {
            assert!(from.may_lead_to(to), "{from:?} to {to:?}");
        }
        for from in [Public, Loopback, LinkLocal, Reserved] {
            for to in [Private, Loopback, LinkLocal, Reserved] {
                assert!(!from.may_lead_to(to), "{from:?} to {to:?}");
            }
        }
        for to in [Loopback, LinkLocal, Reserved] {
            assert!(!Private.may_lead_to(to), "a private registry to {to:?}");
        }
    }

    #[test]
    fn localhost_is_one_host_by_both_its_addresses() {
        let same = |a: &str, b: &str| is_same_host(a.parse().unwrap(), b.parse().unwrap());
        assert!(same("127.0.0.1", "::1") && same("::ffff:127.0.0.1", "127.0.0.1"));
        assert!(!same("127.0.0.1", "127.0.0.2") && !same("10.0.0.1", "10.0.0.2"));
    }
}
