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
mod layers;
mod needed;
pub mod plan;
mod read;
mod sift;
mod thrift;

pub use against::{Against, Reach, inspect_against};
pub use bases::BasePlan;
pub use browse::{cat, diff, list_files};
pub use layers::{analyzers, index_layer, unread};
pub use needed::{needed_files, why};
pub use plan::{PipelineError, Plan, Progress, Silent};

use crate::advise::{self, Evidence};
use crate::analyze::Confidence;
use crate::analyze::secrets::{KnownSecrets, Masker};
use crate::closure::{Closure, Input};
use crate::image::base;
use crate::image::history::History;
use crate::image::packages::InstalledPackages;
use crate::image::residue;
use crate::image::view::View;
use crate::image::{LayerState, ReadImage};
use crate::layer::LayerPath;
use crate::report::assemble::{self, Parts};
use crate::report::growth;
use crate::report::masked;
use crate::report::model::{NotLookedAt, Report};
use crate::report::tree::{self, FileTree};
use crate::rules::{self, RuleContext, policy, unneeded};
use bases::Bases;
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
    Ok(inspect_read(plan, &read::index(plan, found, progress)?))
}

/// Judges images whose layers have been read.
fn inspect_read(plan: &Plan, reading: &read::Reading) -> Inspection {
    let mut unused_allows: BTreeSet<usize> = (0..plan.allows.entries().len()).collect();
    let mut reports = Vec::with_capacity(reading.images.len());
    let mut trees = Vec::new();
    for image in &reading.images {
        let judged = judge(plan, image, &reading.unseen);
        reports.push(judged.report);
        trees.extend(judged.tree);
        unused_allows.retain(|n| !judged.used.contains(n));
    }
    let partial = reports.iter().any(|r| r.not_looked_at.iter().any(|n| n.failed));
    Inspection { reports, trees, partial, unused_allows }
}

/// What is said of an image whose layers have been read by [`analyzers`].
pub fn report_on(plan: &Plan, image: &ReadImage) -> Report {
    judge(plan, image, &[]).report
}

/// All that came of one image.
struct Judged {
    report: Report,
    tree: Option<FileTree>,
    /// The numbers of the acceptances that fit something in it.
    used: BTreeSet<usize>,
    view: View,
    residue: Vec<residue::Residue>,
    packages: InstalledPackages,
    unneeded: Vec<unneeded::UnneededItem>,
    /// The secrets of the image, to be known again.
    known: KnownSecrets,
}

/// From an image whose layers have been read to everything that is said of it.
fn judge(plan: &Plan, image: &ReadImage, unseen: &[NotLookedAt]) -> Judged {
    let patterns = &plan.patterns;
    let view = View::merge(&image.layers);
    let residue = residue::residue(&view);
    let mut history = History::new(&image.found.config, image.layers.len());
    let base = base::recognise(image, &history, &plan.known_bases.base);
    history.base_layers = base.as_ref().and_then(|b| b.layers).or(history.base_layers);
    let packages = InstalledPackages::from_view(&view);
    let unneeded = unneeded::unneeded(&view, &packages);
    let context = RuleContext {
        image,
        view: &view,
        history: &history,
        packages: &packages,
        base: base.as_ref(),
        unneeded: &unneeded,
        residue: &residue,
        patterns,
        policy: &plan.policy,
        before: plan.baseline.as_ref().map(|b| b.sizes(&image.found.platform).unwrap_or_default()),
        reveal: plan.reveal,
    };
    let findings = rules::check(&context);
    // Whatever is told of must not stand in clear elsewhere, nor what was told of a layer that is not read.
    let least = plan.confidence.min(Confidence::Likely);
    let before = plan.baseline.iter().flat_map(|b| b.secrets());
    let known = rules::secrets::known(&findings, least, before);
    let masker = Masker::new(patterns, known.clone());
    let unjudged = policy::unjudged(&context).into_iter().map(|(what, why, failed)| NotLookedAt {
        what: what.to_owned(),
        why: why.to_owned(),
        failed,
        hides_packages: false,
    });
    let mut unseen: Vec<NotLookedAt> = unseen.iter().cloned().chain(unjudged).collect();
    unseen.extend(rules::secrets::unsearched(&history, &findings).into_iter().map(
        |(what, why)| NotLookedAt {
            what: what.to_owned(),
            why: why.to_owned(),
            failed: true,
            hides_packages: false,
        },
    ));
    let steps = assemble::steps(&history, image.layers.len(), &masker);
    let sifted = sift::sift(plan, findings, &steps, &masker);
    let complete = image.layers.iter().all(|l| matches!(l.state, LayerState::Indexed(_)));
    // What is proposed are Dockerfiles and packages of Linux.
    let advise = plan.advise && !image.found.config.is_windows();
    let wanted = advise && complete;
    let lean = advise::lean_command(&image.found.config.config, &view);
    let config = lean.as_ref().map_or(&image.found.config.config, |(c, _)| c);
    let closure = wanted.then(|| Closure::of(Input { view: &view, packages: &packages, config }));
    let gap = |what: &str, why: String| NotLookedAt {
        what: what.to_owned(),
        why,
        failed: false,
        hides_packages: false,
    };
    unseen.extend(packages.gaps().into_iter().map(|why| gap("the packages' lists of files", why)));
    let uncertain = closure.as_ref().and_then(|c| c.gap());
    unseen.extend(uncertain.map(|why| gap("what the image needs to run", why.to_owned())));
    let os_release = os_release(&view);
    let evidence = Evidence {
        image,
        view: &view,
        residue: &residue,
        unneeded: &unneeded,
        findings: &sifted.open,
        steps: &steps,
        history: &history,
        packages: &packages,
        base: base.as_ref(),
        bases: &Bases::new(plan, &image.found.platform),
        config,
        shortened: lean.as_ref().map(|(_, why)| why.as_str()),
        closure: closure.as_ref(),
        os_release: os_release.as_deref(),
        dockerfile: plan.dockerfile.as_deref(),
        redact: &|text| masker.mask(text),
        secrets_in: &|text| masker.places(text),
        all: plan.all_advice,
    };
    let advice = if advise { advise::advise(&evidence) } else { Vec::new() };
    let mut report = assemble::assemble(&Parts {
        image,
        view: &view,
        residue: &residue,
        history: &history,
        base: base.as_ref(),
        packages: &packages,
        unneeded: &unneeded,
        findings: &sifted.open,
        accepted: &sifted.accepted,
        known: &sifted.known,
        expired: &sifted.expired,
        below_confidence: sifted.unsure,
        judged_by: plan.judged_by(),
        advice: &advice,
        unseen: &unseen,
        masker: &masker,
    });
    masked::report(&mut report, &masker);
    let earlier = plan.baseline.as_ref().and_then(|b| b.report(&image.found.platform));
    report.growth = earlier.map(|e| growth::growth(e, &report, &browse::final_files(&view)));
    report.growth.iter_mut().for_each(|g| masked::growth(g, &masker));
    let tree = plan.file_tree.then(|| {
        let findings = &sifted.open;
        let mut tree = FileTree::of(&tree::Source {
            view: &view,
            residue: &residue,
            packages: &packages,
            findings,
        });
        masked::tree(&mut tree, &masker);
        tree
    });
    let used = sifted.used;
    Judged { report, tree, used, view, residue, packages, unneeded, known }
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
