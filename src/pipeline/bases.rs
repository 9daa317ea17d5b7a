//! What a registry says of base images, where the user lets it be asked.

use super::Plan;
use crate::advise::{BaseSource, LiveBase};
use crate::oci::{Platform, Reference};
use crate::source::registry::RegistrySource;
use crate::source::{PlatformChoice, Source, SourceError};
use std::cell::RefCell;
use std::collections::HashMap;

/// How bases are named and looked up.
#[derive(Clone, Debug, Default)]
pub struct BasePlan {
    /// Ask their registries for manifests.
    pub resolve: bool,
    /// A registry, or a registry and the beginning of a repository, and what stands in for it.
    pub mirrors: Vec<(String, String)>,
}

/// The bases for one image; each is asked for once.
pub(super) struct Bases<'a> {
    plan: &'a Plan,
    platform: Platform,
    asked: RefCell<HashMap<String, Result<LiveBase, String>>>,
}

impl<'a> Bases<'a> {
    pub fn new(plan: &'a Plan, platform: &Platform) -> Self {
        Self { plan, platform: platform.clone(), asked: RefCell::default() }
    }

    fn fetch(&self, name: &str) -> Result<LiveBase, SourceError> {
        let reference: Reference = name.parse()?;
        let source = RegistrySource::new(reference, self.plan.registry.clone())?;
        let choice = PlatformChoice::One { platform: self.platform.clone(), named_by_user: false };
        let found = source.resolve(&choice)?;
        let layers = found.images.first().map(|i| i.layers.as_slice()).unwrap_or_default();
        let compressed = layers.iter().filter_map(|l| l.descriptor.as_ref()).map(|d| d.size).sum();
        let digest = found.images.first().and_then(|i| i.digest);
        Ok(LiveBase { digest: digest.map(|d| d.to_string()).unwrap_or_default(), compressed })
    }
}

impl BaseSource for Bases<'_> {
    fn name(&self, name: &str) -> String {
        let Ok(reference) = name.parse::<Reference>() else { return name.to_owned() };
        let whole = reference.to_string();
        let mirrored = self.plan.bases.mirrors.iter().find_map(|(from, to)| {
            let rest = whole.strip_prefix(from.trim_end_matches('/'))?;
            rest.starts_with(['/', ':', '@']).then(|| format!("{}{rest}", to.trim_end_matches('/')))
        });
        mirrored.unwrap_or_else(|| name.to_owned())
    }

    fn live(&self, name: &str) -> Option<Result<LiveBase, String>> {
        if !self.plan.bases.resolve {
            return None;
        }
        let name = self.name(name);
        let mut asked = self.asked.borrow_mut();
        let got = asked.entry(name.clone()).or_insert_with(|| {
            let found = self.fetch(&name).map_err(|e| e.to_string())?;
            match found.digest.is_empty() {
                true => Err(format!("{name}: the registry names no digest")),
                false => Ok(found),
            }
        });
        Some(got.clone())
    }
}
