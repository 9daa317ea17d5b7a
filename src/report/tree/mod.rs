//! What fills an image, as a tree of directories small enough to be drawn: the largest files by name,
//! the tail of small ones folded together where they lie.
//!
//! No byte is lost by folding: the visible bytes are those on disk, the hidden ones are the waste. A
//! hard link's file counts once. Knows no format.

mod fold;
mod kind;

use crate::image::ImageFacts;
use crate::image::unneeded::{UnneededFile, unneeded_files};
use crate::image::view::Node;
use crate::image::waste::{Residue, ResidueKind};
use crate::layer::LayerPath;
use crate::rules::Finding;
use crate::text::Sanitized;
use kind::{Programs, kind_of_file};
use std::collections::{BTreeMap, HashMap};

/// Directories and files that are named, folded groups left out.
const NAMED: usize = 10_000;
/// Files with a finding that are named however small they are.
const NAMED_FOR_FINDINGS: usize = 2_000;
/// Characters of a name that are kept: no file system takes a longer one (`NAME_MAX` is 255).
const NAME: usize = 255;

/// All files of an image that have bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTree {
    /// Number of these files, each counted once however many names it has.
    pub files: u64,
    /// How many of them are folded into groups.
    pub folded: u64,
    /// Bytes on disk.
    pub visible: u64,
    /// Content that the final file system does not show.
    pub hidden: u64,
    /// `NAME VERSION` of the packages that own a file, by [`Leaf::package`].
    pub packages: Vec<String>,
    /// Rule and fingerprint of the findings in a file, by [`Leaf::findings`].
    pub findings: Vec<(String, String)>,
    /// By [`Leaf::kind`].
    pub kinds: Vec<FileKind>,
    /// All directories, each before those in it, the root first; then the files and groups.
    pub nodes: Vec<TreeNode>,
}

/// What a file is for, or why nothing needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKind {
    /// `program`, `library`, `python`…, or a kind of the unneeded: `build-tool`, `doc`, `cache`…
    pub name: &'static str,
    /// Why production does not need it; `None` for what it may need.
    pub why: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeNode {
    /// Place of its directory in [`FileTree::nodes`]; the root is its own.
    pub parent: u32,
    /// Harmless text, at most 255 characters; empty for the root and for a folded group.
    pub name: String,
    /// `None` for a directory.
    pub leaf: Option<Leaf>,
}

/// A file, or a group of small files somewhere below a directory that are alike in all of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub files: u64,
    pub bytes: u64,
    /// Of these, what production does not need; of hidden bytes it is not said.
    pub unneeded: u64,
    /// The layer that holds the content, base 0.
    pub layer: usize,
    pub package: Package,
    pub kind: u32,
    /// `None` while the final file system shows it.
    pub hidden: Option<HiddenBy>,
    /// Places in [`FileTree::findings`].
    pub findings: Vec<u32>,
}

/// Who a leaf belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Package {
    None,
    /// Place in [`FileTree::packages`].
    One(u32),
    /// Not told apart: a group of small files.
    Several,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HiddenBy {
    pub kind: ResidueKind,
    /// The layer that hides it; `None` for a group of which several do.
    pub layer: Option<usize>,
}

/// All that a tree is made of.
pub struct Source<'a> {
    pub facts: &'a ImageFacts,
    pub findings: &'a [Finding],
}

impl FileTree {
    pub fn of(source: &Source<'_>) -> Self {
        Self::with(source, NAMED)
    }

    /// A tree that names about `named` directories and files.
    fn with(source: &Source<'_>, named: usize) -> Self {
        let mut names = Names::default();
        let mut items = visible(source, &mut names);
        items.extend(hidden(source, &mut names));
        // By the bytes of the path, so that all below one directory stands together.
        items.sort_by(|a, b| (&a.path, a.leaf.layer).cmp(&(&b.path, b.leaf.layer)));
        let found = items.iter().filter(|i| !i.leaf.findings.is_empty()).map(|i| i.leaf.bytes);
        let floor = nth_largest(found.collect(), NAMED_FOR_FINDINGS);
        let sum = |hidden: bool| {
            let of = items.iter().filter(|i| i.leaf.hidden.is_some() == hidden);
            of.fold(0u64, |a, i| a.saturating_add(i.leaf.bytes))
        };
        let (visible, hidden, files) = (sum(false), sum(true), items.len() as u64);
        // Groups come on top of what is named; where there are too many, less is named.
        let (mut named, most) = (named, named * 2);
        let nodes = loop {
            let nodes = fold::nodes(&items, named, floor);
            if nodes.len() <= most || named == 0 {
                break nodes;
            }
            named /= 2;
        };
        let folded = nodes.iter().filter_map(|n| n.leaf.as_ref()).map(|l| l.files);
        let folded = folded.filter(|n| *n > 1).sum();
        let findings = source.findings.iter().map(|f| (f.rule.clone(), f.fingerprint.clone()));
        Self {
            files,
            folded,
            visible,
            hidden,
            packages: names.packages,
            findings: findings.collect(),
            kinds: names.kinds,
            nodes,
        }
    }
}

/// One file with its place.
struct Item {
    path: LayerPath,
    leaf: Leaf,
}

fn visible<'a>(source: &Source<'a>, names: &mut Names<'a>) -> Vec<Item> {
    let view = &source.facts.view;
    let unneeded = unneeded_files(view, &source.facts.packages);
    let programs = Programs::of(view);
    let told = findings_by_path(source.findings);
    let mut items = Vec::new();
    for (path, node) in view.iter() {
        let bytes = view.bytes_of(node);
        if bytes == 0 {
            continue;
        }
        let content = view.content_of(node).unwrap_or(node);
        let part = unneeded.get(&node);
        let kind = match part {
            Some(UnneededFile { kind, why, bytes: n }) if *n == bytes => {
                FileKind { name: kind, why: Some(why) }
            }
            _ => FileKind { name: kind_of_file(&path, programs.is_one(content)), why: None },
        };
        let owner = source.facts.packages.owner_of(&path);
        items.push(Item {
            leaf: Leaf {
                files: 1,
                bytes,
                unneeded: part.map_or(0, |p| p.bytes),
                layer: content.layer,
                package: owner.map_or(Package::None, |o| {
                    Package::One(names.package((o.kind as u8, &o.name, &o.version)))
                }),
                kind: names.kind(kind),
                hidden: None,
                findings: findings_at(&told, &path, &[node, content]),
            },
            path,
        });
    }
    items
}

fn hidden<'a>(source: &Source<'a>, names: &mut Names<'a>) -> Vec<Item> {
    let programs = Programs::of(&source.facts.view);
    let told = findings_by_path(source.findings);
    let item = |r: &Residue| Item {
        path: r.path.clone(),
        leaf: Leaf {
            files: 1,
            bytes: r.bytes,
            unneeded: 0,
            layer: r.node.layer,
            package: Package::None,
            kind: names
                .kind(FileKind { name: kind_of_file(&r.path, programs.is_one(r.node)), why: None }),
            hidden: Some(HiddenBy { kind: r.kind, layer: Some(r.hidden_by) }),
            findings: findings_at(&told, &r.path, &[r.node]),
        },
    };
    source.facts.residue.iter().map(item).collect()
}

type Told<'a> = HashMap<&'a LayerPath, Vec<(Option<usize>, u32)>>;

fn findings_by_path(findings: &[Finding]) -> Told<'_> {
    let mut told: Told<'_> = HashMap::new();
    for (number, finding) in findings.iter().enumerate() {
        for place in std::iter::once(finding).chain(&finding.also) {
            if let (Some(path), Ok(number)) = (&place.path, u32::try_from(number)) {
                told.entry(path).or_default().push((place.layer, number));
            }
        }
    }
    told
}

/// A finding is of the file of its own layer: what a later layer put at the same path is another.
fn findings_at(told: &Told<'_>, path: &LayerPath, nodes: &[Node]) -> Vec<u32> {
    let at = told.get(path).into_iter().flatten();
    let of_layer = |layer: &Option<usize>| layer.is_none_or(|l| nodes.iter().any(|n| n.layer == l));
    let mut found: Vec<u32> = at.filter(|(l, _)| of_layer(l)).map(|(_, n)| *n).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Each package and kind once.
#[derive(Default)]
struct Names<'a> {
    packages: Vec<String>,
    package_numbers: HashMap<(u8, &'a str, &'a str), u32>,
    kinds: Vec<FileKind>,
    kind_numbers: BTreeMap<FileKind, u32>,
}

impl<'a> Names<'a> {
    fn package(&mut self, key: (u8, &'a str, &'a str)) -> u32 {
        *self.package_numbers.entry(key).or_insert_with(|| {
            let number = self.packages.len() as u32;
            self.packages.push(short(format!("{} {}", key.1, key.2).as_bytes()));
            number
        })
    }

    fn kind(&mut self, kind: FileKind) -> u32 {
        *self.kind_numbers.entry(kind).or_insert_with(|| {
            let number = self.kinds.len() as u32;
            self.kinds.push(kind);
            number
        })
    }
}

/// A name as harmless text.
fn short(name: &[u8]) -> String {
    // Each byte of the head becomes one character at least.
    let text = Sanitized(&name[..name.len().min(4 * NAME)]).to_string();
    match text.char_indices().nth(NAME) {
        None if name.len() <= 4 * NAME => text,
        None => format!("{text}…"),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// The `n`th largest of all, from 0; 0 where there are not so many.
fn nth_largest(mut all: Vec<u64>, n: usize) -> u64 {
    if n >= all.len() {
        return 0;
    }
    *all.select_nth_unstable_by(n, |a, b| b.cmp(a)).1
}

#[cfg(test)]
mod tests;
