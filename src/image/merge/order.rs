//! The places of a tree in the order of the bytes of their paths, folder by folder.

use crate::image::layers::Layers;
use crate::image::tree::{ROOT, Tree};
use std::cmp::Ordering;

/// Marks what is in a folder, as against the folder itself: between `a` and `a/x` comes `a-b`.
const INSIDE: u32 = 1 << 31;

/// One thing that is met on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// A place.
    Place(u32),
    /// What is in a folder follows.
    Enter(u32),
    /// That was all that is in the folder that was entered last.
    Leave,
}

/// Walks a whole tree; the root comes first.
pub(super) struct Order<'t> {
    layers: &'t Layers,
    tree: &'t Tree,
    /// What is in each folder side by side.
    list: Vec<u32>,
    /// Where that of each place begins; one more at the end.
    starts: Vec<u32>,
    /// Of the folders that are entered, what is left of each.
    open: Vec<(u32, u32)>,
    begun: bool,
}

impl<'t> Order<'t> {
    pub fn new(layers: &'t Layers, tree: &'t Tree) -> Self {
        let places = tree.len() as u32;
        // How many each folder has; a folder that has some stands twice itself.
        let mut starts = vec![0u32; places as usize + 1];
        for place in 1..places {
            starts[tree.parent(place) as usize] += 1;
        }
        let is_full: Vec<bool> = starts.iter().map(|n| *n > 0).collect();
        for place in 1..places {
            if is_full[place as usize] {
                starts[tree.parent(place) as usize] += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        // From behind, so that each start ends up where it begins.
        let mut list = vec![0u32; sum as usize];
        let mut put = |folder: u32, what: u32| {
            let start = &mut starts[folder as usize];
            *start -= 1;
            list[*start as usize] = what;
        };
        for place in (1..places).rev() {
            if is_full[place as usize] {
                put(tree.parent(place), place | INSIDE);
            }
            put(tree.parent(place), place);
        }
        Self { layers, tree, list, starts, open: Vec::new(), begun: false }
    }

    fn enter(&mut self, folder: u32) -> Met {
        let (from, to) = (self.starts[folder as usize], self.starts[folder as usize + 1]);
        let (layers, tree) = (self.layers, self.tree);
        self.list[from as usize..to as usize]
            .sort_unstable_by(|&a, &b| by_name(layers, tree, a, b));
        self.open.push((from, to));
        Met::Enter(folder)
    }
}

fn by_name(layers: &Layers, tree: &Tree, a: u32, b: u32) -> Ordering {
    let (x, y) = (tree.name(layers, a & !INSIDE), tree.name(layers, b & !INSIDE));
    let shared = x.len().min(y.len());
    x[..shared].cmp(&y[..shared]).then_with(|| {
        // A slash follows the name of a folder whose inside is meant.
        let next = |name: &[u8], what: u32| match name.get(shared) {
            Some(byte) => Some(*byte),
            None => (what & INSIDE != 0).then_some(b'/'),
        };
        next(x, a).cmp(&next(y, b))
    })
}

impl Iterator for Order<'_> {
    type Item = Met;

    fn next(&mut self) -> Option<Met> {
        if !self.begun {
            self.begun = true;
            return Some(Met::Place(ROOT));
        }
        let Some((from, to)) = self.open.last_mut() else {
            // The root has been told, and nothing is entered: either the first step or the last.
            return match self.starts.is_empty() {
                true => None,
                false => Some(self.enter(ROOT)),
            };
        };
        if from == to {
            self.open.pop();
            if self.open.is_empty() {
                self.starts.clear();
            }
            return Some(Met::Leave);
        }
        let what = self.list[*from as usize];
        *from += 1;
        Some(match what & INSIDE {
            0 => Met::Place(what),
            _ => self.enter(what & !INSIDE),
        })
    }
}
