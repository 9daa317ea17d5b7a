//! Everything about one image that can be said without opinion, in one place and built once.

use super::base::{self, BaseImage, KnownBase};
use super::command::{Command, effective_command};
use super::history::History;
use super::packages::InstalledPackages;
use super::unneeded::{UnneededItem, unneeded};
use super::view::View;
use super::waste::{Residue, residue};
use super::{LayerState, ReadImage};
use crate::layer::LayerPath;

/// What is known of one image: rules, closure, advice, report and explorer all look at this.
pub struct ImageFacts {
    pub image: ReadImage,
    /// The final file system.
    pub view: View,
    /// What later layers hide.
    pub residue: Vec<Residue>,
    /// The build step behind each layer.
    pub history: History,
    /// What the image was built on, as far as it can be told.
    pub base: Option<BaseImage>,
    pub packages: InstalledPackages,
    /// What production does not need, the largest first.
    pub unneeded: Vec<UnneededItem>,
    /// What a container of it starts.
    pub command: Command,
    /// The text of os-release.
    pub os_release: Option<String>,
}

impl ImageFacts {
    /// Merges the layers of an image and reads off what they say; `bases` are known by their layers.
    pub fn new(image: ReadImage, bases: &[KnownBase]) -> Self {
        let view = View::merge(&image.layers);
        let mut history = History::new(&image.found.config, image.layers.len());
        let base = base::recognise(&image, &history, bases);
        history.base_layers = base.as_ref().and_then(|b| b.layers).or(history.base_layers);
        let packages = InstalledPackages::from_view(&view);
        Self {
            residue: residue(&view),
            unneeded: unneeded(&view, &packages),
            command: effective_command(&image.found.config.config, &view),
            os_release: os_release(&view),
            image,
            view,
            history,
            base,
            packages,
        }
    }

    /// Whether every layer was looked at.
    pub fn has_every_layer(&self) -> bool {
        self.image.layers.iter().all(|l| matches!(l.state, LayerState::Indexed(_)))
    }

    /// A field of os-release, such as `PRETTY_NAME`, without its quotes (os-release(5)).
    pub fn os_release(&self, name: &str) -> Option<String> {
        let text = self.os_release.as_ref()?;
        let value = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches(['"', '\'']).to_owned()).filter(|v| !v.is_empty())
    }
}

/// The text of os-release, wherever it lies.
fn os_release(view: &View) -> Option<String> {
    ["etc/os-release", "usr/lib/os-release"].iter().find_map(|path| {
        let (_, node) = view.follow(&LayerPath::from(*path))?;
        let node = view.content_of(node)?;
        let kept = &view.index(node.layer)?.facts.kept;
        let file = kept.iter().find(|k| k.entry == node.entry)?;
        Some(String::from_utf8_lossy(&file.bytes).into_owned())
    })
}
