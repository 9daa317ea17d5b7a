//! The catalog of the CNCF Distribution (<https://distribution.github.io/distribution/spec/api/#catalog>),
//! which names every repository of the registry: the prefix is looked for here.

use super::super::RegistryError;
use super::super::host::RegistryHost;
use super::scope::Scope;
use super::{ListedPage, Listing};
use std::ops::ControlFlow;

pub(super) struct Catalog<'a> {
    pub host: &'a RegistryHost,
    pub scope: Scope,
}

impl Listing for Catalog<'_> {
    fn repositories(
        &self,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        // A scope without one is not made.
        let Some(reference) = self.scope.any_reference() else { return Ok(()) };
        self.host.repositories(&reference, |names| {
            let sorted = self.scope.sort(names, &self.host.connection.sent);
            // So that `page` may ask a registry itself.
            tokio::task::block_in_place(|| page(sorted))
        })
    }
}
