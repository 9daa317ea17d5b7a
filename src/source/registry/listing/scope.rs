//! What is asked for, and which of the names that come back belong to it.

use super::super::RegistryError;
use super::super::sent::Sent;
use super::ListedPage;
use crate::oci::Reference;

/// A registry and a prefix of its repositories' names.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// As the user names it.
    pub registry: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
}

impl Scope {
    pub fn new(registry: &str, prefix: &str) -> Result<Self, RegistryError> {
        let prefix = prefix.trim_matches('/');
        let scope = Self { registry: registry.to_owned(), prefix: prefix.to_owned() };
        // `a/../b` would become another path of the API.
        let odd = |s: &str| matches!(s, "" | "." | "..") || s.chars().any(char::is_control);
        if !prefix.is_empty() && prefix.split('/').any(odd) {
            return Err(scope.wrong("this is no beginning of a repository's name"));
        }
        if scope.any_reference().is_none() {
            return Err(scope.wrong("this names no registry"));
        }
        Ok(scope)
    }

    /// Some name in this registry, which need not exist.
    pub fn any_reference(&self) -> Option<Reference> {
        let reference: Reference = format!("{}/x/x", self.registry).parse().ok()?;
        // `name/x/x` without a dot or a port is Docker Hub's.
        (reference.repository() == "x/x").then_some(reference)
    }

    /// The first part of the prefix: what most APIs list by.
    pub fn namespace(&self) -> &str {
        self.prefix.split('/').next().unwrap_or_default()
    }

    /// What of a page is asked for: names that a reference can hold, and those that none can.
    pub fn sort(&self, names: Vec<String>, sent: &Sent) -> ListedPage {
        let mut page = ListedPage::default();
        for name in names {
            if self.holds(&name) {
                page.names.push(name);
            } else if self.is_below(&name.to_lowercase()) && !self.can_be(&name) {
                page.odd.add(&sent.without(&name));
            }
        }
        page
    }

    /// Whether a name is asked for, and could stand in a reference.
    fn holds(&self, name: &str) -> bool {
        self.is_below(name) && self.can_be(name)
    }

    fn is_below(&self, name: &str) -> bool {
        // Owners may be written in capitals in the prefix, never in a reference.
        let prefix = self.prefix.to_lowercase();
        match name.strip_prefix(prefix.as_str()) {
            Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    fn can_be(&self, name: &str) -> bool {
        format!("{}/{name}", self.registry)
            .parse::<Reference>()
            .is_ok_and(|r| r.repository() == name)
    }

    /// An error if there is no prefix.
    pub fn require(&self, why: &str) -> Result<(), RegistryError> {
        if self.prefix.is_empty() { Err(self.wrong(why)) } else { Ok(()) }
    }

    /// For errors: `the repositories of quay.io/org`.
    pub fn subject(&self) -> String {
        match self.prefix.as_str() {
            "" => self.registry.clone(),
            prefix => format!("{}/{prefix}", self.registry),
        }
    }

    fn wrong(&self, why: &str) -> RegistryError {
        RegistryError::Settings {
            what: format!("the repositories of {}", self.subject()),
            why: why.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let scope = Scope::new("quay.io", "/Org/app/").unwrap();
        assert_eq!(scope.namespace(), "Org");
        for (name, held) in [
            ("org/app", true),
            ("org/app/sub", true),
            ("org/app2", false),
            ("org", false),
            ("other/org/app", false),
        ] {
            assert_eq!(scope.holds(name), held, "{name}");
        }
    }

    #[test]
    fn a_name_that_no_reference_can_hold_is_not_held() {
        let scope = Scope::new("quay.io", "").unwrap();
        assert!(scope.holds("a") && scope.holds("a/b/c"));
        for bad in ["", "A/b", "a:1", "a/../b", "/a", "a/", "a@sha256:00", "a b", "a\u{1b}[31m"] {
            assert!(!scope.holds(bad), "{bad:?}");
        }
        assert!(!scope.holds(&"a/".repeat(500)));
    }

    #[test]
    fn odd_names_count_where_they_are_asked_for() {
        let page = |prefix: &str, names: &[&str]| {
            let names = names.iter().map(|n| (*n).to_owned()).collect();
            Scope::new("r.test", prefix).unwrap().sort(names, &Sent::default())
        };
        let all = page("", &["a", "UPPER", "a b", "b/c", ""]);
        assert_eq!((all.names.len(), all.odd.count), (2, 3));
        let team = page("team", &["team/a", "Team/B", "other", "OTHER/x", "team/..", "teams/X"]);
        assert_eq!((team.names, team.odd.count), (vec!["team/a".to_owned()], 2));
    }

    #[test]
    fn what_is_no_registry_or_no_prefix_is_refused() {
        for (registry, prefix) in [("quay.io", "a//b"), ("quay.io", ".."), ("plain", ""), ("", "")]
        {
            assert!(Scope::new(registry, prefix).is_err(), "{registry} {prefix}");
        }
        assert!(Scope::new("localhost:5000", "a").is_ok());
        assert!(Scope::new("docker.io", "library").is_ok());
    }
}
