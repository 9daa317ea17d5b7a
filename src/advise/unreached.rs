//! How much of the image nothing needs, by what its start leads to: the sum that comes before all details.
//!
//! Says nothing where the start is not told: of an image that starts a shell anything may be needed.

use super::Evidence;
use super::effects::{Removed, removed};
use super::needed::kept_nodes;
use crate::closure::Mode;
use crate::image::command::effective_command;

const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "busybox"];

/// What the start of the image does not lead to, on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreached {
    /// Not reached file by file: by links, scripts, settings and imports, worked out without running it.
    pub bytes: u64,
    /// In packages of which nothing is reached, which nothing needs that is: sure.
    pub sure: u64,
    /// What it is, the most first.
    pub kinds: Vec<Removed>,
}

/// `None` where it cannot be told.
pub fn unreached(evidence: &Evidence) -> Option<Unreached> {
    let closure = evidence.closure?;
    let argv = effective_command(evidence.config, &evidence.facts.view).argv;
    let program = argv.first()?.rsplit('/').next()?;
    if argv.len() == 1 && SHELLS.contains(&program) || closure.bytes(Mode::File) == 0 {
        return None;
    }
    let sum = |kinds: &[Removed]| kinds.iter().map(|k| k.bytes).sum::<u64>();
    let kinds = removed(evidence, &kept_nodes(evidence, closure, Mode::File), &|_| false);
    let sure = removed(evidence, &kept_nodes(evidence, closure, Mode::Sound), &|_| false);
    Some(Unreached { bytes: sum(&kinds), sure: sum(&sure), kinds })
}
