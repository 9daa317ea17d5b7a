//! Ways over the paths of a view: all of them in order, and the one that a process would go.

use super::tree::ROOT;
use super::view::{Node, Spot, View};
use crate::layer::{EntryKind, LONGEST_PATH, LayerPath, split_first};
use std::ops::Range;

/// Symlinks followed for one path, as Linux has it (`MAXSYMLINKS`).
const MAX_HOPS: usize = 40;

/// Parts that are walked for one path, those of its links included: as many as the longest path has twice.
const MAX_PARTS: usize = 4096;

/// Entries of a view with their paths, in order.
pub struct Paths<'a> {
    view: &'a View,
    numbers: Range<usize>,
    /// The folder of the entry before and its path, with a slash behind it: the next one mostly lies in it.
    folder: u32,
    path: Vec<u8>,
    length: usize,
}

impl<'a> Paths<'a> {
    pub(super) fn new(view: &'a View, numbers: Range<usize>) -> Self {
        Self { view, numbers, folder: ROOT, path: Vec::new(), length: 0 }
    }
}

impl Iterator for Paths<'_> {
    type Item = (LayerPath, Node);

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.numbers.next()? as u32;
        let view = self.view;
        let folder = view.tree.parent(view.place_at(number));
        if folder != self.folder {
            self.folder = folder;
            self.path.clear();
            view.tree.write_path(&view.layers, folder, &mut self.path);
            if folder != ROOT {
                self.path.push(b'/');
            }
            self.length = self.path.len();
        }
        self.path.truncate(self.length);
        self.path.extend_from_slice(view.name_at(number));
        Some((LayerPath::of_clean(self.path.clone()), view.node_at(number)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.numbers.size_hint()
    }
}

impl ExactSizeIterator for Paths<'_> {}

/// Where a path leads, and the parts of it that are not there.
struct Led<'a> {
    at: Spot,
    missing: Vec<&'a [u8]>,
}

impl View {
    /// Resolves a path as a process in the container would: symlinks in every part, the last one
    /// included, at most 40. `None` if nothing is there.
    pub fn follow(&self, path: &LayerPath) -> Option<(LayerPath, Node)> {
        let mut steps = u64::MAX;
        let led = self.lead(path, &mut steps)?;
        if !led.missing.is_empty() {
            return None;
        }
        let node = self.node_at(self.number_at(led.at)?);
        Some((self.path_of(led.at), node))
    }

    /// Where a path would really lie: symlinks in every part followed as far as something is there, the rest
    /// as written. `steps` is what may be spent on it, one for each part; with none left the path comes back
    /// as it is.
    pub fn real(&self, path: &LayerPath, steps: &mut u64) -> LayerPath {
        match self.lead(path, steps) {
            Some(Led { at, missing }) if !missing.is_empty() => {
                self.path_of(at).join(&missing.join(&b'/'))
            }
            Some(led) => self.path_of(led.at),
            None => path.clone(),
        }
    }

    /// Follows a path part by part. `None` where links lead round, or too far, or the steps are spent.
    fn lead<'a>(&'a self, path: &'a LayerPath, steps: &mut u64) -> Option<Led<'a>> {
        if path.as_bytes().len() > LONGEST_PATH {
            return None;
        }
        let mut at = self.root_spot();
        let mut missing: Vec<&[u8]> = Vec::new();
        let mut todo = vec![path.as_bytes()];
        let (mut hops, mut parts) = (0, 0);
        while let Some(rest) = todo.pop() {
            let (part, rest) = split_first(rest);
            if !rest.is_empty() {
                todo.push(rest);
            }
            parts += 1;
            *steps = steps.saturating_sub(1);
            if *steps == 0 || parts > MAX_PARTS {
                return None;
            }
            match part {
                b"" | b"." => continue,
                b".." => {
                    if missing.pop().is_none() {
                        at = self.spot_above(at);
                    }
                    continue;
                }
                // Below nothing there is no link.
                part if !missing.is_empty() => {
                    missing.push(part);
                    continue;
                }
                _ => {}
            }
            let Some(found) = self.spot_in(at, part) else {
                missing.push(part);
                continue;
            };
            let node = self.number_at(found).map(|number| self.node_at(number));
            let content = node.map(|node| self.entry(self.content_of(node).unwrap_or(node)));
            match content.filter(|content| content.kind == EntryKind::Symlink) {
                Some(link) => {
                    hops += 1;
                    let target = link.link().unwrap_or_default();
                    if hops > MAX_HOPS || target.len() > LONGEST_PATH {
                        return None;
                    }
                    if target.starts_with(b"/") {
                        at = self.root_spot();
                    }
                    todo.push(target);
                }
                None => at = found,
            }
        }
        Some(Led { at, missing })
    }
}
