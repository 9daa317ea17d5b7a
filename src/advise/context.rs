//! What of the build context is known: the files that COPY steps brought, by their bytes, each with the name that
//! it has in the context.
//!
//! A step that names its sources tells them itself. Of a folder that older builders name by a digest it is told
//! whether it was the whole context, from what lies in it; where that is not sure, nothing is said of it.

use super::Evidence;
use super::copied::{Copied, What, within};
use crate::image::Node;
use crate::image::history::Instruction;
use crate::layer::{ContentHash, LayerPath};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What lies at the top of a project, whatever language it is in.
const TOP: [&str; 24] = [
    "Dockerfile",
    "Containerfile",
    ".dockerignore",
    ".gitignore",
    ".git",
    "Makefile",
    "CMakeLists.txt",
    "package.json",
    "requirements.txt",
    "pyproject.toml",
    "setup.py",
    "Pipfile",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "composer.json",
    "mix.exs",
    "docker-compose.yml",
    "compose.yaml",
    "README.md",
    "LICENSE",
];

/// A COPY or ADD of the history, with the folder that it works in.
pub(super) struct Placed {
    pub number: usize,
    pub copied: Copied,
    pub destination: LayerPath,
    pub layer: Option<usize>,
}

/// Known files of the build context.
#[derive(Default)]
pub(super) struct Context {
    /// Names by content.
    names: HashMap<ContentHash, BTreeSet<String>>,
    /// All names, where one step copied the whole context.
    listing: Option<HashSet<String>>,
    /// Steps with a digest that copied the whole of it.
    whole: HashSet<usize>,
}

impl Context {
    /// From the steps of the author, in their order.
    pub fn of(evidence: &Evidence, steps: &[Placed]) -> Self {
        let mut context = Self { whole: whole(evidence, steps), ..Self::default() };
        for step in steps {
            let Some(layer) = step.layer else { continue };
            let is_whole = context.whole.contains(&step.number);
            let sources = match &step.copied.what {
                _ if step.copied.from().is_some() => continue,
                What::Named(sources) => sources.clone(),
                What::Folder if is_whole => vec![".".to_owned()],
                _ => continue,
            };
            for source in &sources {
                context.learn(evidence, layer, step, source, sources.len() == 1);
            }
        }
        context
    }

    /// The files of one source, by the names that they have in the context.
    fn learn(
        &mut self,
        evidence: &Evidence,
        layer: usize,
        step: &Placed,
        source: &str,
        alone: bool,
    ) {
        let name = source.trim_start_matches("./").trim_end_matches('/');
        let all = name.is_empty() || name == ".";
        // An absolute name may be one of another stage, and a pattern names nothing.
        if source.starts_with('/') || name.contains(['*', '?', '[', '$']) || name.contains("://") {
            return;
        }
        let files = files_below(evidence, layer, &step.destination);
        let base = name.rsplit('/').next().unwrap_or_default();
        let mut found = Vec::new();
        let is_folder = alone && !step.copied.target.is_empty();
        let single = files.iter().find(|(rest, _)| {
            rest == base || rest.is_empty() && alone && !step.copied.target.ends_with('/')
        });
        match (all, single) {
            (false, Some((_, hash))) => found.push((name.to_owned(), *hash)),
            (false, None) if is_folder => {
                found.extend(files.iter().map(|(rest, hash)| (format!("{name}/{rest}"), *hash)));
            }
            (true, _) => found.extend(files.iter().cloned()),
            _ => {}
        }
        if all && alone {
            let listing = self.listing.get_or_insert_default();
            listing.extend(found.iter().map(|(name, _)| name.clone()));
        }
        for (name, hash) in found {
            self.names.entry(hash).or_default().insert(name);
        }
    }

    /// Whether a step that an older builder names by a digest copied the whole context.
    pub fn is_whole(&self, step: usize) -> bool {
        self.whole.contains(&step)
    }

    /// The name of a file with these bytes: the same name as at its target if there is one, else the shortest.
    pub fn name_of(&self, hash: ContentHash, at: &LayerPath, size: u64) -> Option<&str> {
        let names = self.names.get(&hash)?;
        let same = |name: &&String| {
            name.rsplit('/').next().is_some_and(|base| base.as_bytes() == at.name())
        };
        let found = names.iter().find(same).or_else(|| {
            // Empty files are all the same.
            names.iter().filter(|_| size > 0).min_by_key(|name| name.len())
        });
        found.map(String::as_str)
    }

    /// Whether the context cannot have this source: all of it was copied, and it was not there. A name that
    /// starts at the root is one of another stage, since builders that write names leave out from where.
    pub fn lacks(&self, source: &str) -> bool {
        let name = source.trim_start_matches("./").trim_end_matches('/');
        if source.contains("://") || name.contains(['*', '?', '[', '$']) {
            return false;
        }
        let Some(listing) = &self.listing else { return source.starts_with('/') };
        let name = name.trim_start_matches('/');
        !name.is_empty()
            && name != "."
            && !listing.iter().any(|file| {
                file.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    }
}

/// The files that a layer has at or below a path: what follows the path, and the content. What an earlier layer
/// has there counts too, since a builder may leave out of a layer what is there already.
fn files_below(
    evidence: &Evidence,
    layer: usize,
    folder: &LayerPath,
) -> Vec<(String, ContentHash)> {
    let mut out: HashMap<String, ContentHash> = HashMap::new();
    for number in 0..=layer {
        let Some(index) = evidence.facts.view.index(number) else { continue };
        for entry in index.entries.iter().filter(|e| !e.path().is_marker()) {
            let path = entry.path();
            let rest = match path.as_bytes().strip_prefix(folder.as_bytes()) {
                Some(rest) if folder.is_root() || rest.is_empty() => rest,
                Some([b'/', rest @ ..]) => rest,
                _ => continue,
            };
            let own = number == layer;
            let name = String::from_utf8_lossy(rest).into_owned();
            if let Some(hash) = entry.content()
                && (own || out.len() < MOST_BELOW && is_brought(evidence, number))
            {
                out.insert(name, hash);
            }
        }
    }
    out.into_iter().collect()
}

/// Names that are looked at below one folder in lower layers.
const MOST_BELOW: usize = 100_000;

fn is_brought(evidence: &Evidence, layer: usize) -> bool {
    let step = evidence.facts.history.of_layer(layer);
    step.is_some_and(|s| s.keyword == "COPY" || s.keyword == "ADD")
}

/// The steps with a digest for one folder that copied the whole context, by what speaks for it.
fn whole(evidence: &Evidence, steps: &[Placed]) -> HashSet<usize> {
    let mut likely: Vec<(usize, HashSet<ContentHash>)> = Vec::new();
    for step in steps.iter().filter(|s| s.copied.what == What::Folder) {
        let Some(layer) = step.layer else { continue };
        let files = own_files(evidence, layer, &step.destination);
        let hashes: HashSet<ContentHash> = files.iter().map(|(_, hash)| *hash).collect();
        let top: BTreeSet<&str> =
            files.iter().filter_map(|(name, _)| name.split('/').next()).collect();
        let by_name = TOP.iter().any(|name| top.contains(name));
        let by_content = || {
            steps.iter().filter(|s| s.copied.what == What::File).any(|other| {
                let other = other.layer.map(|l| own_files(evidence, l, &LayerPath::default()));
                other.is_some_and(|f| f.iter().any(|(_, hash)| hashes.contains(hash)))
            })
        };
        if by_name || by_content() || is_worked_in(evidence, step, &top) {
            likely.push((step.number, hashes));
        }
    }
    // Two folders that differ cannot both be all of it.
    let Some(largest) = likely.iter().max_by_key(|(_, hashes)| hashes.len()) else {
        return HashSet::new();
    };
    match likely.iter().all(|(_, hashes)| hashes.is_subset(&largest.1)) {
        true => likely.iter().filter(|l| l.1 == largest.1).map(|(number, _)| *number).collect(),
        false => HashSet::new(),
    }
}

fn own_files(evidence: &Evidence, layer: usize, folder: &LayerPath) -> Vec<(String, ContentHash)> {
    let Some(index) = evidence.facts.view.index(layer) else { return Vec::new() };
    let files = index.entries.iter().filter(|e| !e.path().is_marker());
    files
        .filter_map(|e| {
            let path = e.path();
            let rest = path.as_bytes().strip_prefix(folder.as_bytes())?;
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            Some((String::from_utf8_lossy(rest).into_owned(), e.content()?))
        })
        .collect()
}

/// A later step works in the folder and names something at its top, as the steps of a build do.
fn is_worked_in(evidence: &Evidence, step: &Placed, top: &BTreeSet<&str>) -> bool {
    let later = evidence.facts.history.steps.iter().skip(step.number + 1);
    let mut folder = LayerPath::default();
    for before in evidence.facts.history.steps.iter().take(step.number) {
        work(&mut folder, before);
    }
    for step_after in later {
        work(&mut folder, step_after);
        if step_after.keyword != "RUN" {
            continue;
        }
        let names_top =
            step_after.text.split(|c: char| c.is_whitespace() || ";&|()".contains(c)).any(|word| {
                let path = within(&folder, word);
                let rest = path.as_bytes().strip_prefix(step.destination.as_bytes());
                rest.and_then(|r| r.strip_prefix(b"/"))
                    .and_then(|r| std::str::from_utf8(r).ok())
                    .is_some_and(|r| top.contains(r))
            });
        if names_top {
            return true;
        }
    }
    false
}

/// The folder that the next step works in.
pub(super) fn work(folder: &mut LayerPath, step: &Instruction) {
    if step.keyword == "WORKDIR" {
        *folder = within(folder, step.text.trim().trim_matches('"'));
    }
}

/// Whether a node's bytes stand in the final file system under its own name.
pub(super) fn is_there(evidence: &Evidence, node: Node) -> bool {
    evidence
        .facts
        .view
        .get(&evidence.facts.view.path(node))
        .is_some_and(|now| !evidence.facts.view.entry(now).is_dir())
}
