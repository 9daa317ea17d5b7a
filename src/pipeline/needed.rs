//! What the entry point needs: one path's reason, and the list of what is kept.

use super::browse::{one, row};
use super::judge::{Judged, judge};
use super::{PipelineError, Plan, Progress};
use crate::analyze::secrets::Masker;
use crate::closure::{Closure, Mode};
use crate::image::{ImageFacts, LayerState, ReadImage};
use crate::index::Names;
use crate::layer::LayerPath;
use crate::report::files::FileRow;
use crate::report::why::{WhyReport, WhyStep};

/// Words of a command line that are told.
const MOST_WORDS: usize = 1000;

/// A closure needs every layer.
pub(super) fn complete(image: &ReadImage) -> Result<(), PipelineError> {
    for (number, layer) in image.layers.iter().enumerate() {
        if let LayerState::NotLookedAt { why, .. } = &layer.state {
            let what = format!("layer {number}");
            return Err(PipelineError::NotLookedAt { what, why: why.clone() });
        }
    }
    Ok(())
}

/// The files of the final file system that a mode keeps, by path.
pub fn needed_files(
    plan: &Plan,
    mode: Mode,
    progress: &dyn Progress,
) -> Result<Vec<FileRow>, PipelineError> {
    let (image, _) = one(plan, progress)?;
    complete(&image)?;
    let facts = ImageFacts::new(image, &[]);
    let ImageFacts { image, view, .. } = &facts;
    let closure = Closure::of(&facts, &image.found.config.config);
    Ok(closure.files(mode).map(|(p, n)| row(view, &p, n, view.bytes_of(n))).collect())
}

/// Why a path is kept, or that it is not.
pub fn why(plan: &Plan, path: &str, progress: &dyn Progress) -> Result<WhyReport, PipelineError> {
    let (image, _) = one(plan, progress)?;
    complete(&image)?;
    let plan = Plan { advise: false, file_tree: false, baseline: None, ..plan.clone() };
    let Judged { facts, known, .. } = judge(&plan, image, &[]);
    let closure = Closure::of(&facts, &facts.image.found.config.config);
    why_of(&closure, &facts, path, &plan, &Masker::new(&plan.patterns, known))
}

/// The same with a closure that is there already.
pub(super) fn why_of(
    closure: &Closure,
    facts: &ImageFacts,
    path: &str,
    plan: &Plan,
    masker: &Masker,
) -> Result<WhyReport, PipelineError> {
    let ImageFacts { image, view, .. } = facts;
    let config = &image.found.config.config;
    let wanted = Names::new(&plan.patterns).path(&LayerPath::from(path));
    if view.follow(&wanted).is_none() && view.within(&wanted).next().is_none() {
        let place = "the final file system".to_owned();
        return Err(PipelineError::NoSuchFile { path: path.to_owned(), place });
    }
    let chain = closure.why(&wanted);
    let real = view.follow(&wanted).map_or(wanted.clone(), |(p, _)| p);
    let words = config.entrypoint.iter().chain(&config.cmd).take(MOST_WORDS);
    let command: Vec<String> = words.cloned().collect();
    Ok(WhyReport {
        path: wanted.to_text(),
        kept: chain.first().map(|s| s.mode.word()),
        package: closure
            .owner(&real)
            .map(|p| masker.mask_sure(&format!("{} {}", p.name, p.version))),
        bytes: view.within(&real).map(|(_, n)| view.bytes_of(n)).sum(),
        chain: chain
            .into_iter()
            .map(|s| WhyStep {
                path: masker.mask_sure(&s.path.to_text()),
                because: masker.mask_sentence(&s.because),
            })
            .collect(),
        command: masker.mask_words(&command),
        unclear: closure.unclear.iter().map(|text| masker.mask_sentence(text)).collect(),
    })
}
