//! The tree of files for the script, column by column, since thousands of objects with the same names
//! would be mostly names.

use super::data::HIDDEN;
use crate::report::model::FindingReport;
use crate::report::tree::{FileTree, Leaf, Package};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Serialize)]
pub(super) struct TreeData<'a> {
    files: u64,
    folded: u64,
    visible: u64,
    hidden: u64,
    packages: &'a [String],
    kinds: Vec<(&'static str, Option<&'static str>)>,
    /// How many of the nodes are directories; they stand first, and the columns of `leaf` begin after
    /// them.
    directories: usize,
    parent: Vec<u32>,
    name: Vec<&'a str>,
    leaf: Columns,
    /// Places in the report's findings, by the number of the leaf.
    findings: BTreeMap<usize, Vec<usize>>,
}

#[derive(Default, Serialize)]
struct Columns {
    files: Vec<u64>,
    bytes: Vec<u64>,
    unneeded: Vec<u64>,
    layer: Vec<usize>,
    /// -1: none, -2: not told apart.
    package: Vec<i64>,
    kind: Vec<u32>,
    /// 0: visible; else one above the place in `words.hidden`.
    hidden: Vec<usize>,
    /// The layer that hides it; -1: none, or several.
    by: Vec<i64>,
}

impl<'a> TreeData<'a> {
    /// `shown`: how many of the findings are in the page.
    pub(super) fn of(tree: &'a FileTree, findings: &[FindingReport], shown: usize) -> Self {
        let directories = tree.nodes.iter().take_while(|n| n.leaf.is_none()).count();
        let mut places: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for (place, f) in findings.iter().take(shown).enumerate() {
            places.entry((&f.rule, &f.fingerprint)).or_default().push(place);
        }
        let mut leaf = Columns::default();
        let mut found = BTreeMap::new();
        for (number, l) in tree.nodes.iter().filter_map(|n| n.leaf.as_ref()).enumerate() {
            leaf.push(l);
            let of = l.findings.iter().filter_map(|&f| tree.findings.get(f as usize));
            let mut here: Vec<usize> = of
                .filter_map(|(rule, print)| places.get(&(rule.as_str(), print.as_str())))
                .flatten()
                .copied()
                .collect();
            here.sort_unstable();
            here.dedup();
            if !here.is_empty() {
                found.insert(number, here);
            }
        }
        Self {
            files: tree.files,
            folded: tree.folded,
            visible: tree.visible,
            hidden: tree.hidden,
            packages: &tree.packages,
            kinds: tree.kinds.iter().map(|k| (k.name, k.why)).collect(),
            directories,
            parent: tree.nodes.iter().map(|n| n.parent).collect(),
            name: tree.nodes.iter().map(|n| n.name.as_str()).collect(),
            leaf,
            findings: found,
        }
    }
}

impl Columns {
    fn push(&mut self, leaf: &Leaf) {
        self.files.push(leaf.files);
        self.bytes.push(leaf.bytes);
        self.unneeded.push(leaf.unneeded);
        self.layer.push(leaf.layer);
        self.package.push(match leaf.package {
            Package::None => -1,
            Package::Several => -2,
            Package::One(number) => i64::from(number),
        });
        self.kind.push(leaf.kind);
        let kind = leaf.hidden.and_then(|h| HIDDEN.iter().position(|&k| k == h.kind));
        self.hidden.push(kind.map_or(0, |k| k + 1));
        let by = leaf.hidden.and_then(|h| h.layer).and_then(|l| i64::try_from(l).ok());
        self.by.push(by.unwrap_or(-1));
    }
}
