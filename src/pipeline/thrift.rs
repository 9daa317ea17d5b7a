//! Which layers of an image need not be read, because its baseline has them: those at the bottom of both, as
//! long as what lies above shows nothing of them that the baseline did not show. A layer that is left out
//! is one that cannot change the verdict; all else is a question of time, and is read.

use crate::image::{ImageLayer, LayerState, ReadImage};
use crate::index::LayerIndex;
use crate::layer::{LayerPath, Whiteout};
use crate::oci::{Digest, LayerKind, MediaKind};
use crate::report::baseline::{Earlier, EarlierLayer};
use crate::source::LayerRef;
use std::collections::HashSet;

/// What tells one layer from another: its stored bytes, and what they unpack to.
type Mark = Option<(Digest, String)>;

/// A layer as the manifest and the config declare it. The bytes of a foreign one are somewhere else:
/// nobody can say that they were looked at.
fn declared(layer: &LayerRef) -> Mark {
    let descriptor = layer.descriptor.as_ref()?;
    let foreign = descriptor.media_type.kind() == MediaKind::Layer(LayerKind::Foreign);
    (!foreign).then_some((descriptor.digest, layer.declared_diff_id?.to_string()))
}

/// A layer that an earlier report is about, if it was read then.
fn reported(layer: &EarlierLayer) -> Mark {
    layer.files?;
    Some((layer.digest.as_ref()?.parse().ok()?, layer.diff_id.clone()?))
}

/// The layers at the bottom of an image that another one has there too.
#[derive(Clone, Debug, Default)]
pub(super) struct Common {
    /// How many.
    pub layers: usize,
    pub below: HashSet<Digest>,
    /// The other layers of both; one may be there twice.
    pub above: HashSet<Digest>,
}

impl Common {
    pub fn with_image(new: &[LayerRef], old: &[LayerRef]) -> Self {
        Self::new(new.iter().map(declared).collect(), old.iter().map(declared).collect())
    }

    pub fn with_report(new: &[LayerRef], old: &Earlier) -> Self {
        Self::new(new.iter().map(declared).collect(), old.layers.iter().map(reported).collect())
    }

    fn new(new: Vec<Mark>, old: Vec<Mark>) -> Self {
        let layers = new.iter().zip(&old).take_while(|(a, b)| a.is_some() && a == b).count();
        let digest = |mark: &Mark| mark.as_ref().map(|(digest, _)| *digest);
        let below = new[..layers].iter().filter_map(digest).collect();
        let above = new[layers..].iter().chain(&old[layers..]).filter_map(digest).collect();
        Self { layers, below, above }
    }
}

/// The other image, as far as it is known.
pub(super) enum Other<'a> {
    Report(&'a Earlier),
    Image(&'a ReadImage),
}

/// Whether the layers in common have to be read all the same, now that those above them were.
pub(super) fn must_read(image: &ReadImage, common: &Common, other: &Other) -> bool {
    let own = Above::new(&image.layers[common.layers..]);
    let user = image.found.config.config.user.trim();
    uncovers(&own, common.layers, other)
        || user_is_unclear(user, &own, other)
        || changes_a_database(&image.layers[common.layers..], common.layers, other)
}

/// What layers put over those below them.
#[derive(Default)]
struct Above {
    paths: HashSet<LayerPath>,
    /// Below these nothing of lower layers is seen, nor at them.
    gone: HashSet<LayerPath>,
}

impl Above {
    fn new(layers: &[ImageLayer]) -> Self {
        let mut all = Self::default();
        for entry in entries(layers) {
            match entry.whiteout() {
                Some(Whiteout::Of(path) | Whiteout::Opaque(path)) => all.gone.insert(path),
                None => all.paths.insert(entry.clone()),
            };
        }
        all
    }

    fn covers(&self, path: &LayerPath) -> bool {
        let mut at = Some(path.clone());
        while let Some(p) = at {
            if self.gone.contains(&p) {
                return true;
            }
            at = p.parent();
        }
        path.is_root() || self.paths.contains(path)
    }
}

/// Paths of all entries of layers that were read.
fn entries(layers: &[ImageLayer]) -> impl Iterator<Item = &LayerPath> {
    indexes(layers).flat_map(|index| &index.entries).map(|e| &e.path)
}

fn indexes(layers: &[ImageLayer]) -> impl Iterator<Item = &LayerIndex> {
    layers.iter().filter_map(|l| match &l.state {
        LayerState::Indexed(index) => Some(index.as_ref()),
        LayerState::NotLookedAt { .. } => None,
    })
}

/// Whether something of the common layers may be seen that the baseline hid: a file that a step of it
/// deleted, or whose setuid bit one took away. What is not known to be covered counts.
fn uncovers(own: &Above, common: usize, other: &Other) -> bool {
    match other {
        Other::Image(image) => entries(&image.layers[common..]).any(|path| match path.whiteout() {
            Some(Whiteout::Of(path) | Whiteout::Opaque(path)) => !own.covers(&path),
            None => !own.covers(path),
        }),
        Other::Report(report) => report
            .waste
            .paths
            .iter()
            .filter(|w| w.layer < common && w.hidden_by >= common)
            .any(|w| !own.covers(&LayerPath::from(w.path.as_str()))),
    }
}

/// A name has its number in `/etc/passwd`: which file that is must be known, or be the baseline's.
fn user_is_unclear(user: &str, own: &Above, other: &Other) -> bool {
    let before = match other {
        Other::Report(report) => report.image.user.trim(),
        Other::Image(image) => image.found.config.config.user.trim(),
    };
    let name = user.split(':').next().unwrap_or_default();
    let number = name.is_empty() || name == "root" || name.parse::<i64>().is_ok();
    !number && user != before && !own.paths.contains(&LayerPath::from("etc/passwd"))
}

/// A package database is written whole. Where only one of two images has it in the layers that were read,
/// all packages would seem to be new.
fn changes_a_database(layers: &[ImageLayer], common: usize, other: &Other) -> bool {
    // A report lists all packages, whatever layer they came with.
    let Other::Image(image) = other else { return false };
    let before = Above::new(&image.layers[common..]);
    indexes(layers).any(|index| {
        let stated = index.facts.packages.iter().filter(|p| p.kind.is_of_the_system());
        let paths = stated.filter_map(|p| index.entries.get(p.entry as usize)).map(|e| &e.path);
        paths.into_iter().any(|path| !before.paths.contains(path))
    })
}
