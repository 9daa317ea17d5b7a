//! The registries of one sweep: each is connected to once, each of its repositories logged in to once.

use crate::oci::Reference;
use crate::source::SourceError;
use crate::source::registry::{RegistryHost, RegistrySettings, RegistrySource};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Repositories whose login is remembered.
const REMEMBERED: usize = 4096;

pub(super) struct Hosts {
    settings: RegistrySettings,
    /// The host that `settings` are for, whole.
    own: Option<String>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    hosts: HashMap<String, RegistryHost>,
    sources: HashMap<String, Arc<RegistrySource>>,
}

impl Hosts {
    pub fn new(settings: RegistrySettings, own: Option<String>) -> Self {
        Self { settings, own, known: Mutex::default() }
    }

    /// A password that the user gave for one registry goes to no other, nor is another's login sent in
    /// clear because the one speaks no TLS.
    fn settings_for(&self, registry: &str) -> RegistrySettings {
        let mut settings = self.settings.clone();
        if self.own.as_deref() != Some(registry) {
            settings.credentials.explicit = None;
            settings.plain_http = false;
            settings.insecure_skip_verify = false;
        }
        settings
    }

    pub fn host(&self, reference: &Reference) -> Result<RegistryHost, SourceError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known.hosts.get(reference.registry()) {
            return Ok(host.clone());
        }
        let host = RegistryHost::of(reference, self.settings_for(reference.registry()))?;
        known.hosts.insert(reference.registry().to_owned(), host.clone());
        Ok(host)
    }

    /// Any blob of a repository can be read here; its login is kept.
    pub fn repository(&self, host: &str, name: &str) -> Result<Arc<RegistrySource>, SourceError> {
        let whole = format!("{host}/{name}");
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(source) = known.sources.get(&whole) {
                return Ok(source.clone());
            }
        }
        let reference: Reference = whole.parse()?;
        let source = Arc::new(self.host(&reference)?.source(reference));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.sources.len() >= REMEMBERED {
            known.sources.clear();
        }
        known.sources.insert(whole, source.clone());
        Ok(source)
    }
}
