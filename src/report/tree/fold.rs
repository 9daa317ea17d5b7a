//! From files to a tree of bounded size: what is large is named, the rest is summed where it lies.

use super::{HiddenBy, Item, Leaf, Package, TreeNode, nth_largest, short};
use std::collections::BTreeMap;

/// Directories deeper than this stand as one name: a name of 100 kB may have 50,000 of them.
const DEPTH: usize = 64;
/// Groups of small files in one directory that keep their package.
const GROUPS: usize = 16;

struct Dir<'a> {
    parent: usize,
    name: &'a [u8],
    bytes: u64,
    /// A file that must be named lies below.
    wanted: bool,
    /// Its place among the nodes, once it has one.
    node: Option<u32>,
}

/// What files of a group have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    layer: usize,
    package: Package,
    kind: u32,
    hidden: Option<HiddenBy>,
}

#[derive(Default)]
struct Group<'a> {
    files: u64,
    bytes: u64,
    unneeded: u64,
    findings: Vec<u32>,
    /// Of the file, while there is only one.
    name: &'a [u8],
}

/// The nodes of all `items`, which stand by path; about `named` of them have a name. A file with a
/// finding has one if it is larger than `floor`.
pub(super) fn nodes(items: &[Item], named: usize, floor: u64) -> Vec<TreeNode> {
    let (mut dirs, files) = directories(items, floor);
    for number in (1..dirs.len()).rev() {
        let (bytes, wanted, parent) =
            (dirs[number].bytes, dirs[number].wanted, dirs[number].parent);
        dirs[parent].bytes = dirs[parent].bytes.saturating_add(bytes);
        dirs[parent].wanted |= wanted;
    }
    let sizes = dirs.iter().map(|d| d.bytes).chain(items.iter().map(|i| i.leaf.bytes));
    let limit = nth_largest(sizes.collect(), named);
    let mut out = Vec::new();
    for number in 0..dirs.len() {
        // A parent is as large as what is in it, and stands before it.
        if number == 0 || dirs[number].bytes > limit || dirs[number].wanted {
            let parent = dirs[dirs[number].parent].node.unwrap_or(0);
            dirs[number].node = Some(out.len() as u32);
            out.push(TreeNode { parent, name: short(dirs[number].name), leaf: None });
        }
    }
    let mut groups: BTreeMap<u32, BTreeMap<Alike, Group<'_>>> = BTreeMap::new();
    for (item, (mut dir, name)) in items.iter().zip(files) {
        let leaf = &item.leaf;
        if leaf.bytes > limit || is_wanted(leaf, floor) {
            let parent = dirs[dir].node.unwrap_or(0);
            out.push(TreeNode { parent, name: short(name), leaf: Some(leaf.clone()) });
            continue;
        }
        while dirs[dir].node.is_none() {
            dir = dirs[dir].parent;
        }
        let &Leaf { layer, package, kind, hidden, .. } = leaf;
        let alike = Alike { layer, package, kind, hidden };
        let here = groups.entry(dirs[dir].node.unwrap_or(0)).or_default();
        here.entry(alike).or_default().add(name, leaf);
    }
    for (parent, groups) in groups {
        out.extend(folded(groups).into_iter().map(|(name, leaf)| TreeNode {
            parent,
            name: short(name),
            leaf: Some(leaf),
        }));
    }
    out
}

fn is_wanted(leaf: &Leaf, floor: u64) -> bool {
    !leaf.findings.is_empty() && leaf.bytes > floor
}

/// The directories, each after the one that it lies in, and for each file its directory and name.
fn directories<'a>(items: &'a [Item], floor: u64) -> (Vec<Dir<'a>>, Vec<(usize, &'a [u8])>) {
    let root = Dir { parent: 0, name: b"", bytes: 0, wanted: false, node: None };
    let mut dirs = vec![root];
    let mut files = Vec::with_capacity(items.len());
    // The directories above the last file.
    let mut stack: Vec<(usize, &'a [u8])> = Vec::new();
    for item in items {
        let mut parts: Vec<&'a [u8]> =
            item.path.as_bytes().splitn(DEPTH + 1, |&b| b == b'/').collect();
        let name = parts.pop().unwrap_or_default();
        let same = stack.iter().zip(&parts).take_while(|((_, a), b)| a == *b).count();
        stack.truncate(same);
        for part in &parts[same..] {
            let parent = stack.last().map_or(0, |(d, _)| *d);
            stack.push((dirs.len(), part));
            dirs.push(Dir { parent, name: part, bytes: 0, wanted: false, node: None });
        }
        let dir = stack.last().map_or(0, |(d, _)| *d);
        dirs[dir].bytes = dirs[dir].bytes.saturating_add(item.leaf.bytes);
        dirs[dir].wanted |= is_wanted(&item.leaf, floor);
        files.push((dir, name));
    }
    (dirs, files)
}

impl<'a> Group<'a> {
    fn add(&mut self, name: &'a [u8], leaf: &Leaf) {
        self.name = if self.files == 0 { name } else { b"" };
        self.files += leaf.files;
        self.bytes = self.bytes.saturating_add(leaf.bytes);
        self.unneeded = self.unneeded.saturating_add(leaf.unneeded);
        self.findings.extend(&leaf.findings);
    }

    fn leaf(self, alike: Alike) -> (&'a [u8], Leaf) {
        let Alike { layer, package, kind, hidden } = alike;
        let Self { files, bytes, unneeded, mut findings, name } = self;
        findings.sort_unstable();
        findings.dedup();
        (name, Leaf { files, bytes, unneeded, layer, package, kind, hidden, findings })
    }
}

/// The groups of one directory: the largest as they are, the others with less in common.
fn folded<'a>(groups: BTreeMap<Alike, Group<'a>>) -> Vec<(&'a [u8], Leaf)> {
    let mut all: Vec<(Alike, Group<'a>)> = groups.into_iter().collect();
    all.sort_by(|a, b| (b.1.bytes, a.0).cmp(&(a.1.bytes, b.0)));
    let rest = all.split_off(all.len().min(GROUPS));
    let mut few: BTreeMap<Alike, Group<'a>> = BTreeMap::new();
    for (alike, group) in rest {
        let hidden = alike.hidden.map(|h| HiddenBy { layer: None, ..h });
        let package = match alike.package {
            Package::None => Package::None,
            _ => Package::Several,
        };
        let into = few.entry(Alike { package, hidden, ..alike }).or_default();
        let (name, leaf) = group.leaf(alike);
        into.add(name, &leaf);
    }
    all.into_iter().chain(few).map(|(alike, group)| group.leaf(alike)).collect()
}
