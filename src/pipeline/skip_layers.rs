//! Which layers of an image need not be read, because its baseline has them: those at the bottom of both, as
//! long as what lies above them adds to them and shows or hides nothing of them otherwise than the
//! baseline did. Then the verdict on the layers above is that on the whole image, but for what adds up over
//! many layers. Where a condition does not hold, or cannot be told, all is read.

use crate::image::{ImageLayer, LayerState, ReadImage};
use crate::index::LayerIndex;
use crate::layer::{LayerPath, Whiteout};
use crate::oci::{Digest, LayerKind, MediaKind};
use crate::report::baseline::{Earlier, EarlierLayer};
use crate::source::{FoundImage, LayerRef};
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
        let digests = |marks: &[Mark]| -> HashSet<Digest> {
            marks.iter().flatten().map(|(digest, _)| *digest).collect()
        };
        let mut layers = new.iter().zip(&old).take_while(|(a, b)| a.is_some() && a == b).count();
        // One that stands above a second time is read there, so it cannot be left out below.
        loop {
            let below = digests(&new[..layers]);
            let above = &digests(&new[layers..]) | &digests(&old[layers..]);
            if below.is_disjoint(&above) {
                return Self { layers, below, above };
            }
            layers -= 1;
        }
    }
}

/// The other image, as far as it is known.
pub(super) enum Other<'a> {
    Report(&'a Earlier),
    Image(&'a ReadImage),
}

/// Whether the layers in common have to be read all the same, now that those above them were.
pub(super) fn must_read(image: &ReadImage, common: &Common, other: &Other) -> bool {
    let (below, own) = image.layers.split_at(common.layers);
    // What hides what is known only if the cache has all of them.
    let known = indexes(below).count();
    if known == below.len() {
        return false;
    }
    if known > 0 || states_packages(own) {
        return true;
    }
    let own = Above::new(own);
    let theirs = match other {
        Other::Image(old) => Theirs::Layers(&old.found, Above::new(&old.layers[common.layers..])),
        Other::Report(report) => Theirs::Reported(report, &report.layers[common.layers..]),
    };
    !adds_to(&own, &theirs) || user_is_unclear(&image.found, &own, &theirs)
}

/// What the baseline puts over the common layers.
enum Theirs<'a> {
    Layers(&'a FoundImage, Above),
    Reported(&'a Earlier, &'a [EarlierLayer]),
}

/// Folders that are links in many bases (merged `/usr`): an entry below one may replace the link, and with it
/// hide all that was reached through it.
const LINKS: [&str; 8] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "var/run", "var/lock"];

/// What layers put over those below them.
#[derive(Default)]
struct Above {
    /// Those of [`LINKS`] that something is put at or below.
    links: HashSet<&'static str>,
    directories: HashSet<LayerPath>,
    others: HashSet<LayerPath>,
    /// Whiteouts: nothing of lower layers is seen there or below.
    gone: HashSet<LayerPath>,
}

impl Above {
    fn new(layers: &[ImageLayer]) -> Self {
        let mut all = Self::default();
        for entry in indexes(layers).flat_map(|index| index.entries.iter()) {
            let path = entry.path();
            all.links.extend(LINKS.iter().filter(|link| {
                let rest = path.as_bytes().strip_prefix(link.as_bytes());
                rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
            }));
            match path.whiteout() {
                Some(Whiteout::Of(gone) | Whiteout::Opaque(gone)) => all.gone.insert(gone),
                None if entry.is_dir() => all.directories.insert(path),
                None => all.others.insert(path),
            };
        }
        all
    }

    /// Whether nothing of lower layers is seen there.
    fn hides(&self, path: &LayerPath) -> bool {
        let mut at = Some(path.clone());
        while let Some(p) = at {
            if self.gone.contains(&p) {
                return true;
            }
            at = p.parent();
        }
        self.others.contains(path)
    }

    fn touches(&self, path: &LayerPath) -> bool {
        self.hides(path) || self.directories.contains(path)
    }
}

fn indexes(layers: &[ImageLayer]) -> impl Iterator<Item = &LayerIndex> {
    layers.iter().filter_map(|l| match &l.state {
        LayerState::Indexed(index) => Some(index.as_ref()),
        LayerState::NotLookedAt { .. } => None,
    })
}

/// A package owns its files, and what it ships to everyone is judged milder: who owns what must be known.
fn states_packages(layers: &[ImageLayer]) -> bool {
    indexes(layers).any(|index| index.facts.packages.iter().any(|p| p.kind.is_of_the_system()))
}

/// Whether what `own` shows of the common layers is what the baseline shows of them: it deletes nothing that
/// the baseline has, replaces no link, and what the baseline deleted, replaced or gave other rights stays so.
fn adds_to(own: &Above, theirs: &Theirs) -> bool {
    match theirs {
        Theirs::Layers(_, theirs) => {
            own.links.is_subset(&theirs.links)
                && own.gone.iter().all(|path| theirs.hides(path))
                && theirs.gone.iter().chain(&theirs.others).all(|path| own.hides(path))
                && theirs.directories.iter().all(|path| path.is_root() || own.touches(path))
        }
        Theirs::Reported(report, layers) => {
            own.links.is_empty()
                && own.gone.is_empty()
                && report.is_whole()
                && layers.iter().all(|l| l.hides == Some(0))
        }
    }
}

/// A name has its number in `/etc/passwd`: it must be the baseline's, from the same file.
fn user_is_unclear(image: &FoundImage, own: &Above, theirs: &Theirs) -> bool {
    let user = image.config.config.user.trim();
    let name = user.split(':').next().unwrap_or_default();
    if name.is_empty() || name == "root" || name.parse::<i64>().is_ok() {
        return false;
    }
    let table = LayerPath::from("etc/passwd");
    let (before, touched) = match theirs {
        Theirs::Layers(old, above) => (&old.config.config.user, above.touches(&table)),
        Theirs::Reported(report, layers) => (&report.image.user, layers.iter().any(|l| l.users)),
    };
    before.trim() != user || touched || own.touches(&table)
}
