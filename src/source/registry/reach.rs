//! How far one registry may lead us: by a redirect, by the realm of its token server, by a URL in a
//! manifest. A registry on the public network, or on this machine, is not let into private networks, nor
//! to other services of this machine: what looks like a blob there could be someone's credentials.
//!
//! An address is judged when it is connected to, not before: a name that is looked up twice may lead to
//! two places. Behind a proxy names are the proxy's to look up, and only addresses are judged here.

use super::allowed_host::AllowedHost;
use super::zone::{Zone, is_same_host};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::{Host, Url};

/// Most hosts that one registry may lead to.
const MAX_HOSTS: usize = 4096;

/// The two addresses of `localhost`.
const LOCALHOST: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Where a registry led us and may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) struct Barred {
    /// By name or address, without a port.
    pub host: String,
    /// What the name means.
    pub address: Option<IpAddr>,
    pub zone: Zone,
}

impl fmt::Display for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it leads to {}", self.host)?;
        if let Some(address) = self.address {
            write!(f, " ({address})")?;
        }
        write!(f, ", {}: only you may lead there", self.zone.words())
    }
}

/// The way from the registry to a server, over redirects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// The most public part of the network on it: whoever is there chose what comes next.
    zone: Zone,
    /// Whether it has not left the registry's own host.
    home: bool,
}

/// What one registry may lead to.
#[derive(Clone)]
pub(super) struct Reach(Arc<Inner>);

struct Inner {
    /// The registry, as it is asked.
    home: Url,
    allowed: Vec<AllowedHost>,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    /// What the registry's own name meant at first.
    home: Vec<IpAddr>,
    /// The most public address that has answered for it.
    answered: Option<Zone>,
    led: HashMap<String, Led>,
}

/// A host that is not the registry's, by name.
struct Led {
    way: Way,
    addresses: Vec<IpAddr>,
}

impl Reach {
    /// `home`: some URL of the registry.
    pub fn new(home: Url, allowed: Vec<AllowedHost>) -> Self {
        let mut names = Names::default();
        match address_of(&home) {
            Some(address) => names.home.push(address),
            None if is_localhost(&home) => names.home.extend(LOCALHOST),
            None => {}
        }
        Self(Arc::new(Inner { home, allowed, names: Mutex::new(names) }))
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_allowed_name(&self, name: &str) -> bool {
        self.0.allowed.iter().any(|a| a.has_name(name))
    }

    fn is_allowed_address(&self, address: IpAddr) -> bool {
        self.0.allowed.iter().any(|a| a.has_address(address))
    }

    /// A way that begins at the registry.
    pub fn way(&self) -> Way {
        Way { zone: self.names().home_zone(), home: true }
    }

    /// Whether the next step of `way` may be to `url`. For a name that is settled when it is looked up.
    pub fn check(&self, way: &Way, url: &Url) -> Result<(), Barred> {
        let home = &self.0.home;
        let host = url.host_str().unwrap_or_default();
        let own_name = home.host_str() == Some(host);
        // The registry itself, whoever leads back to it.
        if own_name && (way.home || home.port() == url.port()) {
            return Ok(());
        }
        if self.is_allowed_name(host) {
            return Ok(());
        }
        let mut names = self.names();
        let barred = |zone| Err(Barred { host: host.to_owned(), address: None, zone });
        if let Some(address) = address_of(url) {
            return match self.is_open(&names, way, address) {
                true => Ok(()),
                false => barred(Zone::of(address)),
            };
        }
        if is_localhost(url) {
            return match LOCALHOST.iter().any(|a| self.is_open(&names, way, *a)) {
                true => Ok(()),
                false => barred(Zone::Loopback),
            };
        }
        if own_name {
            // Another port of the registry's host, named by someone else.
            let zone = names.home_zone();
            return if way.zone.may_lead_to(zone) { Ok(()) } else { barred(zone) };
        }
        if names.led.len() >= MAX_HOSTS && !names.led.contains_key(host) {
            return barred(Zone::Reserved);
        }
        let led = names
            .led
            .entry(host.to_owned())
            .or_insert_with(|| Led { way: *way, addresses: Vec::new() });
        // A connection may be used again, by whoever led here: the worst of them counts.
        led.way.zone = led.way.zone.min(way.zone);
        led.way.home &= way.home;
        Ok(())
    }

    /// Whether `way` may go on to this address.
    fn is_open(&self, names: &Names, way: &Way, address: IpAddr) -> bool {
        way.zone.may_lead_to(Zone::of(address))
            || (way.home && names.home.iter().any(|h| is_same_host(*h, address)))
            || self.is_allowed_address(address)
    }

    /// Notes that `url` was answered, from `remote` if that is known. It is the proxy's address where
    /// there is one: then nobody has looked the name up here, and it counts as public.
    pub fn arrived(&self, way: &mut Way, url: &Url, remote: Option<IpAddr>) {
        let mut names = self.names();
        let host = url.host_str().unwrap_or_default();
        let is_one_of = |known: &[IpAddr]| remote.filter(|r| known.contains(r)).map(Zone::of);
        if self.0.home.host_str() == Some(host) {
            if let Some(zone) = is_one_of(&names.home) {
                names.answered = Some(names.answered.map_or(zone, |a| a.min(zone)));
            }
            // Until it has answered nobody knows where it is.
            let zone = names.home_zone();
            way.zone = if way.home { zone } else { way.zone.min(zone) };
            return;
        }
        let known = names.led.get(host).map_or(&[][..], |led| &led.addresses);
        let zone = match address_of(url) {
            Some(address) => Zone::of(address),
            None if is_localhost(url) => Zone::Loopback,
            None => is_one_of(known).unwrap_or(Zone::Public),
        };
        let same = |address: IpAddr| names.home.iter().any(|h| is_same_host(*h, address));
        way.home &= address_of(url).or(remote.filter(|r| known.contains(r))).is_some_and(same);
        way.zone = way.zone.min(zone);
    }

    /// Of what a name means now, what may be connected to.
    fn admit(&self, name: &str, mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Barred> {
        let Some(first) = found.first().map(SocketAddr::ip) else { return Ok(found) };
        let mut names = self.names();
        let own_name = self.0.home.host_str() == Some(name);
        if own_name && names.home.is_empty() {
            names.home = found.iter().map(SocketAddr::ip).collect();
            return Ok(found);
        }
        if self.is_allowed_name(name) {
            return Ok(found);
        }
        let way = match (own_name, names.led.get(name)) {
            // Its name may not come to mean something more private while we listen to it.
            (true, _) => Way { zone: names.home_zone(), home: true },
            (false, Some(led)) => led.way,
            // Nobody led here: the proxy's name.
            (false, None) => return Ok(found),
        };
        found.retain(|a| {
            (own_name && names.home.contains(&a.ip())) || self.is_open(&names, &way, a.ip())
        });
        if let Some(led) = names.led.get_mut(name) {
            led.addresses = found.iter().map(SocketAddr::ip).collect();
        }
        match found.is_empty() {
            true => {
                Err(Barred { host: name.to_owned(), address: Some(first), zone: Zone::of(first) })
            }
            false => Ok(found),
        }
    }
}

impl Names {
    fn home_zone(&self) -> Zone {
        let most_public = || self.home.iter().map(|a| Zone::of(*a)).min();
        self.answered.or_else(most_public).unwrap_or(Zone::Public)
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted = reach.admit(name.as_str(), found)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// The address that a URL's host is, if it is none by name.
fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(a) => Some(IpAddr::V4(a)),
        Host::Ipv6(a) => Some(IpAddr::V6(a)),
        Host::Domain(_) => None,
    }
}

/// RFC 6761, 6.3.
fn is_localhost(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(home: &str, allowed: &[&str]) -> Reach {
        let allowed = allowed.iter().map(|a| a.parse().unwrap()).collect();
        Reach::new(format!("http://{home}/v2/").parse().unwrap(), allowed)
    }

    fn sockets(addresses: &str) -> Vec<SocketAddr> {
        addresses.split(' ').map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect()
    }

    /// The name of the registry means these addresses; the first one answers.
    fn known(home: &str, addresses: &str, allowed: &[&str]) -> (Reach, Way) {
        let reach = reach(home, allowed);
        reach.admit(home, sockets(addresses)).unwrap();
        let mut way = reach.way();
        let first = sockets(addresses)[0].ip();
        reach.arrived(&mut way, &format!("http://{home}/v2/").parse().unwrap(), Some(first));
        (reach, way)
    }

    fn open(reach: &Reach, way: &Way, url: &str) -> bool {
        reach.check(way, &url.parse().unwrap()).is_ok()
    }

    /// Whether a name that means `addresses` is connected to.
    fn leads(reach: &Reach, way: &Way, name: &str, addresses: &str) -> bool {
        open(reach, way, &format!("https://{name}/"))
            && reach.admit(name, sockets(addresses)).is_ok()
    }

    #[test]
    fn a_public_registry_leads_to_public_addresses_only() {
        let (reach, way) = known("r.test", "8.8.8.8", &[]);
        assert!(open(&reach, &way, "https://1.1.1.1/"));
        for to in [
            "http://169.254.169.254/latest",
            "http://10.0.0.1/",
            "http://127.0.0.1:5000/",
            "http://localhost/",
            "http://a.localhost./",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://0/",
            "http://[fd00:ec2::254]/",
        ] {
            assert!(!open(&reach, &way, to), "{to}");
        }
        assert!(leads(&reach, &way, "cdn.test", "9.9.9.9"));
        for (name, means) in
            [("a.test", "10.0.0.1"), ("b.test", "127.0.0.1"), ("c.test", "169.254.169.254 ::1")]
        {
            assert!(!leads(&reach, &way, name, means), "{name}");
        }
        // Of several addresses those that may be connected to are left.
        assert!(open(&reach, &way, "http://d.test/"));
        let left = reach.admit("d.test", sockets("10.0.0.1 9.9.9.9")).unwrap();
        assert_eq!(left, sockets("9.9.9.9"));
    }

    #[test]
    fn a_private_registry_leads_within_private_networks() {
        for (reach, way) in [known("r.corp", "10.0.0.1", &[]), {
            let reach = reach("10.0.0.1:5000", &[]);
            let way = reach.way();
            (reach, way)
        }] {
            assert!(open(&reach, &way, "http://10.9.9.9/token"));
            assert!(open(&reach, &way, "https://1.1.1.1/"));
            assert!(leads(&reach, &way, "auth.corp", "192.168.1.1"));
            for to in ["http://127.0.0.1/", "http://169.254.169.254/", "http://100.100.100.200/"] {
                assert!(!open(&reach, &way, to), "{to}");
            }
            assert!(!leads(&reach, &way, "meta.corp", "169.254.169.254"));
        }
    }

    #[test]
    fn a_registry_with_a_private_and_a_public_address_is_what_has_answered() {
        let (_, way) = known("r.corp", "10.0.0.1 2600::1", &[]);
        assert_eq!(way.zone, Zone::Private);
        let (_, way) = known("r.corp", "2600::1 10.0.0.1", &[]);
        assert_eq!(way.zone, Zone::Public);
    }

    #[test]
    fn a_registry_on_this_machine_leads_to_its_own_host_at_any_port() {
        for home in ["127.0.0.1:5000", "localhost:5000", "[::1]:5000"] {
            let reach = reach(home, &[]);
            let way = reach.way();
            for to in ["http://127.0.0.1:5001/", "http://localhost:5001/", "http://[::1]:5001/"] {
                assert!(open(&reach, &way, to), "{home} {to}");
            }
            assert!(open(&reach, &way, "https://1.1.1.1/"));
            for to in ["http://127.0.0.2:5000/", "http://10.0.0.1/", "http://169.254.169.254/"] {
                assert!(!open(&reach, &way, to), "{home} {to}");
            }
            assert!(leads(&reach, &way, "auth.test", "127.0.0.1"), "{home}");
            assert!(!leads(&reach, &way, "other.test", "127.0.0.3"), "{home}");
        }
    }

    #[test]
    fn who_is_led_away_to_the_public_network_comes_back_to_the_registry_only() {
        let reach = reach("127.0.0.1:5000", &[]);
        let mut way = reach.way();
        let public: Url = "https://cdn.test/".parse().unwrap();
        reach.check(&way, &public).unwrap();
        reach.admit("cdn.test", sockets("9.9.9.9")).unwrap();
        reach.arrived(&mut way, &public, Some("9.9.9.9".parse().unwrap()));
        assert!(open(&reach, &way, "http://127.0.0.1:5000/v2/"));
        assert!(!open(&reach, &way, "http://127.0.0.1:9200/"));

        let (reach, mut way) = known("r.corp", "10.0.0.1", &[]);
        reach.check(&way, &public).unwrap();
        reach.arrived(&mut way, &public, None);
        assert!(!open(&reach, &way, "http://10.0.0.2/"));
        assert!(!open(&reach, &way, "http://r.corp:9200/"));
    }

    #[test]
    fn a_name_that_comes_to_mean_something_more_private_is_left() {
        let (reach, way) = known("r.test", "8.8.8.8", &[]);
        assert!(reach.admit("r.test", sockets("9.9.9.9")).is_ok());
        for rebound in ["127.0.0.1", "10.0.0.1", "169.254.169.254"] {
            assert!(reach.admit("r.test", sockets(rebound)).is_err(), "{rebound}");
        }
        assert!(leads(&reach, &way, "cdn.test", "9.9.9.9"));
        assert!(!leads(&reach, &way, "cdn.test", "127.0.0.1"));
        // What both of two ways lead to is judged by the more public one.
        let (reach, way) = known("r.corp", "10.0.0.1", &[]);
        assert!(leads(&reach, &way, "auth.corp", "10.0.0.2"));
        assert!(!leads(&reach, &Way { zone: Zone::Public, home: false }, "auth.corp", "10.0.0.2"));
    }

    #[test]
    fn a_name_is_judged_when_it_is_connected_to() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Nothing listens for what must not come; nobody is asked where `r.test` is.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let (reach, way) = known("r.test", "8.8.8.8", &[]);
        let led = Led { way, addresses: Vec::new() };
        reach.names().led.insert("localhost".to_owned(), led);
        let client = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(reach));
        let client = client.build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let e = runtime.block_on(client.get(url).send()).unwrap_err();
        let e = super::super::transport::connection_error(e, "localhost".to_owned(), "a blob");
        assert!(matches!(e, super::super::RegistryError::Barred { .. }), "{e:?}");
        assert!(listener.accept().is_err());
    }

    #[test]
    fn what_is_allowed_may_be_led_to() {
        let (reach, way) = known("r.test", "8.8.8.8", &["*.corp", "10.0.0.0/8"]);
        assert!(leads(&reach, &way, "auth.corp", "192.168.0.1"));
        assert!(open(&reach, &way, "http://10.1.1.1/"));
        assert!(leads(&reach, &way, "any.test", "10.1.1.2"));
        assert!(!open(&reach, &way, "http://192.168.0.1/"));
        assert!(!leads(&reach, &way, "evil.test", "192.168.0.1"));
    }

    #[test]
    fn behind_a_proxy_the_registry_counts_as_public_and_the_proxy_may_be_private() {
        let reach = reach("r.test", &[]);
        assert!(reach.admit("proxy.corp", sockets("10.0.0.5")).is_ok());
        let mut way = reach.way();
        let home: Url = "http://r.test/v2/".parse().unwrap();
        reach.arrived(&mut way, &home, Some("10.0.0.5".parse().unwrap()));
        assert_eq!(way.zone, Zone::Public);
        assert!(!open(&reach, &way, "http://10.0.0.1/"));
    }

    #[test]
    fn no_registry_leads_to_hosts_without_number() {
        let (reach, way) = known("r.test", "8.8.8.8", &[]);
        for n in 0..MAX_HOSTS {
            assert!(open(&reach, &way, &format!("http://h{n}.test/")));
        }
        assert!(!open(&reach, &way, "http://one-more.test/"));
        assert!(open(&reach, &way, "http://h1.test/"));
    }
}
