//! The whole path on one screen: a locator to the images it names, their layers to indexes, indexes to
//! a merged view, the view to findings and advice, all of it to a [`Report`].
//!
//! Knows no terminal, no argument and no environment: a [`Plan`] says all that is to be done, a
//! [`Progress`] is told how far it has come.

pub mod browse;
mod extract;
mod layers;
pub mod plan;
mod read;

pub use browse::{cat, diff, list_files};
pub use plan::{PipelineError, Plan, Progress, Silent};

use crate::advise;
use crate::image::packages::InstalledPackages;
use crate::image::{ReadImage, history, residue, view::View};
use crate::report::assemble::{self, Parts};
use crate::report::model::{NotLookedAt, Report};
use crate::rules::{self, RuleContext, unneeded};

/// What came of an inspection.
#[derive(Debug)]
pub struct Inspection {
    /// One for each platform looked at.
    pub reports: Vec<Report>,
    /// Something that should have been looked at was not.
    pub partial: bool,
}

/// Inspects every image that the plan's words and platforms name.
pub fn inspect(plan: &Plan, progress: &dyn Progress) -> Result<Inspection, PipelineError> {
    let reading = read::read(plan, progress)?;
    let reports: Vec<Report> =
        reading.images.iter().map(|image| judge(plan, image, &reading.unseen)).collect();
    let partial = reports.iter().any(|r| r.not_looked_at.iter().any(|n| n.failed));
    Ok(Inspection { reports, partial })
}

/// From an image whose layers have been read to everything that is said of it.
fn judge(plan: &Plan, image: &ReadImage, unseen: &[NotLookedAt]) -> Report {
    let view = View::merge(&image.layers);
    let residue = residue::residue(&view, &image.layers);
    let steps = history::steps(&image.found.config, image.layers.len());
    let packages = InstalledPackages::from_view(&view, &image.layers);
    let unneeded = unneeded::unneeded(&view, &packages);
    let context = RuleContext {
        image,
        view: &view,
        residue: &residue,
        steps: &steps,
        patterns: &plan.patterns,
        reveal: plan.reveal,
    };
    let findings = rules::check(&context);
    let advice = advise::advise(&context, &unneeded, &findings);
    assemble::assemble(&Parts {
        context: &context,
        packages: &packages,
        unneeded: &unneeded,
        findings: &findings,
        advice: &advice,
        unseen,
    })
}
