//! A short list of folders and files that holds everything kept and little more: what is written into a
//! Dockerfile.
//!
//! Each line costs as much as [`LINE`] bytes; by that measure the cheapest list is found from the leaves up.

use crate::image::view::{Spot, View};
use crate::image::{Node, NodeSet};
use crate::layer::LayerPath;
use std::collections::BTreeMap;

/// Bytes that are kept too many rather than a line written.
const LINE: u64 = 30_000;
/// Stands for a file that must not be kept.
const FORBIDDEN: u64 = 1 << 40;

/// A file, link or folder of the final file system.
pub(super) struct Item {
    /// In the order of the view.
    pub number: u32,
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
    /// All entries that are copied, by where their content is.
    pub nodes: NodeSet,
}

impl Cover {
    pub fn bytes(&self) -> u64 {
        self.layers.values().sum()
    }
}

/// What is known of a place, as bits.
#[derive(Clone, Copy, Default)]
struct Marks(u8);

impl Marks {
    const ITEM: u8 = 1;
    const DIRECTORY: u8 = 2;
    /// Of an item: for its own sake.
    const KEPT: u8 = 4;
    const FORBIDDEN: u8 = 8;
    /// It, or something below it, is kept.
    const NEEDED: u8 = 16;
    /// A line of its own is the cheapest.
    const INCLUDE: u8 = 32;
    /// A line that leaves it out costs no more than to have it.
    const HEAVY: u8 = 64;

    fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    fn set(&mut self, mark: u8, to: bool) {
        self.0 |= if to { mark } else { 0 };
    }
}

/// What a place costs.
#[derive(Clone, Copy, Default)]
struct Weight {
    bytes: u64,
    /// With the folder above included, and without.
    within: u64,
    alone: u64,
    needed: bool,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.within = self.within.saturating_add(other.within);
        self.alone = self.alone.saturating_add(other.alone);
        self.needed |= other.needed;
    }
}

/// How a place is met from above.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing of it is copied, or a line leaves it out.
    Out,
    /// No line has it yet.
    Open,
    /// A line has the folder.
    Inside,
}

/// What items there are, and of each folder what they come to.
struct Scale<'v> {
    view: &'v View,
    marks: Vec<Marks>,
    /// Of each place its number in `sums`, if something below it was weighed.
    folders: Vec<u32>,
    sums: Vec<Weight>,
    /// What a line costs that leaves something out.
    line_out: u64,
}

const NONE: u32 = u32::MAX;

pub(super) fn cover(view: &View, items: impl Iterator<Item = Item>, excludes: bool) -> Cover {
    let mut scale = Scale {
        view,
        marks: vec![Marks::default(); view.spots()],
        folders: vec![NONE; view.spots()],
        sums: Vec::new(),
        // Without a way to leave something out of a folder, what is in it is paid for in full.
        line_out: if excludes { LINE } else { FORBIDDEN },
    };
    for item in items {
        let marks = &mut scale.marks[view.spot_of(item.number).index()];
        marks.set(Marks::ITEM, true);
        marks.set(Marks::DIRECTORY, item.directory);
        marks.set(Marks::KEPT, item.kept);
        marks.set(Marks::FORBIDDEN, item.forbidden);
    }
    // What is in a folder comes behind it.
    for place in (1..view.spots()).rev() {
        scale.weigh(Spot::of_index(place));
    }
    scale.read(excludes)
}

impl Scale<'_> {
    /// The item at a place: where its content is, and its bytes.
    fn content(&self, spot: Spot) -> Option<(Node, u64)> {
        let node = self.view.node_at(self.view.number_at(spot)?);
        Some((self.view.content_of(node).unwrap_or(node), self.view.bytes_of(node)))
    }

    fn weigh(&mut self, spot: Spot) {
        let marks = self.marks[spot.index()];
        let below = self.sums.get(self.folders[spot.index()] as usize).copied();
        let weight = match below {
            Some(below) => self.folder(spot, below),
            None if marks.has(Marks::DIRECTORY) => self.folder(spot, Weight::default()),
            None if marks.has(Marks::ITEM) => self.file(spot),
            None => return,
        };
        let marks = &mut self.marks[spot.index()];
        marks.set(Marks::NEEDED, weight.needed);
        marks.set(Marks::HEAVY, weight.within >= LINE);
        let above = &mut self.folders[self.view.spot_above(spot).index()];
        if *above == NONE {
            *above = self.sums.len() as u32;
            self.sums.push(Weight::default());
        }
        self.sums[*above as usize].add(weight);
    }

    fn file(&mut self, spot: Spot) -> Weight {
        let marks = self.marks[spot.index()];
        let needed = marks.has(Marks::KEPT);
        let bytes = match marks.has(Marks::FORBIDDEN) {
            true => FORBIDDEN,
            false => self.content(spot).map_or(0, |(_, bytes)| bytes),
        };
        self.marks[spot.index()].set(Marks::INCLUDE, needed);
        Weight {
            bytes,
            within: if needed { 0 } else { bytes.min(self.line_out) },
            alone: if needed { LINE } else { 0 },
            needed,
        }
    }

    fn folder(&mut self, spot: Spot, below: Weight) -> Weight {
        let marks = &mut self.marks[spot.index()];
        let own = marks.has(Marks::KEPT);
        // A folder that is kept for itself and empty of anything else that is.
        let bare = own && !below.needed;
        let needed = below.needed || own;
        let whole = LINE.saturating_add(below.within);
        let include = bare || whole <= below.alone;
        marks.set(Marks::INCLUDE, include);
        Weight {
            bytes: below.bytes,
            within: if needed { below.within } else { below.bytes.min(self.line_out) },
            alone: match (needed, include) {
                (false, _) => 0,
                (true, true) => whole,
                (true, false) => below.alone,
            },
            needed,
        }
    }

    /// From the root down to the lines.
    fn read(self, excludes: bool) -> Cover {
        let mut out = Cover::default();
        let mut ways = vec![Way::Open; self.view.spots()];
        for place in 1..self.view.spots() {
            let (spot, marks) = (Spot::of_index(place), self.marks[place]);
            let needed = marks.has(Marks::NEEDED);
            ways[place] = match ways[self.view.spot_above(spot).index()] {
                Way::Out => Way::Out,
                Way::Inside if excludes && !needed && marks.has(Marks::HEAVY) => {
                    out.exclude.push(self.view.path_of(spot));
                    Way::Out
                }
                Way::Inside => Way::Inside,
                Way::Open if !needed => Way::Out,
                Way::Open if marks.has(Marks::INCLUDE) => {
                    out.include.push(self.view.path_of(spot));
                    Way::Inside
                }
                Way::Open => Way::Open,
            };
            let is_file = marks.has(Marks::ITEM) && !marks.has(Marks::DIRECTORY);
            if ways[place] == Way::Inside
                && is_file
                && let Some((node, bytes)) = self.content(spot)
            {
                *out.layers.entry(node.layer).or_default() += bytes;
                out.files += 1;
                out.nodes.insert(node);
            }
        }
        out.include.sort();
        out.exclude.sort();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing::{layer, sized};
    use proptest::prelude::*;

    fn of(items: &[(&str, u64, bool, bool)]) -> Cover {
        let view = View::merge(&[layer(items.iter().map(|i| sized(i.0, i.1)).collect())]);
        let item = |i: &(&str, u64, bool, bool)| Item {
            number: view.number_of(&LayerPath::from(i.0)).unwrap(),
            directory: false,
            kept: i.2,
            forbidden: i.3,
        };
        cover(&view, items.iter().map(item), true)
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
