//! From the plan's words to images whose layers have been read.

use super::layers::{self, States};
use super::{PipelineError, Plan, Progress};
use crate::image::{ImageLayer, ReadImage};
use crate::index::FactsBudget;
use crate::index::build::Expected;
use crate::oci::Digest;
use crate::report::model::NotLookedAt;
use crate::source::locator::Opened;
use crate::source::registry::RegistrySource;
use crate::source::single_pass::SinglePass;
use crate::source::{BlobName, FoundImage, LayerRef, Resolution, Source, Unseen};
use std::collections::HashSet;
use std::io::Read;

/// The images, and what lies beside them unread.
pub(super) struct Reading {
    pub images: Vec<ReadImage>,
    pub unseen: Vec<NotLookedAt>,
}

/// Opens what the locator names.
pub(super) fn open(plan: &Plan) -> Result<Opened, PipelineError> {
    Ok(match plan.locator.open(&plan.daemon)? {
        Opened::Registry(reference) => {
            Opened::Random(Box::new(RegistrySource::new(reference, plan.registry.clone())?))
        }
        other => other,
    })
}

/// Images that were found, before their layers are read.
pub(super) enum Found {
    Random(Shelf),
    /// An archive that tells what it holds only while it is read.
    SinglePass(SinglePass<Box<dyn Read + Send>>),
}

/// Images of a source that hands out any layer at any time, and what is known of their layers.
pub(super) struct Shelf {
    source: Box<dyn Source>,
    pub resolution: Resolution,
    states: States,
}

impl Shelf {
    /// Reads the layers that are not known yet, but for those left out.
    pub fn index_missing(
        &mut self,
        left_out: &HashSet<Digest>,
        plan: &Plan,
        progress: &dyn Progress,
    ) {
        let images = self.resolution.images.iter();
        let wanted: Vec<LayerRef> = images.flat_map(|i| i.layers.iter().cloned()).collect();
        let known = std::mem::take(&mut self.states);
        let facts = FactsBudget::of_images(self.resolution.images.len());
        let source = self.source.as_ref();
        self.states = layers::index_all(source, wanted, left_out, known, &facts, plan, progress);
    }

    /// Takes over what another one knows of these layers.
    pub fn adopt(&mut self, other: &Shelf, layers: &HashSet<Digest>) {
        let known = other.states.iter().filter(
            |(name, _)| matches!(name, BlobName::Digest(digest) if layers.contains(digest)),
        );
        self.states.extend(known.map(|(name, state)| (name.clone(), state.clone())));
    }

    pub fn reading(&self) -> Reading {
        combine(self.resolution.clone(), &self.states)
    }
}

/// Finds the images.
pub(super) fn find(plan: &Plan) -> Result<Found, PipelineError> {
    Ok(match open(plan)? {
        Opened::Registry(_) => unreachable!("opened above"),
        Opened::Random(source) => {
            let resolution = source.resolve(&plan.platform)?;
            Found::Random(Shelf { source, resolution, states: States::new() })
        }
        Opened::SinglePass(pass) => Found::SinglePass(pass),
    })
}

/// Finds the images and indexes their layers.
pub(super) fn read(plan: &Plan, progress: &dyn Progress) -> Result<Reading, PipelineError> {
    index(plan, find(plan)?, progress)
}

/// Indexes the layers of images that were found.
pub(super) fn index(
    plan: &Plan,
    found: Found,
    progress: &dyn Progress,
) -> Result<Reading, PipelineError> {
    match found {
        Found::Random(mut shelf) => {
            shelf.index_missing(&HashSet::new(), plan, progress);
            Ok(shelf.reading())
        }
        Found::SinglePass(pass) => {
            let facts = FactsBudget::default();
            let (resolution, states) = pass.run(&plan.platform, &mut |member, size, blob| {
                progress.layer_found(member, Some(size));
                let expected = Expected { digest: digest_of_member(member), size: Some(size) };
                let built = layers::index_layer(plan, member, blob, &expected, &facts, &|n| {
                    progress.advanced(n);
                });
                progress.layer_done(member);
                layers::state_of(built, None)
            })?;
            Ok(combine(resolution, &states))
        }
    }
}

/// `blobs/sha256/<hex>` names its own digest.
fn digest_of_member(member: &str) -> Option<Digest> {
    let (_, name) = member.split_once("blobs/")?;
    name.replacen('/', ":", 1).parse().ok()
}

fn combine(resolution: Resolution, states: &States) -> Reading {
    let unseen = resolution.unseen.into_iter().map(note).collect();
    let images = resolution.images.into_iter().map(|found| attach(found, states)).collect();
    Reading { images, unseen }
}

fn note(u: Unseen) -> NotLookedAt {
    NotLookedAt { what: u.what, why: u.why, failed: u.failed, hides_packages: false }
}

fn attach(found: FoundImage, states: &States) -> ReadImage {
    let layer_of = |layer: &LayerRef| ImageLayer {
        descriptor: layer.descriptor.clone(),
        declared_diff_id: layer.declared_diff_id,
        // A docker-archive stores layers in another form than a registry does.
        compressed: layer.descriptor.as_ref().map(|d| d.size),
        state: layers::own_state(layer, states.get(&layer.blob)),
    };
    let layers = found.layers.iter().map(layer_of).collect();
    ReadImage::new(found, layers)
}
