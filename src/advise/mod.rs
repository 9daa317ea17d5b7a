//! From findings and facts to what to do: ranked proposals, each with what the image weighs afterwards.
//!
//! Every estimate is an interval with its basis in words. Nothing is proposed for bytes that the
//! evidence does not show, and never more is saved than is there.

mod bases;
mod cover;
mod dockerfile;
mod estimate;
mod feasible;
mod lean_command;
mod needed;
mod origin;
mod proposals;
mod ratio;
mod runtime;

pub use estimate::{Estimate, Interval};
pub use lean_command::lean_command;

use crate::closure::{Closure, Mode};
use crate::image::history::History;
use crate::image::residue::Residue;
use crate::image::view::View;
use crate::image::{ImageLayer, ReadImage};
use crate::oci::ContainerConfig;
use crate::rules::Finding;
use crate::rules::unneeded::UnneededItem;

/// How many proposals are made. The rest is in the lists of the report.
const MOST: usize = 3;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Stable.
    pub id: &'static str,
    /// `secret`, `multi-stage`, `same-base`, `config`.
    pub kind: &'static str,
    /// An imperative sentence.
    pub title: String,
    pub possible: bool,
    /// The evidence, and the basis of the estimate.
    pub because: String,
    /// What to write instead: the lines that matter.
    pub dockerfile: Option<String>,
    /// The image afterwards.
    pub estimate: Estimate,
    /// Likely saving, compressed where known, else on disk: what the ranking is by.
    pub saves: u64,
}

/// What advice is made from.
pub struct Evidence<'a> {
    pub image: &'a ReadImage,
    pub view: &'a View,
    pub residue: &'a [Residue],
    pub unneeded: &'a [UnneededItem],
    pub findings: &'a [Finding],
    /// The build step behind each layer, where known.
    pub steps: &'a [Option<String>],
    pub history: &'a History,
    /// How the image is to be run: as now, or by a shorter command, and why.
    pub config: &'a ContainerConfig,
    pub shortened: Option<&'a str>,
    /// `None` where a layer could not be read.
    pub closure: Option<&'a Closure<'a>>,
    pub os_release: Option<&'a str>,
    /// The user's own Dockerfile.
    pub dockerfile: Option<&'a str>,
    /// Masks secrets in a text.
    pub redact: &'a dyn Fn(&str) -> String,
    /// Say all that was thought of, not only the most rewarding.
    pub all: bool,
}

impl Evidence<'_> {
    fn layers(&self) -> &[ImageLayer] {
        &self.image.layers
    }

    fn step(&self, layer: usize) -> Option<&str> {
        self.steps.get(layer)?.as_deref()
    }
}

/// The largest things to do; a leaked secret comes before any of them.
pub fn advise(evidence: &Evidence) -> Vec<Advice> {
    let mut sized: Vec<Advice> =
        proposals::SIZED.iter().filter_map(|propose| propose(evidence)).collect();
    let needed = needed::propose(evidence, Mode::File);
    if needed.is_some() {
        // The rough form of the same advice.
        sized.retain(|a| a.id != "multi-stage");
    }
    sized.extend(needed);
    if evidence.all {
        sized.extend(needed::propose(evidence, Mode::Sound));
        sized.extend(runtime::propose(evidence));
    }
    sized.sort_by(|a, b| b.saves.cmp(&a.saves).then(a.id.cmp(b.id)));
    let mut all: Vec<Advice> = proposals::secrets(evidence).into_iter().collect();
    all.extend(sized);
    all.extend(proposals::user(evidence));
    if evidence.all {
        all.extend(feasible::bases(evidence));
    } else {
        all.truncate(MOST);
    }
    all
}

#[cfg(test)]
mod tests;
