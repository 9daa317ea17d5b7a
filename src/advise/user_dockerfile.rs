//! The build as it is now, in a Dockerfile's words: what a better one begins with.
//!
//! From the user's own Dockerfile where there is one, else from the history and what its layers hold.
//! Never with a secret.

use super::Evidence;
use super::clean_build::clean_build;
use super::rebuilt::{Rebuilt, image_itself, rebuilt};
use crate::dockerfile::{self, Kind};
use similar::TextDiff;
use std::ops::Range;

/// The build of today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub text: String,
    /// What had to be guessed or left out.
    pub remarks: Vec<String>,
    /// The user's own text, as it is.
    own: Option<String>,
    /// It is no build: it begins with the image as it is now.
    pub is_image: bool,
}

impl Origin {
    /// The name of its last stage, to copy from: no other stage has it.
    pub fn stage(&self) -> &'static str {
        let names = self.last_stage().map(|(_, _, names)| names).unwrap_or_default();
        let is_free = |name: &&str| !names.iter().any(|n| n.eq_ignore_ascii_case(name));
        STAGES.into_iter().find(is_free).unwrap_or(STAGES[0])
    }

    /// The same with its last stage named, to copy from.
    pub fn staged(&self) -> String {
        let Some((range, image, _)) = self.last_stage() else { return self.text.clone() };
        let line = format!("FROM {image} AS {}", self.stage());
        let flags: Vec<&str> =
            self.text[range.clone()].split_whitespace().filter(|w| w.starts_with("--")).collect();
        let line = match flags.is_empty() {
            true => line,
            false => format!("FROM {} {image} AS {}", flags.join(" "), self.stage()),
        };
        format!("{}{line}{}", &self.text[..range.start], &self.text[range.end..])
    }

    /// The same build in other words.
    pub fn with_text(&self, text: String) -> Self {
        Self { text, ..self.clone() }
    }

    /// The base of the last stage; `None` where it is another stage of the same file.
    pub fn base(&self) -> Option<String> {
        let (_, image, stages) = self.last_stage()?;
        let own = stages.iter().any(|s| s.eq_ignore_ascii_case(&image)) || image.contains('$');
        (!own && !self.is_image).then_some(image)
    }

    /// Names the base by this reference.
    pub fn rebase(&mut self, reference: &str) {
        let Some((range, image, _)) = self.last_stage() else { return };
        let line = self.text[range.clone()].replacen(&image, reference, 1);
        self.text.replace_range(range, &line);
    }

    /// Where the last FROM stands, its image, and the names of the stages before it.
    fn last_stage(&self) -> Option<(Range<usize>, String, Vec<String>)> {
        let steps = dockerfile::parse(&self.text).ok()?;
        let end = steps.iter().rposition(|s| matches!(s.kind, Kind::From { .. }))?;
        let names = steps[..end].iter().filter_map(|s| match &s.kind {
            Kind::From { stage, .. } => stage.clone(),
            _ => None,
        });
        let names = names.collect();
        let last = steps.into_iter().rev().find_map(|s| match s.kind {
            Kind::From { image, .. } => Some((s.range, image)),
            _ => None,
        })?;
        Some((last.0, last.1, names))
    }

    /// From the user's own Dockerfile to this one, as patch(1) takes it.
    pub fn patch(&self, evidence: &Evidence, new: &str) -> Patch {
        let Some(own) = &self.own else { return Patch::default() };
        let diff = TextDiff::from_lines(own.as_str(), new);
        // Lines around a change may hold a secret that the change does not touch.
        for context in [3, 1, 0] {
            let text = diff
                .unified_diff()
                .context_radius(context)
                .header("a/Dockerfile", "b/Dockerfile")
                .to_string();
            if (evidence.secrets_in)(&text).is_empty() {
                return Patch { text: Some(text), refused: None };
            }
        }
        Patch { text: None, refused: Some(SECRET_LINES) }
    }
}

/// Names for the stage that is copied from.
const STAGES: [&str; 4] = ["build", "as-built", "as-built-now", "careen-build"];

/// Why a patch is refused.
const SECRET_LINES: &str = "lines that it takes away hold a secret, which a patch would print; leave out --patch for the whole Dockerfile";

/// The way from the user's Dockerfile to the proposed one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Patch {
    /// A unified diff; `None` also where the build is known from history only.
    pub text: Option<String>,
    /// Why there is none although there is a Dockerfile.
    pub refused: Option<&'static str>,
}

/// The build as it is, without its secrets. `None` where it cannot be told, or not without one.
pub(super) fn origin(evidence: &Evidence) -> Option<Origin> {
    match evidence.dockerfile {
        Some(text) => cleaned(
            evidence,
            Origin {
                text: text.to_owned(),
                remarks: Vec::new(),
                own: Some(text.to_owned()),
                is_image: false,
            },
        ),
        None => cleaned(evidence, rebuilt(evidence)?.into())
            .or_else(|| cleaned(evidence, image_itself(evidence)?.into())),
    }
}

impl From<Rebuilt> for Origin {
    fn from(rebuilt: Rebuilt) -> Self {
        let Rebuilt { text, remarks, is_image } = rebuilt;
        Self { text, remarks, own: None, is_image }
    }
}

fn cleaned(evidence: &Evidence, mut origin: Origin) -> Option<Origin> {
    let clean = clean_build(evidence, &origin.text)?;
    origin.text = clean.text;
    origin.remarks.extend(clean.remarks);
    // A name or path may be a secret itself.
    origin.remarks.iter_mut().for_each(|r| *r = evidence.masked(r));
    origin.remarks.dedup();
    Some(origin)
}

/// Needs no quotes in a Dockerfile.
pub(super) fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-@".contains(c))
}
