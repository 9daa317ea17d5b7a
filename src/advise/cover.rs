//! A short list of folders and files that holds everything kept and little more: what is written into a
//! Dockerfile.
//!
//! Each line costs as much as [`LINE`] bytes; by that measure the cheapest list is found from the leaves up.

use crate::image::view::Node;
use crate::layer::LayerPath;
use std::collections::{BTreeMap, HashMap};

/// Bytes that are kept too many rather than a line written.
const LINE: u64 = 30_000;
/// Stands for a file that must not be kept.
const FORBIDDEN: u64 = 1 << 40;

/// A file, link or folder of the final file system.
pub(super) struct Item {
    pub path: LayerPath,
    pub node: Node,
    pub bytes: u64,
    pub directory: bool,
    pub kept: bool,
    /// It must stay out (a secret).
    pub forbidden: bool,
}

#[derive(Debug, Default)]
pub(super) struct Cover {
    /// Folders stand for all in them.
    pub include: Vec<LayerPath>,
    /// Within them.
    pub exclude: Vec<LayerPath>,
    /// All that is copied, by the layer that holds it.
    pub layers: BTreeMap<usize, u64>,
    pub files: usize,
    /// All entries that are copied.
    pub nodes: Vec<Node>,
}

impl Cover {
    pub fn bytes(&self) -> u64 {
        self.layers.values().sum()
    }
}

struct Branch {
    item: Option<Item>,
    path: LayerPath,
    children: Vec<usize>,
    directory: bool,
    kept: bool,
    bytes: u64,
    /// Cost with the folder above included, and without.
    within: u64,
    alone: u64,
    include: bool,
}

pub(super) fn cover(items: impl Iterator<Item = Item>, excludes: bool) -> Cover {
    // Without a way to leave something out of a folder, what is in it is paid for in full.
    let line_out = if excludes { LINE } else { FORBIDDEN };
    let mut tree = grow(items);
    for n in (0..tree.len()).rev() {
        weigh(&mut tree, n, line_out);
    }
    let mut out = Cover::default();
    let mut todo: Vec<(usize, bool)> = tree[0].children.iter().map(|&c| (c, false)).collect();
    while let Some((n, included)) = todo.pop() {
        let branch = &tree[n];
        let mut inside = included;
        if included && excludes && !branch.kept && branch.within >= LINE {
            out.exclude.push(branch.path.clone());
            continue;
        }
        if !included {
            if !branch.kept {
                continue;
            }
            if branch.include {
                out.include.push(branch.path.clone());
                inside = true;
            }
        }
        if let Some(item) = branch.item.as_ref().filter(|i| inside && !i.directory) {
            *out.layers.entry(item.node.layer).or_default() += item.bytes;
            out.files += 1;
            out.nodes.push(item.node);
        }
        todo.extend(branch.children.iter().map(|&c| (c, inside)));
    }
    out.include.sort();
    out.exclude.sort();
    out
}

/// A branch for every item and every folder above it; folders stand before what is in them.
fn grow(items: impl Iterator<Item = Item>) -> Vec<Branch> {
    let mut tree = vec![branch(LayerPath::default(), true)];
    let mut folders: HashMap<LayerPath, usize> = HashMap::from([(LayerPath::default(), 0)]);
    for item in items.filter(|i| !i.path.is_root()) {
        let parent = folder(&mut tree, &mut folders, item.path.parent().unwrap_or_default());
        let n = match folders.get(&item.path) {
            Some(&n) => n,
            None => {
                let n = tree.len();
                tree.push(branch(item.path.clone(), item.directory));
                tree[parent].children.push(n);
                if item.directory {
                    folders.insert(item.path.clone(), n);
                }
                n
            }
        };
        tree[n].item = Some(item);
    }
    tree
}

fn branch(path: LayerPath, directory: bool) -> Branch {
    Branch {
        item: None,
        path,
        children: Vec::new(),
        directory,
        kept: false,
        bytes: 0,
        within: 0,
        alone: 0,
        include: false,
    }
}

fn folder(
    tree: &mut Vec<Branch>,
    folders: &mut HashMap<LayerPath, usize>,
    path: LayerPath,
) -> usize {
    let mut missing = Vec::new();
    let mut at = path;
    while !folders.contains_key(&at) {
        missing.push(at.clone());
        at = at.parent().unwrap_or_default();
    }
    let mut parent = folders[&at];
    for path in missing.into_iter().rev() {
        let n = tree.len();
        tree.push(branch(path.clone(), true));
        tree[parent].children.push(n);
        folders.insert(path, n);
        parent = n;
    }
    parent
}

fn weigh(tree: &mut [Branch], n: usize, line_out: u64) {
    let (mut within, mut alone, mut bytes, mut kept) = (0u64, 0u64, 0u64, false);
    for &child in &tree[n].children {
        let child = &tree[child];
        within = within.saturating_add(child.within);
        alone = alone.saturating_add(child.alone);
        bytes = bytes.saturating_add(child.bytes);
        kept |= child.kept;
    }
    let item = tree[n].item.as_ref();
    let own = item.is_some_and(|i| i.kept);
    let size = item.map_or(0, |i| if i.forbidden { FORBIDDEN } else { i.bytes });
    let branch = &mut tree[n];
    if !branch.directory {
        branch.kept = own;
        branch.bytes = size;
        branch.within = if own { 0 } else { size.min(line_out) };
        branch.alone = if own { LINE } else { 0 };
        branch.include = own;
        return;
    }
    branch.bytes = bytes;
    // A folder that is kept for itself and empty of anything else that is.
    let bare = own && !kept;
    branch.kept = kept || own;
    branch.within = if branch.kept { within } else { bytes.min(line_out) };
    let whole = LINE.saturating_add(within);
    branch.include = bare || whole <= alone;
    branch.alone = match (branch.kept, branch.include) {
        (false, _) => 0,
        (true, true) => whole,
        (true, false) => alone,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(items: &[(&str, u64, bool, bool)]) -> Cover {
        let paths: Vec<LayerPath> = items.iter().map(|i| LayerPath::from(i.0)).collect();
        cover(
            items.iter().zip(&paths).enumerate().map(|(n, (i, path))| Item {
                path: path.clone(),
                node: Node { layer: 0, entry: n as u32 },
                bytes: i.1,
                directory: false,
                kept: i.2,
                forbidden: i.3,
            }),
            true,
        )
    }

    fn text(paths: &[LayerPath]) -> Vec<String> {
        paths.iter().map(LayerPath::to_text).collect()
    }

    #[test]
    fn a_folder_stands_for_its_files_where_that_is_shorter() {
        let got = of(&[
            ("app/a", 10, true, false),
            ("app/b", 10, true, false),
            ("app/doc/big", 9_000_000, false, false),
            ("usr/bin/one", 50_000, true, false),
            ("usr/bin/two", 50_000_000, false, false),
        ]);
        assert_eq!(text(&got.include), ["app", "usr/bin/one"]);
        assert_eq!(text(&got.exclude), ["app/doc"]);
        assert_eq!((got.bytes(), got.files), (50_020, 3));
    }

    #[test]
    fn a_secret_stays_out_however_small() {
        let got = of(&[
            ("app/.env", 3, false, true),
            ("app/a", 10, true, false),
            ("app/b", 10, true, false),
        ]);
        assert_eq!(
            (text(&got.include), text(&got.exclude)),
            (vec!["app".into()], vec!["app/.env".into()])
        );
    }

    proptest! {
        /// All that is kept is covered, nothing forbidden is, and the bytes are those of what is covered.
        #[test]
        fn the_list_holds_what_is_kept(
            items in proptest::collection::btree_map("[ab](/[ab]){0,4}/f", (0u64..90_000, any::<bool>()), 1..30)
        ) {
            let list: Vec<_> = items.iter().map(|(p, (b, k))| (p.as_str(), *b, *k, !*k && b % 7 == 0)).collect();
            let got = of(&list);
            let under = |path: &str, list: &[LayerPath]| list.iter().any(|l| {
                let l = l.to_text();
                path == l || path.starts_with(&format!("{l}/"))
            });
            let mut bytes = 0;
            for (path, size, kept, forbidden) in &list {
                let copied = under(path, &got.include) && !under(path, &got.exclude);
                prop_assert!(copied || !kept, "{path}");
                prop_assert!(!(copied && *forbidden), "{path}");
                bytes += if copied { *size } else { 0 };
            }
            prop_assert_eq!(got.bytes(), bytes);
        }
    }
}
