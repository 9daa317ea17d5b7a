//! The final file system of an image: what overlayfs shows of its layers, each unpacked into a folder of its
//! own (Docker's overlay2, containerd's overlayfs snapshotter, Podman), each entry with the layer that
//! brought it.
//!
//! Holds no content and no opinion.

use super::merge::{Merged, Record, Refusal, merge};
use super::{ImageLayer, LayerState};
use crate::index::LayerIndex;
use crate::layer::{Entry, EntryKind, LONGEST_PATH, LayerPath};
use std::sync::Arc;

/// Symlinks followed for one path, as Linux has it (`MAXSYMLINKS`).
const MAX_HOPS: usize = 40;

/// Parts that are walked for one path, those of its links included: as many as the longest path has twice.
const MAX_PARTS: usize = 4096;

/// Bytes of a path that cost a step more.
const COST_OF_BYTES: u64 = 128;

/// One entry of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Place in `ReadImage::layers`, base 0.
    pub layer: usize,
    /// Place in `LayerIndex::entries`.
    pub entry: u32,
}

/// The merged layers.
pub struct View {
    layers: Vec<Option<Arc<LayerIndex>>>,
    pub(super) merged: Merged,
    on_disk: Vec<u64>,
}

/// Where a path leads, and the parts of it that are not there.
struct Led<'a> {
    at: LayerPath,
    missing: Vec<&'a [u8]>,
}

impl View {
    /// Merges the layers, base first. A layer that was not looked at changes nothing: what it hides
    /// stays visible.
    pub fn merge(layers: &[ImageLayer]) -> Self {
        let layers: Vec<_> = layers
            .iter()
            .map(|l| match &l.state {
                LayerState::Indexed(index) => Some(index.clone()),
                LayerState::NotLookedAt { .. } => None,
            })
            .collect();
        let merged = merge(&layers);
        let mut view = Self { on_disk: vec![0; layers.len()], layers, merged };
        let mut on_disk = vec![0u64; view.layers.len()];
        for &number in &view.merged.visible {
            let bytes = view.bytes_at(number);
            let content = view.node(view.record(number).content);
            if let Some(sum) = on_disk.get_mut(content.layer) {
                *sum = sum.saturating_add(bytes);
            }
        }
        view.on_disk = on_disk;
        view
    }

    /// The entry at a path as it stands: symlinks are not followed. `None` also for a directory that
    /// no layer names and that is only implied by what is in it.
    pub fn get(&self, path: &LayerPath) -> Option<Node> {
        self.number_at(path.as_bytes()).map(|r| self.node(r))
    }

    /// What the layer's tar says of it. A hard link's entry has neither size nor content: see
    /// [`View::content_of`].
    pub fn entry(&self, node: Node) -> &Entry {
        self.index(node.layer)
            .and_then(|l| l.entries.get(node.entry as usize))
            .expect("a node of this view names an entry of its layers")
    }

    /// All visible entries, by the bytes of the path where they landed (an entry `lib/x` below a
    /// symlink `lib -> usr/lib` of the same layer lands at `usr/lib/x`).
    pub fn iter(&self) -> impl Iterator<Item = (&LayerPath, Node)> {
        self.merged.visible.iter().map(|&r| (self.landed(r), self.node(r)))
    }

    /// Entries directly in a directory, by name.
    pub fn children(&self, dir: &LayerPath) -> impl Iterator<Item = (&LayerPath, Node)> {
        let mut prefix = dir.as_bytes().to_vec();
        if !dir.is_root() {
            prefix.push(b'/');
        }
        let visible = &self.merged.visible;
        let mut at = visible.partition_point(|&r| self.landed(r).as_bytes() < prefix.as_slice());
        // The root stands before its children.
        if dir.is_root() && visible.first().is_some_and(|&r| self.landed(r).is_root()) {
            at = 1;
        }
        std::iter::from_fn(move || {
            loop {
                let record = *visible.get(at)?;
                let path = self.landed(record);
                let name = path.as_bytes().strip_prefix(prefix.as_slice())?;
                match memchr::memchr(b'/', name) {
                    None => {
                        at += 1;
                        return Some((path, self.node(record)));
                    }
                    // Over all that is below the child: `0` follows `/`.
                    Some(end) => {
                        let mut beyond = path.as_bytes()[..prefix.len() + end].to_vec();
                        beyond.push(b'0');
                        at += visible[at..]
                            .partition_point(|&r| self.landed(r).as_bytes() < beyond.as_slice());
                    }
                }
            }
        })
    }

    /// Visible entries at or below a path, by path.
    pub fn within(&self, dir: &LayerPath) -> impl Iterator<Item = (&LayerPath, Node)> {
        let visible = &self.merged.visible;
        let own = self.get(dir).map(|n| (n, dir.is_root()));
        let mut prefix = dir.as_bytes().to_vec();
        if !dir.is_root() {
            prefix.push(b'/');
        }
        let from = visible.partition_point(|&r| self.landed(r).as_bytes() < prefix.as_slice());
        let head = own.filter(|(_, root)| !root).map(|(n, _)| (self.path(n), n));
        head.into_iter().chain(
            visible[from..]
                .iter()
                .map(|&r| (self.landed(r), self.node(r)))
                .take_while(move |(p, _)| p.as_bytes().starts_with(&prefix)),
        )
    }

    /// The path where a node landed.
    pub fn path(&self, node: Node) -> &LayerPath {
        match self.number(node) {
            Some(n) => self.landed(n),
            None => &self.entry(node).path,
        }
    }

    /// Resolves a path as a process in the container would: symlinks in every part, the last one
    /// included, at most 40. `None` if nothing is there.
    pub fn follow(&self, path: &LayerPath) -> Option<(LayerPath, Node)> {
        let mut steps = u64::MAX;
        let led = self.lead(path, &mut steps)?;
        if !led.missing.is_empty() {
            return None;
        }
        let node = self.get(&led.at)?;
        Some((led.at, node))
    }

    /// Where a path would really lie: symlinks in every part followed as far as something is there, the rest
    /// as written. `steps` is what may be spent on it, one for each part and more for long ones; with none left
    /// the path comes back as it is.
    pub fn real(&self, path: &LayerPath, steps: &mut u64) -> LayerPath {
        match self.lead(path, steps) {
            Some(Led { at, missing }) if !missing.is_empty() => at.join(&missing.join(&b'/')),
            Some(led) => led.at,
            None => path.clone(),
        }
    }

    /// Follows a path part by part. `None` where links lead round, or too far, or the steps are spent.
    fn lead<'a>(&'a self, path: &'a LayerPath, steps: &mut u64) -> Option<Led<'a>> {
        if path.as_bytes().len() > LONGEST_PATH {
            return None;
        }
        let mut at: Vec<u8> = Vec::with_capacity(path.as_bytes().len());
        let mut missing: Vec<&[u8]> = Vec::new();
        let mut todo = vec![path.as_bytes()];
        let (mut hops, mut parts) = (0, 0);
        while let Some(rest) = todo.pop() {
            let (part, rest) = match memchr::memchr(b'/', rest) {
                Some(i) => (&rest[..i], &rest[i + 1..]),
                None => (rest, &b""[..]),
            };
            if !rest.is_empty() {
                todo.push(rest);
            }
            parts += 1;
            // Deep paths are compared over their whole length.
            let cost = 1 + at.len() as u64 / COST_OF_BYTES;
            *steps = steps.saturating_sub(cost);
            if *steps == 0 {
                return None;
            }
            if parts > MAX_PARTS {
                return None;
            }
            match part {
                b"" | b"." => continue,
                b".." => {
                    if missing.pop().is_none() {
                        at.truncate(memchr::memrchr(b'/', &at).unwrap_or(0));
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
            let before = at.len();
            if before > 0 {
                at.push(b'/');
            }
            at.extend_from_slice(part);
            let Some(found) = self.number_at(&at) else {
                if !self.is_above(&mut at) {
                    at.truncate(before);
                    missing.push(part);
                }
                continue;
            };
            let content = self.entry(self.node(self.record(found).content));
            if content.kind == EntryKind::Symlink {
                hops += 1;
                let target = content.link.as_deref().unwrap_or_default();
                if hops > MAX_HOPS || target.len() > LONGEST_PATH {
                    return None;
                }
                at.truncate(if target.starts_with(b"/") { 0 } else { before });
                todo.push(target);
            }
        }
        Some(Led { at: LayerPath::new(&at), missing })
    }

    /// The record that stands at a path.
    fn number_at(&self, path: &[u8]) -> Option<u32> {
        let visible = &self.merged.visible;
        let i = visible.binary_search_by(|&r| self.landed(r).as_bytes().cmp(path)).ok()?;
        visible.get(i).copied()
    }

    /// Whether anything lies below a path. It comes back as it was.
    fn is_above(&self, path: &mut Vec<u8>) -> bool {
        let visible = &self.merged.visible;
        path.push(b'/');
        let first = visible.partition_point(|&r| self.landed(r).as_bytes() < path.as_slice());
        let above = visible.get(first);
        let above = above.is_some_and(|&r| self.landed(r).as_bytes().starts_with(path));
        path.pop();
        above
    }

    /// The entry that holds a node's content: the file that a hard link names, else itself. `None`
    /// for a hard link to nothing.
    pub fn content_of(&self, node: Node) -> Option<Node> {
        let content = self.node(self.record(self.number(node)?).content);
        (self.entry(content).kind != EntryKind::HardLink).then_some(content)
    }

    /// Bytes that the node takes on disk: a file's size; 0 for any other kind, and for a hard link to
    /// a file that is counted at another of its names.
    pub fn bytes_of(&self, node: Node) -> u64 {
        self.number(node).map_or(0, |n| self.bytes_at(n))
    }

    pub fn index(&self, layer: usize) -> Option<&LayerIndex> {
        self.layers.get(layer)?.as_deref()
    }

    /// How many layers there are, looked at or not.
    pub fn layer_count(&self) -> usize {
        self.layers.len()
    }

    /// Bytes of all visible files, each counted once however many names it has.
    pub fn on_disk_bytes(&self) -> u64 {
        self.on_disk.iter().fold(0, |a, &b| a.saturating_add(b))
    }

    /// Bytes of the visible files whose content this layer holds.
    pub fn on_disk_of_layer(&self, layer: usize) -> u64 {
        self.on_disk.get(layer).copied().unwrap_or(0)
    }

    /// Number of visible entries.
    pub fn len(&self) -> usize {
        self.merged.visible.len()
    }

    pub fn is_empty(&self) -> bool {
        self.merged.visible.is_empty()
    }

    /// What makes runtimes refuse to unpack a layer: of each layer and reason the first entry, and how many
    /// entries there are.
    pub fn refused(&self) -> impl Iterator<Item = (Node, Refusal, u32)> {
        self.merged.refused.iter().map(|r| (self.node(r.record), r.why, r.count))
    }

    pub(super) fn record(&self, number: u32) -> &Record {
        &self.merged.records[number as usize]
    }

    pub(super) fn number(&self, node: Node) -> Option<u32> {
        let entries = &self.index(node.layer)?.entries;
        let start = *self.merged.starts.get(node.layer)?;
        ((node.entry as usize) < entries.len()).then(|| start + node.entry)
    }

    pub(super) fn node(&self, number: u32) -> Node {
        let layer = self.merged.starts.partition_point(|&s| s <= number) - 1;
        Node { layer, entry: number - self.merged.starts[layer] }
    }

    /// Where an entry landed.
    pub(super) fn landed(&self, number: u32) -> &LayerPath {
        if !self.merged.moved.is_empty()
            && let Some(path) = self.merged.moved.get(&number)
        {
            return path;
        }
        &self.entry(self.node(number)).path
    }

    fn bytes_at(&self, number: u32) -> u64 {
        let content = self.record(number).content;
        if self.record(number).gone.is_some() || self.record(content).counted_at != number {
            return 0;
        }
        let entry = self.entry(self.node(content));
        if entry.is_file() { entry.size } else { 0 }
    }
}
