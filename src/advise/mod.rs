//! From findings and facts to what to do: ranked proposals, each with what the image weighs afterwards.
//!
//! Every estimate is an interval with its basis in words. Nothing is proposed for bytes that the
//! evidence does not show, and never more is saved than is there.

mod alpine;
mod bases;
mod build_secret;
mod clean_build;
mod context;
mod copied;
mod copy_list;
mod dockerfile;
mod effects;
mod estimate;
mod leaked;
mod lean_command;
mod needed;
mod owner_steps;
mod present;
mod proposals;
mod rank;
mod ratio;
mod rebuilt;
mod requires;
mod runtime;
mod same_base;
mod small_base;
mod sources;
mod unreached;
mod user;
mod user_dockerfile;

pub use bases::{BaseSource, LiveBase, Offline};
pub use effects::Removed;
pub use estimate::{Estimate, Interval};
pub use lean_command::lean_command;
pub use unreached::{Unreached, unreached};

use crate::closure::{Closure, Mode};
use crate::image::{ImageFacts, ImageLayer, Node};
use crate::oci::ContainerConfig;
use crate::rules::{Category, Finding};
use std::ops::Range;

/// How many proposals are made. The rest is in the lists of the report.
const MOST: usize = 3;

/// How much may go wrong when a proposal is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certainty {
    /// Only what the distribution's own rules, or the image's layers, say is not needed goes.
    Sound,
    #[default]
    Likely,
    /// Worked out from the files alone: the application's tests have the last word.
    Heuristic,
    /// Translated for another system by a table: whether it builds is not known either.
    Untried,
}

impl Certainty {
    pub fn word(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Likely => "likely",
            Self::Heuristic => "heuristic",
            Self::Untried => "untried",
        }
    }
}

/// One thing to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Stable.
    pub id: &'static str,
    /// `secret`, `multi-stage`, `same-base`, `config`.
    pub kind: &'static str,
    /// An imperative sentence.
    pub title: String,
    pub possible: bool,
    pub because: String,
    pub certainty: Certainty,
    /// What the estimate rests on.
    pub basis: String,
    /// What is written differently, in the order of the Dockerfile.
    pub changes: Vec<String>,
    /// Why it is not possible, each with its evidence.
    pub blockers: Vec<String>,
    /// What may go wrong, each with its evidence.
    pub risks: Vec<String>,
    /// What the image has no more, the most first.
    pub removes: Vec<Removed>,
    /// Rules whose findings it settles, and how many of them.
    pub fixes: Vec<(String, usize)>,
    /// What to write instead: the whole of it, or the lines that matter.
    pub dockerfile: Option<String>,
    /// The same against the user's own Dockerfile.
    pub patch: Option<String>,
    /// Why there is no patch although there is a Dockerfile.
    pub no_patch: Option<&'static str>,
    /// Lines for `.dockerignore`.
    pub ignore: Vec<String>,
    /// The image afterwards.
    pub estimate: Estimate,
    /// Likely saving, compressed where known, else on disk.
    pub saves: u64,
}

/// What advice is made from.
pub struct Evidence<'a> {
    pub facts: &'a ImageFacts,
    pub findings: &'a [Finding],
    /// The build step behind each layer, where known.
    pub steps: &'a [Option<String>],
    pub bases: &'a dyn BaseSource,
    /// How the image is to be run: as now, or by a shorter command, and why.
    pub config: &'a ContainerConfig,
    pub shortened: Option<&'a str>,
    /// `None` where a layer could not be read.
    pub closure: Option<&'a Closure<'a>>,
    /// The user's own Dockerfile.
    pub dockerfile: Option<&'a str>,
    /// Masks secrets in a text.
    pub redact: &'a dyn Fn(&str) -> String,
    /// Where a text holds secrets: the same places, in bytes and in order.
    pub secrets_in: &'a dyn Fn(&str) -> Vec<Range<usize>>,
    /// Say all that was thought of, not only the most rewarding.
    pub all: bool,
}

impl Evidence<'_> {
    fn layers(&self) -> &[ImageLayer] {
        &self.facts.image.layers
    }

    /// Whether installing what this file lists needs no other file of the application.
    fn is_plain_manifest(&self, node: Node) -> bool {
        let facts = self.facts.view.index(node.layer).map(|i| &i.facts.references);
        facts
            .and_then(|r| r.iter().find(|r| r.entry == node.entry))
            .is_none_or(|r| r.builds.is_empty())
    }

    /// A text of the image with its secrets masked: nothing goes into a Dockerfile without it. Sentences are
    /// masked with the rest of the report.
    fn masked(&self, text: &str) -> String {
        (self.redact)(text)
    }

    /// What the order of the proposals hangs on.
    fn now(&self) -> rank::Now {
        rank::Now {
            compressed: crate::image::compressed(self.layers()),
            on_disk: self.facts.view.on_disk_bytes(),
            secrets: self.findings.iter().filter(|f| f.category == Category::Secret).count(),
        }
    }

    fn step(&self, layer: usize) -> Option<&str> {
        self.steps.get(layer)?.as_deref()
    }
}

/// What to do, what a user would take first; a leaked secret comes before any of it.
pub fn advise(evidence: &Evidence) -> Vec<Advice> {
    let mut sized: Vec<Advice> =
        proposals::SIZED.iter().filter_map(|propose| propose(evidence)).collect();
    let needed = needed::propose(evidence, Mode::File);
    if needed.is_some() {
        // The rough form of the same advice.
        sized.retain(|a| a.id != "multi-stage");
    }
    sized.extend(needed);
    if let Some(advice) = same_base::propose(evidence) {
        // Its parts.
        sized.retain(|a| !["clean-in-step", "without-docs", "ignore-vcs"].contains(&a.id));
        sized.push(advice);
    }
    // Of a small base it is worth a word on the first screen too.
    let distroless = small_base::distroless(evidence);
    let mut alpine = None;
    if evidence.all {
        sized.extend(needed::propose(evidence, Mode::Sound));
        sized.extend(runtime::propose(evidence));
        sized.extend(small_base::slim(evidence));
        alpine = alpine::propose(evidence);
    }
    let onto = [distroless, alpine].into_iter().flatten();
    let (possible, not): (Vec<Advice>, Vec<Advice>) = onto.partition(|a| a.possible);
    sized.extend(possible);
    rank::order(&mut sized, evidence.now());
    let mut all: Vec<Advice> = proposals::secrets(evidence).into_iter().collect();
    all.extend(sized);
    let settled = all.iter().any(|a| a.fixes.iter().any(|(rule, _)| rule == "config/root-user"));
    all.extend(proposals::user(evidence).filter(|_| !settled));
    if evidence.all {
        all.extend(not);
    } else {
        all.truncate(MOST);
    }
    all
}

#[cfg(test)]
mod tests;
