//! What made an image larger than its baseline: which build steps, which packages, which files. Pure
//! functions over a finished report and an earlier one.

use super::baseline::{Earlier, EarlierLayer, EarlierPackage};
use super::files::FileRow;
use super::model::{LayerReport, Report, Sizes};
use crate::analyze::PackageKind;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Why a layer was not read that the baseline has as well.
pub const HELD: &str = "the baseline has this layer too";

/// Files beyond this many explain nothing.
const FEW_FILES: usize = 100;

/// The difference to a baseline. Lists hold what changed, what grew most first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Growth {
    /// The baseline's reference.
    pub baseline: String,
    pub before: Sizes,
    pub after: Sizes,
    /// Layers that only one of the two has, the baseline's and this image's of the same step joined.
    pub steps: Vec<StepGrowth>,
    pub packages: Vec<PackageGrowth>,
    /// Files of this image's own layers that are larger than in the baseline, at most 100.
    pub files: Vec<FileGrowth>,
    /// Layers that both have.
    pub shared_layers: usize,
    /// Bytes of these as stored.
    pub shared_bytes: Option<u64>,
}

/// One build step; bytes compressed where they are known, else content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StepGrowth {
    pub instruction: Option<String>,
    /// This image's layer; null where only the baseline has the step.
    pub layer: Option<usize>,
    /// null where the baseline has no such step.
    pub before: Option<u64>,
    /// null where this image has no such step.
    pub after: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackageGrowth {
    pub kind: PackageKind,
    pub name: String,
    /// Versions; several where it is installed more than once.
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// Bytes on disk of all of them, where they are known.
    pub before_bytes: Option<u64>,
    pub after_bytes: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileGrowth {
    pub path: String,
    pub layer: usize,
    /// null where the baseline has no such file, or its files are not known.
    pub before: Option<u64>,
    pub after: u64,
    /// Whether the baseline has no such file; null where its files are not all known.
    pub new: Option<bool>,
}

/// By how much two sizes differ; one that is not there counts as nothing.
fn more(before: Option<u64>, after: Option<u64>) -> i128 {
    i128::from(after.unwrap_or(0)) - i128::from(before.unwrap_or(0))
}

impl StepGrowth {
    pub fn more(&self) -> i128 {
        more(self.before, self.after)
    }
}

impl PackageGrowth {
    pub fn more(&self) -> i128 {
        more(self.before_bytes, self.after_bytes)
    }
}

impl FileGrowth {
    pub fn more(&self) -> i128 {
        more(self.before, Some(self.after))
    }
}

/// `files` are those of the final file system.
pub fn growth(before: &Earlier, after: &Report, files: &[FileRow]) -> Growth {
    let has: HashSet<&str> = before.layers.iter().filter_map(|l| l.digest.as_deref()).collect();
    let shared = |l: &&LayerReport| l.digest.as_deref().is_some_and(|d| has.contains(d));
    let both: Vec<&LayerReport> = after.layers.iter().filter(shared).collect();
    Growth {
        baseline: before.image.reference.clone(),
        before: before.size,
        after: after.size,
        steps: steps(before, after),
        packages: packages(before, after),
        files: file_growth(before, after, &both, files),
        shared_layers: both.len(),
        shared_bytes: both.iter().map(|l| l.size.compressed).sum(),
    }
}

fn steps(before: &Earlier, after: &Report) -> Vec<StepGrowth> {
    // Each layer is left once: an image may have the same one twice.
    let mut left: Vec<&EarlierLayer> = before.layers.iter().collect();
    let mut take = |fits: &dyn Fn(&EarlierLayer) -> bool| {
        let at = left.iter().rposition(|l| fits(l))?;
        Some(left.remove(at))
    };
    let mut changed = Vec::new();
    for layer in &after.layers {
        let same = |l: &EarlierLayer| l.digest.is_some() && l.digest == layer.digest;
        if take(&same).is_none() {
            changed.push(layer);
        }
    }
    let mut out = Vec::new();
    // From the top: of several steps with the same words, those are the likeliest to be the same that
    // have as many above them.
    for layer in changed.into_iter().rev() {
        let step = layer.instruction.as_deref().map(step_key);
        let was = take(&|l| step.is_some() && l.instruction.as_deref().map(step_key) == step);
        let known =
            layer.size.compressed.is_some() && was.is_none_or(|w| w.size.compressed.is_some());
        let size = |s: &Sizes| if known { s.compressed } else { s.content };
        out.push(StepGrowth {
            instruction: layer.instruction.clone(),
            layer: Some(layer.number),
            before: was.and_then(|w| size(&w.size)),
            after: size(&layer.size),
        });
    }
    for gone in left {
        out.push(StepGrowth {
            instruction: gone.instruction.clone(),
            layer: None,
            before: gone.size.compressed.or(gone.size.content),
            after: None,
        });
    }
    out.retain(|s| s.before != s.after);
    out.sort_by_key(|s| std::cmp::Reverse(s.more()));
    out
}

/// A step without the hashes that classic builders write for what they copied.
fn step_key(instruction: &str) -> String {
    let hash = |w: &str| w.len() >= 32 && w.bytes().all(|b| b.is_ascii_hexdigit());
    let word = |w: &str| match w.rsplit_once(':') {
        Some((kind, rest)) if hash(rest) => format!("{kind}:"),
        _ => w.to_owned(),
    };
    instruction.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// All installations of one name.
#[derive(Default)]
struct Installed {
    versions: Vec<String>,
    known: u64,
    unknown: bool,
}

impl Installed {
    fn add(&mut self, version: &str, bytes: Option<u64>) {
        self.versions.push(version.to_owned());
        self.known = self.known.saturating_add(bytes.unwrap_or(0));
        self.unknown |= bytes.is_none();
    }

    fn bytes(&self) -> Option<u64> {
        (!self.versions.is_empty() && !self.unknown).then_some(self.known)
    }
}

fn packages(before: &Earlier, after: &Report) -> Vec<PackageGrowth> {
    let mut all: BTreeMap<(PackageKind, &str), [Installed; 2]> = BTreeMap::new();
    // What a layer states that only one of the two has read is no difference, unless a database that was
    // read tells the same anew.
    let unread = after.layers.iter().filter(|l| l.files.is_none());
    let unread: HashSet<&str> = unread.filter_map(|l| l.digest.as_deref()).collect();
    let stated: HashSet<&str> = after.packages.iter().map(|p| p.path.as_str()).collect();
    let is_unread = |layer: usize| {
        let digest = before.layers.get(layer).and_then(|l| l.digest.as_deref());
        digest.is_some_and(|d| unread.contains(d))
    };
    let compared =
        |p: &&EarlierPackage| stated.contains(p.path.as_str()) || !p.layer.is_some_and(is_unread);
    for p in before.packages.iter().filter(compared) {
        all.entry((p.kind, &p.name)).or_default()[0].add(&p.version, p.bytes);
    }
    for p in &after.packages {
        all.entry((p.kind, &p.name)).or_default()[1].add(&p.version, p.bytes);
    }
    let mut out: Vec<PackageGrowth> = all
        .into_iter()
        .map(|((kind, name), [before, after])| PackageGrowth {
            kind,
            name: name.to_owned(),
            before_bytes: before.bytes(),
            after_bytes: after.bytes(),
            before: before.versions,
            after: after.versions,
        })
        .filter(|p| p.before != p.after)
        .collect();
    out.sort_by_key(|p| std::cmp::Reverse(p.more()));
    out
}

fn file_growth(
    before: &Earlier,
    after: &Report,
    shared: &[&LayerReport],
    files: &[FileRow],
) -> Vec<FileGrowth> {
    let old: HashSet<usize> = shared.iter().map(|l| l.number).collect();
    // With a layer unread on either side a file may have been there all the same.
    let all_read = after.layers.iter().all(|l| l.files.is_some());
    let known: Option<&HashMap<String, u64>> = before.files.as_ref();
    let complete = all_read && known.is_some() && before.size.content.is_some();
    let mut out: Vec<FileGrowth> = files
        .iter()
        .filter(|f| f.kind == '-' && f.size > 0 && !old.contains(&f.layer))
        .map(|f| {
            let was = known.and_then(|k| k.get(&f.path).copied());
            FileGrowth {
                path: f.path.clone(),
                layer: f.layer,
                before: was,
                after: f.size,
                new: if was.is_some() { Some(false) } else { complete.then_some(true) },
            }
        })
        .filter(|f| f.more() > 0)
        .collect();
    out.sort_by(|a, b| b.more().cmp(&a.more()).then_with(|| a.path.cmp(&b.path)));
    out.truncate(FEW_FILES);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_same_whatever_it_copied() {
        let a = "COPY dir:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f in /app";
        let b = "COPY dir:1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a in /app";
        assert_eq!(step_key(a), step_key(b));
        assert_ne!(step_key("COPY a /app"), step_key("COPY b /app"));
    }

    #[test]
    fn more_is_signed() {
        assert_eq!(more(Some(5), Some(3)), -2);
        assert_eq!(more(None, Some(u64::MAX)), i128::from(u64::MAX));
    }
}
