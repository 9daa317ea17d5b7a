//! The catalog of the CNCF Distribution (<https://distribution.github.io/distribution/spec/api/#catalog>),
//! which names every repository of the registry: the prefix is looked for here.

use super::super::RegistryError;
use super::super::host::RegistryHost;
use super::Listing;
use super::scope::Scope;
use std::ops::ControlFlow;

pub(super) struct Catalog<'a> {
    pub host: &'a RegistryHost,
    pub scope: Scope,
}

impl Listing for Catalog<'_> {
    fn repositories(
        &self,
        page: &mut dyn FnMut(Vec<String>) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        // A scope without one is not made.
        let Some(reference) = self.scope.any_reference() else { return Ok(()) };
        self.host.repositories(&reference, |mut names| {
            names.retain(|n| self.scope.holds(n));
            // So that `page` may ask a registry itself.
            tokio::task::block_in_place(|| page(names))
        })
    }
}
