//! One image held open: its merged layers and findings at once; a file's bytes, and why it is needed, when
//! they are asked for.

use super::browse::{not_from_stdin, one, write_entry};
use super::judge::{Judged, judge};
use super::needed::{complete, why_of};
use super::{PipelineError, Plan, Progress};
use crate::analyze::secrets::{KnownSecrets, Masker, scan_text};
use crate::closure::Closure;
use crate::image::ImageFacts;
use crate::image::view::Node;
use crate::layer::LayerPath;
use crate::report::model::Report;
use crate::report::why::WhyReport;
use std::io::{self, Write};
use std::ops::Range;

/// An image and all that is known of it without reading a layer again.
pub struct OpenImage {
    plan: Plan,
    pub facts: ImageFacts,
    known: KnownSecrets,
    /// Without proposals: they take the closure, which nobody has asked for yet.
    pub report: Report,
}

/// The beginning of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    pub bytes: Vec<u8>,
    /// Of the whole file.
    pub size: u64,
}

/// Reads the layers of the one image that the plan names.
pub fn open(plan: &Plan, progress: &dyn Progress) -> Result<OpenImage, PipelineError> {
    let plan = Plan { advise: false, ..plan.clone() };
    let (image, unseen) = one(&plan, progress)?;
    let Judged { report, facts, known, .. } = judge(&plan, image, &unseen);
    Ok(OpenImage { plan, facts, known, report })
}

impl OpenImage {
    /// The first bytes of an entry's file. The whole layer is read and verified for it.
    pub fn begin(&self, node: Node, limit: usize) -> Result<Beginning, PipelineError> {
        let mut head = Head { bytes: Vec::new(), limit };
        let size = self.write(node, &mut head)?;
        Ok(Beginning { bytes: head.bytes, size })
    }

    /// Writes an entry's file, also one that a later layer hides.
    pub fn write(&self, node: Node, out: &mut (dyn Write + Send)) -> Result<u64, PipelineError> {
        not_from_stdin(&self.plan)?;
        write_entry(
            &self.plan,
            &self.facts.image,
            self.facts.view.content_of(node).unwrap_or(node),
            out,
        )
    }

    /// What the command needs, to be asked about many files.
    pub fn needs(&self) -> Result<Needs<'_>, PipelineError> {
        complete(&self.facts.image)?;
        let config = &self.facts.image.found.config.config;
        let closure = Closure::of(&self.facts, config);
        Ok(Needs { closure, open: self })
    }

    /// The package that owns a visible file.
    pub fn owner(&self, path: &LayerPath) -> Option<String> {
        self.facts.packages.owner_of(path).map(|p| format!("{} {}", p.name, p.version))
    }

    /// Where the secrets of a file's text stand, in bytes, each with its mask; however unsure.
    pub fn secrets_of(&self, path: &LayerPath, text: &str) -> Vec<(Range<usize>, String)> {
        let found = scan_text(&self.plan.patterns, text.as_bytes(), Some(path), false);
        found.into_iter().map(|f| (f.range, f.masked)).collect()
    }

    /// Whether secrets may be shown.
    pub fn reveals(&self) -> bool {
        self.plan.reveal
    }
}

/// The closure of an image.
pub struct Needs<'a> {
    closure: Closure<'a>,
    open: &'a OpenImage,
}

impl Needs<'_> {
    pub fn why(&self, path: &str) -> Result<WhyReport, PipelineError> {
        let OpenImage { plan, facts, known, .. } = self.open;
        let masker = Masker::new(&plan.patterns, known.clone());
        why_of(&self.closure, facts, path, plan, &masker)
    }
}

/// Keeps the beginning, and lets the rest go by.
struct Head {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Head {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let room = self.limit.saturating_sub(self.bytes.len()).min(chunk.len());
        self.bytes.extend_from_slice(&chunk[..room]);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
