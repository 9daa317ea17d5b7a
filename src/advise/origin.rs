//! The build as it is now, in a Dockerfile's words: what a better one begins with.
//!
//! From the user's own Dockerfile where there is one, else from the history and what its layers hold.
//! Never with a secret.

use super::Evidence;
use super::clean_build::clean_build;
use crate::dockerfile::{self, Kind};
use crate::image::base::How;
use crate::image::history::Instruction;
use crate::image::{EntryState, Node, state_of};
use crate::oci::ImageConfig;
use similar::TextDiff;
use std::collections::BTreeSet;
use std::ops::Range;

/// The build of today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub text: String,
    /// What had to be guessed or left out.
    pub remarks: Vec<String>,
    /// The user's own text, as it is.
    own: Option<String>,
}

impl Origin {
    /// The same with its last stage named `build`, to copy from.
    pub fn staged(&self) -> String {
        let Some((range, image, _)) = self.last_stage() else { return self.text.clone() };
        let line = format!("FROM {image} AS build");
        let flags: Vec<&str> =
            self.text[range.clone()].split_whitespace().filter(|w| w.starts_with("--")).collect();
        let line = match flags.is_empty() {
            true => line,
            false => format!("FROM {} {image} AS build", flags.join(" ")),
        };
        format!("{}{line}{}", &self.text[..range.start], &self.text[range.end..])
    }

    /// The base of the last stage; `None` where it is another stage of the same file.
    pub fn base(&self) -> Option<String> {
        let (_, image, stages) = self.last_stage()?;
        let own = stages.iter().any(|s| s.eq_ignore_ascii_case(&image)) || image.contains('$');
        (!own).then_some(image)
    }

    /// Names the base by this reference.
    pub fn rebase(&mut self, reference: &str) {
        let Some((range, image, _)) = self.last_stage() else { return };
        let line = self.text[range.clone()].replacen(&image, reference, 1);
        self.text.replace_range(range, &line);
    }

    /// Where the last FROM stands, its image, and the names of the stages.
    fn last_stage(&self) -> Option<(Range<usize>, String, Vec<String>)> {
        let steps = dockerfile::parse(&self.text).ok()?;
        let names = steps.iter().filter_map(|s| match &s.kind {
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

/// Commands with which official language images end; what follows is the author's.
const LAST_OF_OFFICIAL: [&str; 9] = [
    "[\"python3\"]",
    "[\"python2\"]",
    "[\"node\"]",
    "[\"irb\"]",
    "[\"bash\"]",
    "[\"/bin/bash\"]",
    "[\"jshell\"]",
    "[\"php\" \"-a\"]",
    "[\"/bin/sh\"]",
];
/// The variable in which an official image names its version, and the image.
const OFFICIAL: [(&str, &str); 6] = [
    ("PYTHON_VERSION", "python"),
    ("NODE_VERSION", "node"),
    ("GOLANG_VERSION", "golang"),
    ("RUBY_VERSION", "ruby"),
    ("PHP_VERSION", "php"),
    ("RUST_VERSION", "rust"),
];

/// The build as it is, without its secrets. `None` where it cannot be told, or not without one.
pub(super) fn origin(evidence: &Evidence) -> Option<Origin> {
    let mut origin = match evidence.dockerfile {
        Some(text) => {
            Origin { text: text.to_owned(), remarks: Vec::new(), own: Some(text.to_owned()) }
        }
        None => reconstructed(evidence)?,
    };
    let clean = clean_build(evidence, &origin.text)?;
    origin.text = clean.text;
    origin.remarks.extend(clean.remarks);
    // A name or path may be a secret itself.
    origin.remarks.iter_mut().for_each(|r| *r = evidence.masked(r));
    origin.remarks.dedup();
    Some(origin)
}

fn reconstructed(evidence: &Evidence) -> Option<Origin> {
    let steps = &evidence.facts.history.steps;
    let config = &evidence.facts.image.found.config;
    let proven = evidence.facts.base.as_ref().filter(|b| b.how == How::Layers);
    let proven = proven.and_then(|b| Some((b.name.clone()?, after_layer(steps, b.layers?))));
    let (base, first) =
        proven.or_else(|| base_of(steps, config, evidence.facts.os_release.as_deref()))?;
    let mut remarks = vec!["written from the image's history: compare it with your own".to_owned()];
    let mut lines = vec![format!("FROM {base}")];
    for (number, step) in steps.iter().enumerate().skip(first) {
        match step.keyword.as_str() {
            "RUN" => lines.push(format!("RUN {}", step.text.trim())),
            "COPY" | "ADD" => lines.push(copied(evidence, number, step, &mut remarks)?),
            "ENV" | "ARG" | "WORKDIR" | "USER" | "SHELL" => lines.push(step.line()),
            // What has no effect on files belongs to the last stage; a text that is no instruction cannot
            // be written again.
            "" => return None,
            _ => {}
        }
    }
    Some(Origin { text: lines.join("\n"), remarks, own: None })
}

/// The first step behind this many layers and what belongs to the last of them.
fn after_layer(steps: &[Instruction], layers: usize) -> usize {
    let mut made = 0;
    let end = steps.iter().position(|s| {
        made += usize::from(!s.empty_layer);
        made > layers
    });
    // Of the steps between that make no layer, those up to the base's command are the base's.
    let end = end.unwrap_or(steps.len());
    let last = steps[..end].iter().rposition(|s| !s.empty_layer).map_or(0, |n| n + 1);
    let command = steps[last..end].iter().position(|s| s.keyword == "CMD");
    command.filter(|_| end < steps.len()).map_or(last, |n| last + n + 1)
}

/// The base image's name and the first step that is the author's.
fn base_of(
    steps: &[Instruction],
    config: &ImageConfig,
    os_release: Option<&str>,
) -> Option<(String, usize)> {
    // buildah: `FROM name` in the comment of the first step above it.
    let named = steps.iter().rposition(|s| {
        s.comment
            .strip_prefix("FROM ")
            .is_some_and(|n| n != "scratch" && !n.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    if let Some(at) = named {
        let name = steps[at].comment.strip_prefix("FROM ")?.trim();
        return Some((name.to_owned(), at));
    }
    let end = steps
        .iter()
        .rposition(|s| s.keyword == "CMD" && LAST_OF_OFFICIAL.contains(&s.text.as_str()))
        .filter(|&i| i + 1 < steps.len())?;
    let official = OFFICIAL.iter().find_map(|(variable, image)| {
        let step =
            steps[..end].iter().find(|s| s.keyword == "ENV" && s.text.starts_with(variable))?;
        let version = step.text.split_once('=')?.1.trim_matches('"');
        Some(format!("{image}:{version}"))
    });
    let name = official.or_else(|| distribution(os_release?))?;
    let _ = config;
    Some((name, end + 1))
}

/// `debian 12` from os-release.
pub(super) fn release(os_release: &str) -> Option<String> {
    distribution(os_release).map(|name| name.replace(':', " "))
}

/// `debian:12` from os-release.
pub(super) fn distribution(os_release: &str) -> Option<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches('"').to_owned())
    };
    let (id, version) = (value("ID")?, value("VERSION_ID")?);
    match id.as_str() {
        // Three parts name a release, two its branch.
        "alpine" => {
            let branch: Vec<&str> = version.split('.').take(2).collect();
            Some(format!("alpine:{}", branch.join(".")))
        }
        "debian" | "ubuntu" | "fedora" | "rockylinux" | "almalinux" => {
            Some(format!("{id}:{version}"))
        }
        _ => None,
    }
}

/// `COPY . /app`. Older builders write a digest for the source (`COPY dir:ab12 in /app`): then the names come
/// from what the layer holds.
fn copied(
    evidence: &Evidence,
    number: usize,
    step: &Instruction,
    remarks: &mut Vec<String>,
) -> Option<String> {
    let Some((source, target)) = step.text.split_once(" in ") else {
        return Some(step.line());
    };
    let Some((kind, _)) = source.split_once(':') else { return Some(step.line()) };
    let target = target.trim();
    let layer = evidence.facts.history.layer_of(number);
    let files: Vec<String> = layer
        .and_then(|l| evidence.facts.view.index(l))
        .map(|index| {
            index.entries.iter().filter(|e| e.is_file()).map(|e| e.path().to_text()).collect()
        })
        .unwrap_or_default();
    if hidden_later(evidence, number) && files.len() <= 20 && files.iter().all(|f| is_plain(f)) {
        // A later step deletes it, and would fail if it were not there.
        remarks.push(format!(
            "{} … {target} is an empty file here: a later step deletes it",
            step.keyword
        ));
        let folders: BTreeSet<&str> =
            files.iter().map(|f| f.rsplit_once('/').map_or("", |(dir, _)| dir)).collect();
        let made: Vec<String> = folders.iter().map(|d| format!("/{d}")).collect();
        let touched: Vec<String> = files.iter().map(|f| format!("/{f}")).collect();
        return Some(format!("RUN mkdir -p {} && touch {}", made.join(" "), touched.join(" ")));
    }
    if kind == "dir" {
        remarks.push(format!("COPY . {target}: the history does not say which folder was copied"));
        return Some(format!("{} . {target}", step.keyword));
    }
    let inside = target.trim_matches('/');
    let mut names: Vec<String> = files
        .iter()
        .filter(|p| {
            inside.is_empty()
                || p.strip_prefix(inside).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        })
        .filter_map(|p| p.rsplit('/').next().map(str::to_owned))
        .collect();
    names.dedup();
    if names.is_empty() || names.len() > 20 || !names.iter().all(|n| is_plain(n)) {
        return None;
    }
    remarks.push(format!("the sources of COPY … {target} are named after what was copied"));
    Some(format!("{} {} {target}", step.keyword, names.join(" ")))
}

/// Needs no quotes in a Dockerfile.
pub(super) fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-@".contains(c))
}

/// All files of the step's layer are gone in the end.
fn hidden_later(evidence: &Evidence, step: usize) -> bool {
    let Some(layer) = evidence.facts.history.layer_of(step) else { return false };
    let Some(index) = evidence.facts.view.index(layer) else { return false };
    let mut files = (0..index.entries.len() as u32)
        .filter(|&n| index.entries.get(n).is_some_and(|e| e.is_file()))
        .map(|entry| Node { layer, entry })
        .peekable();
    files.peek().is_some()
        && files.all(|n| {
            // What is overwritten (by a `chmod`, say) is needed before.
            let state = state_of(&evidence.facts.view, n);
            matches!(state, EntryState::DeletedLater { .. } | EntryState::HiddenByOpaque { .. })
        })
}
