//! One registry, shared by everybody who asks it: a runtime, connections, manners. Its repositories are
//! sources of their own; its list of repositories is asked here.

use super::client::{Client, Connection};
use super::{OwnRuntime, RegistryError, RegistrySettings, RegistrySource, catalog};
use crate::oci::Reference;
use crate::source::SourceError;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A registry that has been named; nothing is asked of it yet.
#[derive(Clone)]
pub struct RegistryHost {
    pub(super) runtime: Arc<OwnRuntime>,
    pub(super) connection: Arc<Connection>,
    pub(super) settings: Arc<RegistrySettings>,
}

impl RegistryHost {
    /// The registry of `reference`.
    pub fn of(reference: &Reference, settings: RegistrySettings) -> Result<Self, SourceError> {
        let runtime = OwnRuntime::new().map_err(|source| SourceError::Io {
            what: "cannot start the registry client".to_owned(),
            source,
        })?;
        let connection = Connection::new(reference.api_host(), &settings)?;
        Ok(Self {
            runtime: Arc::new(runtime),
            connection: Arc::new(connection),
            settings: Arc::new(settings),
        })
    }

    /// One image of this registry. `reference` must name this registry.
    pub fn source(&self, reference: Reference) -> RegistrySource {
        let client = Client::new(reference, self.connection.clone(), &self.settings);
        RegistrySource {
            runtime: self.runtime.clone(),
            client: Arc::new(client),
            follow_foreign_urls: self.settings.follow_foreign_urls,
        }
    }

    /// Hands over the names of the registry's repositories by its catalog, a page at a time, until there
    /// are no more or `page` breaks. `reference` is any name in this registry.
    pub fn repositories(
        &self,
        reference: &Reference,
        page: impl FnMut(Vec<String>) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        let client =
            Client::of_registry(reference.clone(), self.connection.clone(), &self.settings);
        self.runtime.handle().block_on(catalog::repositories(&client, page))
    }
}
