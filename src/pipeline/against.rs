//! An image beside another one, its baseline: what is new in it, and what made it grow.

use super::browse::final_files;
use super::judge::{Judged, judge};
use super::read::{self, Found, Reading, Shelf};
use super::skip_layers::{Common, Other, must_read};
use super::{Inspection, PipelineError, Plan, Progress};
use crate::image::{LayerState, ReadImage};
use crate::oci::Digest;
use crate::report::baseline::{Baseline, Earlier};
use crate::report::model::NotLookedAt;
use crate::source::FoundImage;
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
    /// Not the layers that the image and its baseline both have, unless the cache has them, or the verdict
    /// may depend on them.
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
    let (baseline, reading) = match against {
        Against::Nothing => return super::inspect(plan, progress),
        Against::Report(baseline) => match read::find(plan)? {
            Found::Random(shelf) if thrifty && baseline.knows_as_much(&plan.judged_by()) => {
                let reading = beside_report(plan, shelf, &baseline, progress);
                (baseline, reading)
            }
            found => (baseline, read::index(plan, found, progress)?),
        },
        Against::Image(other) => {
            let unusable = |e| PipelineError::Baseline(Box::new(e));
            let (before, reading) = match (read::find(&other).map_err(unusable)?, read::find(plan)?)
            {
                (Found::Random(old), Found::Random(new)) if thrifty => {
                    beside_image(plan, new, &other, old, progress)
                }
                (old, new) => (
                    read::index(&other, old, progress).map_err(unusable)?,
                    read::index(plan, new, progress)?,
                ),
            };
            let unseen = [unread(&before), reading.unseen].concat();
            (baseline_of(&other, before), Reading { unseen, ..reading })
        }
    };
    let plan = Plan { baseline: Some(Arc::new(baseline)), ..plan.clone() };
    Ok(super::inspect_read(&plan, reading))
}

fn beside_report(
    plan: &Plan,
    mut shelf: Shelf,
    baseline: &Baseline,
    progress: &dyn Progress,
) -> Reading {
    let common = |image: &FoundImage| match baseline.report(&image.platform) {
        Some(old) => Common::with_report(&image.layers, old),
        None => Common::default(),
    };
    let common: Vec<Common> = shelf.resolution.images.iter().map(common).collect();
    shelf.index_missing(&all(&common), plan, progress);
    let reading = shelf.reading();
    let unclear = reading.images.iter().zip(&common).any(|(image, common)| {
        let old = baseline.report(&image.found.platform);
        old.is_some_and(|old| must_read(image, common, &Other::Report(old)))
    });
    if !unclear {
        return reading;
    }
    shelf.index_missing(&HashSet::new(), plan, progress);
    shelf.reading()
}

/// The baseline's reading, and the image's.
fn beside_image(
    plan: &Plan,
    mut new: Shelf,
    other: &Plan,
    mut old: Shelf,
    progress: &dyn Progress,
) -> (Reading, Reading) {
    let same = |a: &FoundImage, b: &FoundImage| a.platform == b.platform;
    let common = |image: &FoundImage| match old.resolution.images.iter().find(|o| same(o, image)) {
        Some(old) => Common::with_image(&image.layers, &old.layers),
        None => Common::default(),
    };
    let common: Vec<Common> = new.resolution.images.iter().map(common).collect();
    let left_out = all(&common);
    new.index_missing(&left_out, plan, progress);
    old.index_missing(&left_out, other, progress);
    let (before, reading) = (old.reading(), new.reading());
    let unclear = reading.images.iter().zip(&common).any(|(image, common)| {
        let old = before.images.iter().find(|o| same(&o.found, &image.found));
        old.is_some_and(|old| must_read(image, common, &Other::Image(old)))
    });
    if !unclear {
        return (before, reading);
    }
    new.index_missing(&HashSet::new(), plan, progress);
    old.adopt(&new, &left_out);
    old.index_missing(&HashSet::new(), other, progress);
    (old.reading(), new.reading())
}

/// The layers that every image that has them has in common with the baseline.
fn all(common: &[Common]) -> HashSet<Digest> {
    let above: HashSet<Digest> = common.iter().flat_map(|c| &c.above).copied().collect();
    let below = common.iter().flat_map(|c| &c.below).copied();
    below.filter(|digest| !above.contains(digest)).collect()
}

/// The layers of the baseline that should have been read: what they have would be told as new.
fn unread(before: &Reading) -> Vec<NotLookedAt> {
    let failed = |(number, state): (usize, &LayerState)| match state {
        LayerState::NotLookedAt { why, failed: true } => Some(NotLookedAt {
            what: format!("layer {number} of the baseline"),
            why: why.clone(),
            failed: true,
            hides_packages: false,
        }),
        _ => None,
    };
    let layers = |image: &ReadImage| {
        image.layers.iter().map(|l| &l.state).enumerate().filter_map(failed).collect::<Vec<_>>()
    };
    before.images.iter().flat_map(layers).collect()
}

/// The other image's report, as one that was written earlier would be, with its files.
fn baseline_of(plan: &Plan, reading: Reading) -> Baseline {
    let reports = reading.images.into_iter().map(|image| {
        let Judged { report, facts, .. } = judge(plan, image, &reading.unseen);
        let files = final_files(&facts.view).into_iter().filter(|f| f.kind == '-');
        Earlier::from(&report).with_files(files.map(|f| (f.path, f.size)).collect())
    });
    Baseline::of(reports.collect())
}
