//! An image beside another one, its baseline: what is new in it, and what made it grow.

use super::browse::final_files;
use super::read::{self, Found};
use super::{Inspection, PipelineError, Plan, Progress, judge};
use crate::image::view::View;
use crate::report::baseline::{Baseline, Earlier};
use std::collections::HashSet;
use std::sync::Arc;

/// What an image is compared with.
pub enum Against {
    Nothing,
    /// What an earlier report says.
    Report(Baseline),
    /// Another image; its own layers are read as well.
    Image(Box<Plan>),
}

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every layer.
    All,
    /// Not the layers that the image and its baseline both have, unless the cache has them or a demand
    /// of the policy takes them all.
    Changed,
}

/// Inspects the images that the plan names, as new against a baseline.
pub fn inspect_against(
    plan: &Plan,
    against: Against,
    reach: Reach,
    progress: &dyn Progress,
) -> Result<Inspection, PipelineError> {
    let thrifty = reach == Reach::Changed && !plan.policy.needs_every_layer();
    let (baseline, found, both) = match against {
        Against::Nothing => return super::inspect(plan, progress),
        Against::Report(baseline) => {
            let layers = if thrifty { baseline.layers() } else { HashSet::new() };
            (baseline, read::find(plan)?, layers)
        }
        Against::Image(other) => {
            let unusable = |e| PipelineError::Baseline(Box::new(e));
            let (before, found) = (read::find(&other).map_err(unusable)?, read::find(plan)?);
            let mut both = HashSet::new();
            if thrifty {
                both = before.layers().intersection(&found.layers()).copied().collect();
            }
            let other = Plan { held: Arc::new(both.clone()), ..*other };
            (baseline_of(&other, before, progress).map_err(unusable)?, found, both)
        }
    };
    let plan = Plan { baseline: Some(Arc::new(baseline)), held: Arc::new(both), ..plan.clone() };
    super::inspect_found(&plan, found, progress)
}

/// The other image's report, as one that was written earlier would be, with its files.
fn baseline_of(
    plan: &Plan,
    found: Found,
    progress: &dyn Progress,
) -> Result<Baseline, PipelineError> {
    let reading = read::index(plan, found, progress)?;
    let reports = reading.images.iter().map(|image| {
        let report = judge(plan, image, &reading.unseen).report;
        let view = View::merge(&image.layers);
        let files = final_files(&view).into_iter().filter(|f| f.kind == '-');
        Earlier::from(&report).with_files(files.map(|f| (f.path, f.size)).collect())
    });
    Ok(Baseline::of(reports.collect()))
}
