//! Hosts that a registry may lead to although they lie in a more private network than itself.

use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

/// A host by name, all hosts of a domain, or a range of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHost {
    /// `auth.example.com`
    Name(String),
    /// `*.example.com`: what is below it, at any depth.
    Domain(String),
    /// `10.1.2.3`, `10.0.0.0/8`, `fd00::/8`
    Range(IpNet),
}

/// Words that name no host.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no host: write a name, *.DOMAIN, an address or a range such as 10.0.0.0/8")]
pub struct AllowedHostError(String);

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(s: &str) -> Result<Self, AllowedHostError> {
        let text = s.trim().to_ascii_lowercase();
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(&text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Range(address.into()));
        }
        if let Ok(range) = bare.parse::<IpNet>() {
            return Ok(Self::Range(range));
        }
        let (domain, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let label = |l: &str| {
            !l.is_empty()
                && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
                && l.len() <= 63
        };
        // `10.0.0` would be meant as an address and match none.
        let number = name.split('.').next_back().is_some_and(|l| l.parse::<u64>().is_ok());
        if number || !name.split('.').all(label) {
            return Err(AllowedHostError(s.to_owned()));
        }
        // As a URL has it.
        let name = match url::Host::parse(name) {
            Ok(url::Host::Domain(name)) => name,
            _ => return Err(AllowedHostError(s.to_owned())),
        };
        Ok(if domain { Self::Domain(name) } else { Self::Name(name) })
    }
}

impl AllowedHost {
    /// `name`: as a URL has it, in lower case.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        match self {
            Self::Name(own) => own == name,
            Self::Domain(own) => name
                .strip_suffix(own.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            Self::Range(_) => false,
        }
    }

    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Range(range) => range.contains(&address.to_canonical()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(s: &str) -> AllowedHost {
        s.parse().unwrap()
    }

    #[test]
    fn a_name_a_domain_or_a_range() {
        assert!(allowed("Auth.Example.com").has_name("auth.example.com"));
        assert!(allowed("auth.example.com").has_name("auth.example.com."));
        assert!(!allowed("auth.example.com").has_name("x.auth.example.com"));
        let domain = allowed("*.example.com");
        assert!(domain.has_name("a.b.example.com"));
        for other in ["example.com", ".example.com", "badexample.com", "example.com.evil"] {
            assert!(!domain.has_name(other), "{other}");
        }
        let has = |range: &str, address: &str| allowed(range).has_address(address.parse().unwrap());
        assert!(has("10.0.0.0/8", "10.9.9.9") && has("10.0.0.0/8", "::ffff:10.9.9.9"));
        assert!(!has("10.0.0.0/8", "11.0.0.1") && !has("localhost", "127.0.0.1"));
        assert!(has("[::1]", "::1") && has("127.0.0.2", "127.0.0.2"));
        for bad in ["", "*", "*.", "a..b", "10.0.0", "10.0.0.0/99", "http://a", "a:5000", "a b"] {
            assert!(bad.parse::<AllowedHost>().is_err(), "{bad}");
        }
    }
}
