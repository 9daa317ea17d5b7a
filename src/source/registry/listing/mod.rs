//! Which repositories a registry holds. The catalog of the distribution spec's `/v2/` is closed at most
//! of the large registries; these have lists of their own, each behind another API. They stand here side
//! by side, behind one face: [`Listing`].

mod api;
mod catalog;
mod docker_hub;
mod github;
mod gitlab;
mod harbor;
mod pages;
mod quay;
mod scope;
mod secret;
mod words;

use super::host::RegistryHost;
use super::{OddNames, RegistryError, client::Connection};
use crate::text::Redacted;
use api::Api;
use scope::Scope;
use secret::Secret;
use std::ops::ControlFlow;
use std::sync::Arc;
use url::Url;

/// A part of a list of repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedPage {
    /// As they stand in a reference: the path after the host, e.g. `org/app`.
    pub names: Vec<String>,
    /// What is asked for by its name and cannot be looked at, because no reference can have that name.
    pub odd: OddNames,
}

/// Names the repositories of one registry below a prefix.
pub trait Listing {
    /// Hands over repositories, a page at a time, until there are no more or `page` breaks. A page may be
    /// empty. A name may come twice where the list changes while it is read.
    fn repositories(
        &self,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<(), RegistryError>;
}

/// Whose API names the repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListingKind {
    /// `/v2/_catalog`.
    Catalog,
    DockerHub,
    GitHub,
    GitLab,
    Quay,
    Harbor,
}

impl ListingKind {
    /// By the name of the registry's host. What is not known by its name is asked for its catalog.
    pub fn guess(registry: &str) -> Self {
        match registry.to_ascii_lowercase().as_str() {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => Self::DockerHub,
            "ghcr.io" => Self::GitHub,
            "registry.gitlab.com" => Self::GitLab,
            "quay.io" => Self::Quay,
            _ => Self::Catalog,
        }
    }
}

/// How to ask: plain data, filled by the caller.
#[derive(Clone, Debug)]
pub struct ListingSettings {
    pub kind: ListingKind,
    /// Where the API is, if not where the public service has it: the address before the paths that the
    /// API's documentation gives (`https://HOST`, for GitHub Enterprise `https://HOST/api/v3`). Harbor and
    /// Quay have theirs at the registry itself.
    pub api: Option<Url>,
    /// A token of the API; the registry's own login is another matter. The catalog has no use for it.
    pub token: Option<Redacted<String>>,
}

impl RegistryHost {
    /// The list of the repositories below `prefix` (a namespace, may be empty). `registry` is this
    /// registry's name as the user knows it. Nothing is asked yet.
    pub fn listing(
        &self,
        registry: &str,
        prefix: &str,
        settings: &ListingSettings,
    ) -> Result<Box<dyn Listing + '_>, RegistryError> {
        let scope = Scope::new(registry, prefix)?;
        let api = |public: Option<&str>, secret: Secret| self.api(&scope, settings, public, secret);
        let only = |of: &str, public| if registry.eq_ignore_ascii_case(of) { public } else { None };
        Ok(match settings.kind {
            ListingKind::Catalog => Box::new(catalog::Catalog { host: self, scope }),
            ListingKind::DockerHub => {
                scope.require("Docker Hub has no catalog: name a namespace, such as `library`")?;
                let public = Some("https://hub.docker.com/");
                Box::new(docker_hub::DockerHub { api: api(public, Secret::Bearer)? })
            }
            ListingKind::GitHub => {
                scope.require("GitHub lists by owner: name an organization or a user")?;
                // The token of another GitHub must not go to the public one.
                let public = only("ghcr.io", Some("https://api.github.com/"));
                needs_address(registry, "https://HOST/api/v3", public, settings)?;
                Box::new(github::GitHub { api: api(public, Secret::Bearer)? })
            }
            ListingKind::GitLab => {
                scope.require("GitLab lists by owner: name a group or a project")?;
                let public = only("registry.gitlab.com", Some("https://gitlab.com/"));
                needs_address(registry, "https://HOST", public, settings)?;
                Box::new(gitlab::GitLab { api: api(public, Secret::PrivateToken)? })
            }
            ListingKind::Quay => Box::new(quay::Quay { api: api(None, Secret::Bearer)? }),
            ListingKind::Harbor => Box::new(harbor::Harbor { api: api(None, Secret::Bearer)? }),
        })
    }

    /// `public`: where the API is unless the user says otherwise; `None`: at the registry.
    fn api(
        &self,
        scope: &Scope,
        settings: &ListingSettings,
        public: Option<&str>,
        secret: Secret,
    ) -> Result<Api<'_>, RegistryError> {
        let address = match (&settings.api, public) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(public)) => Some(Url::parse(public).map_err(|e| {
                RegistryError::Settings { what: format!("API {public}"), why: e.to_string() }
            })?),
            (None, None) => None,
        };
        // Another host has manners and a way through the proxy of its own.
        let connection = match &address {
            None => self.connection.clone(),
            Some(url) => match secret::check_address(url)? {
                host if host == self.connection.api_host => self.connection.clone(),
                host => Arc::new(Connection::new(&host, &self.settings)?),
            },
        };
        let secret = settings.token.as_ref().map(|t| secret.header(t)).transpose()?;
        Ok(Api::new(self, connection, address, secret, scope.clone()))
    }
}

fn needs_address(
    registry: &str,
    form: &str,
    public: Option<&str>,
    settings: &ListingSettings,
) -> Result<(), RegistryError> {
    match (public, &settings.api) {
        (None, None) => Err(RegistryError::Settings {
            what: format!("the repositories of {registry}"),
            why: format!("the address of its API is not known: give it ({form})"),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_registries_are_known_by_name() {
        for (host, kind) in [
            ("docker.io", ListingKind::DockerHub),
            ("ghcr.io", ListingKind::GitHub),
            ("GHCR.io", ListingKind::GitHub),
            ("registry.gitlab.com", ListingKind::GitLab),
            ("quay.io", ListingKind::Quay),
            ("quay.io.example.org", ListingKind::Catalog),
            ("localhost:5000", ListingKind::Catalog),
        ] {
            assert_eq!(ListingKind::guess(host), kind, "{host}");
        }
    }
}
