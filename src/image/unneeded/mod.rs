//! What production does not need, with bytes and owner. The knowledge is in `table.toml`.
//!
//! Which kind a file counts for: the first kind in the table that its path matches; else the kind of
//! the package that owns it; else none. So a compiler's manual counts as `man`, not as `build-tool`,
//! and each file counts at most once. Only what has bytes counts: a symlink alone is no gain.

mod table;

use crate::analyze::PackageKind;
use crate::image::packages::InstalledPackages;
use crate::image::view::{Node, View};
use crate::layer::LayerPath;
use std::collections::{BTreeMap, HashMap};
use table::MATCHER;

/// Paths named in one item.
const PATHS: usize = 20;
/// Debug sections of one file below this are not worth a word.
const DEBUG_SECTIONS: u64 = 64 << 10;

/// Files of one kind that belong to one package, or to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnneededItem {
    /// A name of the table: `build-tool`, `doc`, `cache`…
    pub kind: String,
    /// Why production does not need it.
    pub why: String,
    /// On disk.
    pub bytes: u64,
    /// The topmost paths that cover it and nothing else; the largest first, at most 20.
    pub paths: Vec<LayerPath>,
    /// The package that owns it.
    pub owner: Option<String>,
    /// Bytes by the layer that holds them.
    pub layers: BTreeMap<usize, u64>,
}

/// The kind of thing that a path is, by the path alone: `doc`, `cache`…
pub fn kind_of_path(path: &LayerPath) -> Option<&'static str> {
    MATCHER.of_path(path.as_bytes()).map(|k| MATCHER.kinds[k].name.as_str())
}

/// The kind of thing that a package is: `build-tool`, `package-manager`…
pub fn kind_of_package(kind: PackageKind, name: &str) -> Option<&'static str> {
    MATCHER.of_package(kind, name).map(|k| MATCHER.kinds[k].name.as_str())
}

/// All of it, largest first.
pub fn unneeded(view: &View, packages: &InstalledPackages) -> Vec<UnneededItem> {
    let matcher = &*MATCHER;
    let mut groups: BTreeMap<(usize, Option<&str>), Group> = BTreeMap::new();
    let mut cover = Cover::default();
    each(view, packages, |path, number, owner, part| {
        let whole = part.filter(|p| p.whole).map(|p| (p.kind, owner));
        cover.add(path, whole);
        let Some(Part { kind, bytes, whole }) = part else { return };
        let group = groups.entry((kind, owner)).or_default();
        match whole {
            true => group.add(view, number, bytes),
            false => group.add_part(view, number, bytes),
        }
    });
    let mut items: Vec<UnneededItem> = groups
        .into_iter()
        .filter(|(_, g)| g.bytes > 0)
        .map(|((kind, owner), group)| UnneededItem {
            kind: matcher.kinds[kind].name.clone(),
            why: matcher.kinds[kind].why.clone(),
            bytes: group.bytes,
            paths: group.topmost(view, &cover, (kind, owner)),
            owner: owner.map(str::to_owned),
            layers: group.layers,
        })
        .collect();
    items.sort_by(|a, b| {
        b.bytes.cmp(&a.bytes).then_with(|| (&a.kind, &a.owner).cmp(&(&b.kind, &b.owner)))
    });
    items
}

/// What of one visible file production does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnneededFile {
    /// A name of the table.
    pub kind: &'static str,
    /// Why production does not need it.
    pub why: &'static str,
    /// On disk; less than the file's own where only a part is unneeded, as symbols are.
    pub bytes: u64,
}

/// The same file by file: every file that [`unneeded`] counts.
pub fn unneeded_files(view: &View, packages: &InstalledPackages) -> HashMap<Node, UnneededFile> {
    let mut files = HashMap::new();
    each(view, packages, |_, number, _, part| {
        if let Some(Part { kind, bytes, .. }) = part.filter(|p| p.bytes > 0)
            && let Some(kind) = MATCHER.kinds.get(kind)
        {
            files.insert(
                view.node_at(number),
                UnneededFile { kind: &kind.name, why: &kind.why, bytes },
            );
        }
    });
    files
}

/// What of a file is unneeded, by its kind's place in the table.
#[derive(Clone, Copy)]
struct Part {
    kind: usize,
    bytes: u64,
    /// The file as such, not only a part of it.
    whole: bool,
}

/// Tells of every visible non-directory, by path, who owns it and what of it is unneeded.
fn each<'a>(
    view: &'a View,
    packages: &'a InstalledPackages,
    mut tell: impl FnMut(&LayerPath, u32, Option<&'a str>, Option<Part>),
) {
    let matcher = &*MATCHER;
    let debug = debug_sections(view);
    let debug_kind = matcher.kinds.iter().position(|k| k.name == "debug");
    for (number, (path, node)) in view.iter().enumerate() {
        let bytes = view.bytes_of(node);
        if view.entry(node).is_dir() {
            continue;
        }
        let owner = packages.owner_of(&path);
        let kind = matcher.of_path(path.as_bytes()).or_else(|| {
            let kind = matcher.of_package(owner?.kind, &owner?.name)?;
            (!matcher.excepts(kind, path.as_bytes()) && !is_record(&path)).then_some(kind)
        });
        // A needed program with symbols in it: only the symbols are unneeded.
        let symbols = debug.get(&node).copied().unwrap_or(0).min(bytes);
        let part = match (kind, debug_kind) {
            (Some(kind), _) => Some(Part { kind, bytes, whole: true }),
            (None, Some(kind)) if symbols >= DEBUG_SECTIONS => {
                Some(Part { kind, bytes: symbols, whole: false })
            }
            _ => None,
        };
        tell(&path, number as u32, owner.map(|o| o.name.as_str()), part);
    }
}

/// Licence texts stay, whatever package they come with.
fn is_record(path: &LayerPath) -> bool {
    path.name() == b"copyright"
}

fn debug_sections(view: &View) -> HashMap<Node, u64> {
    let layers = view.nodes().map(|n| n.layer + 1).max().unwrap_or(0);
    let of = |layer| {
        view.index(layer).into_iter().flat_map(move |i| i.facts.elf.iter().map(move |e| (layer, e)))
    };
    (0..layers)
        .flat_map(of)
        // A relocatable object is all symbols; taking them away breaks it.
        .filter(|(_, e)| e.elf_type != 1)
        .filter_map(|(layer, e)| Some((Node { layer, entry: e.entry }, e.debug_bytes?)))
        .collect()
}

type GroupKey<'a> = (usize, Option<&'a str>);

/// For each directory, whether all files below it are of one group.
#[derive(Default)]
struct Cover<'a>(HashMap<Box<[u8]>, Option<GroupKey<'a>>>);

/// Directories deeper than this cover nothing: a name of 100 kB may have 50,000 of them.
const DEPTH: usize = 64;

/// The directories above a path, the deepest first, the root left out.
fn above(path: &LayerPath) -> impl Iterator<Item = &[u8]> {
    let bytes = path.as_bytes();
    let ends: Vec<usize> = memchr::memchr_iter(b'/', bytes).take(DEPTH).collect();
    ends.into_iter().rev().map(|end| &bytes[..end])
}

impl<'a> Cover<'a> {
    fn add(&mut self, path: &LayerPath, key: Option<GroupKey<'a>>) {
        for dir in above(path) {
            match self.0.get_mut(dir) {
                Some(one) if *one == key => {}
                Some(None) => return,
                Some(one) => *one = None,
                None => drop(self.0.insert(dir.into(), key)),
            }
        }
    }
}

/// Files by their numbers in the view, each with its bytes that count.
#[derive(Default)]
struct Group {
    bytes: u64,
    layers: BTreeMap<usize, u64>,
    whole: Vec<(u32, u64)>,
    parts: Vec<(u32, u64)>,
}

impl Group {
    fn count(&mut self, node: Node, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        let layer = self.layers.entry(node.layer).or_default();
        *layer = layer.saturating_add(bytes);
    }

    fn add(&mut self, view: &View, number: u32, bytes: u64) {
        self.count(view.node_at(number), bytes);
        self.whole.push((number, bytes));
    }

    fn add_part(&mut self, view: &View, number: u32, bytes: u64) {
        self.count(view.node_at(number), bytes);
        self.parts.push((number, bytes));
    }

    fn topmost(&self, view: &View, cover: &Cover<'_>, key: GroupKey<'_>) -> Vec<LayerPath> {
        let mut tops: HashMap<LayerPath, u64> = HashMap::new();
        for &(number, bytes) in &self.whole {
            let path = view.path_at(number);
            let covered = above(&path).take_while(|dir| cover.0.get(*dir) == Some(&Some(key)));
            let top = covered.last().map_or_else(|| path.clone(), LayerPath::new);
            *tops.entry(top).or_default() += bytes;
        }
        tops.extend(self.parts.iter().map(|&(n, b)| (view.path_at(n), b)));
        let mut tops: Vec<_> = tops.into_iter().filter(|(_, b)| *b > 0).collect();
        tops.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        tops.truncate(PATHS);
        tops.into_iter().map(|(p, _)| p).collect()
    }
}
