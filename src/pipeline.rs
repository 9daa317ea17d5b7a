//! The whole path on one screen: a locator to the images it names, their layers to indexes, indexes to
//! a merged view, the view to findings and advice, all of it to a [`Report`].
//!
//! Knows no terminal, no argument and no environment: a [`Plan`] says all that is to be done, a
//! [`Progress`] is told how far it has come.

mod against;
mod bases;
pub mod browse;
pub mod explore;
mod extract;
mod judge;
mod layers;
mod needed;
pub mod plan;
mod read;
mod skip_layers;
mod triage;

pub use against::{Against, Reach, inspect_against};
pub use bases::BasePlan;
pub use browse::{cat, diff, list_files};
pub use layers::{analyzers, index_layer, unread};
pub use needed::{needed_files, why};
pub use plan::{PipelineError, Plan, Progress, Silent};

use crate::image::ReadImage;
use crate::report::model::Report;
use crate::report::tree::FileTree;
use judge::judge;
use std::collections::BTreeSet;

/// What came of an inspection.
#[derive(Debug)]
pub struct Inspection {
    /// One for each platform looked at.
    pub reports: Vec<Report>,
    /// What fills each image, in the order of `reports`; empty if the plan asks for none.
    pub trees: Vec<FileTree>,
    /// Something that should have been looked at was not.
    pub partial: bool,
    /// Numbers of the plan's acceptances that fit nothing in any image.
    pub unused_allows: BTreeSet<usize>,
}

/// Inspects every image that the plan's words and platforms name.
pub fn inspect(plan: &Plan, progress: &dyn Progress) -> Result<Inspection, PipelineError> {
    inspect_found(plan, read::find(plan)?, progress)
}

fn inspect_found(
    plan: &Plan,
    found: read::Found,
    progress: &dyn Progress,
) -> Result<Inspection, PipelineError> {
    Ok(inspect_read(plan, read::index(plan, found, progress)?))
}

/// Judges images whose layers have been read.
fn inspect_read(plan: &Plan, reading: read::Reading) -> Inspection {
    let mut unused_allows: BTreeSet<usize> = (0..plan.allows.entries().len()).collect();
    let mut reports = Vec::with_capacity(reading.images.len());
    let mut trees = Vec::new();
    for image in reading.images {
        let judged = judge(plan, image, &reading.unseen);
        reports.push(judged.report);
        trees.extend(judged.tree);
        unused_allows.retain(|n| !judged.used.contains(n));
    }
    let partial = reports.iter().any(|r| r.not_looked_at.iter().any(|n| n.failed));
    Inspection { reports, trees, partial, unused_allows }
}

/// What is said of an image whose layers have been read by [`analyzers`].
pub fn report_on(plan: &Plan, image: ReadImage) -> Report {
    judge(plan, image, &[]).report
}
