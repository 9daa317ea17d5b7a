//! Bytes that are downloaded with the image and that the final file system does not show, and where
//! the same content stands twice.
//!
//! Conservation: the content of all layers = bytes on disk + residue.

use super::view::{Node, View};
use crate::layer::{ContentHash, LayerPath};
use std::collections::BTreeMap;

/// How bytes of a layer went out of sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResidueKind {
    /// Removed by a whiteout, or its directory was. Also the bytes of an entry that no runtime
    /// unpacks (a whiteout marker with content): hidden by its own layer.
    Deleted,
    /// Replaced by another entry, or below a directory that was.
    Overwritten,
    /// Replaced by the same content: only the owner, mode or time changed. The earlier copy is the
    /// hidden one.
    MetadataOnly,
    /// Below a directory that was made opaque.
    Opaque,
    /// Replaced within its own layer.
    DuplicateEntry,
}

/// A file whose content is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residue {
    /// Where it had landed.
    pub path: LayerPath,
    pub node: Node,
    pub bytes: u64,
    pub kind: ResidueKind,
    /// The layer that hides it (took its last name away).
    pub hidden_by: usize,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// It stands in the final file system, or another name of the same file does.
    Visible,
    Overwritten {
        by: usize,
    },
    DeletedLater {
        by: usize,
    },
    HiddenByOpaque {
        by: usize,
    },
}

/// The same content at several visible paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Bytes of one copy.
    pub bytes: u64,
    /// Two or more, by path. Hard links to one file count as one copy: the path that is counted.
    pub nodes: Vec<Node>,
}

/// All hidden files, the largest first.
pub fn residue(view: &View) -> Vec<Residue> {
    let mut out = Vec::new();
    for layer in 0..view.layer_count() {
        let Some(index) = view.index(layer) else {
            continue;
        };
        for (number, entry) in index.entries.iter().enumerate() {
            if !entry.is_file() || entry.size == 0 {
                continue;
            }
            let node = Node { layer, entry: number as u32 };
            if let Some((kind, by)) = view.gone(node) {
                out.push(Residue {
                    path: view.path(node),
                    node,
                    bytes: entry.size,
                    kind,
                    hidden_by: by as usize,
                });
            }
        }
    }
    out.sort_by(|a, b| {
        (b.bytes, a.node.layer).cmp(&(a.bytes, b.node.layer)).then_with(|| a.path.cmp(&b.path))
    });
    out
}

/// Files of at least `floor` bytes whose content stands at several visible paths, the most wasteful
/// first.
pub fn duplicates(view: &View, floor: u64) -> Vec<Duplicate> {
    // By the first half of the hash: nearly always enough to tell that two differ.
    let mut halves: Vec<([u32; 2], u32)> = Vec::new();
    let content = |number: u32| view.content_of(view.node_at(number)).map(|n| view.entry(n));
    for number in 0..view.len() as u32 {
        if view.bytes_of(view.node_at(number)) < floor.max(1) {
            continue;
        }
        if let Some(hash) = content(number).and_then(|e| e.content()) {
            let [a, b] =
                [0, 4].map(|at| hash.0[at..at + 4].try_into().map_or(0, u32::from_be_bytes));
            halves.push(([a, b], number));
        }
    }
    halves.sort_unstable();
    let mut out = Vec::new();
    for alike in halves.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
        let mut by_content: BTreeMap<ContentHash, Vec<Node>> = BTreeMap::new();
        for &(_, number) in alike {
            if let Some(hash) = content(number).and_then(|e| e.content()) {
                by_content.entry(hash).or_default().push(view.node_at(number));
            }
        }
        let copies = by_content.into_values().filter(|copies| copies.len() > 1);
        out.extend(copies.map(|nodes| Duplicate { bytes: view.bytes_of(nodes[0]), nodes }));
    }
    let spare = |d: &Duplicate| d.bytes.saturating_mul(d.nodes.len() as u64 - 1);
    out.sort_by(|a, b| {
        spare(b).cmp(&spare(a)).then_with(|| view.path(a.nodes[0]).cmp(&view.path(b.nodes[0])))
    });
    out
}

/// What became of an entry of a layer that was looked at; of any other, `Visible`.
pub fn state_of(view: &View, node: Node) -> EntryState {
    match view.gone(node) {
        None => EntryState::Visible,
        Some((kind, by)) => {
            let by = by as usize;
            match kind {
                ResidueKind::Deleted => EntryState::DeletedLater { by },
                ResidueKind::Opaque => EntryState::HiddenByOpaque { by },
                ResidueKind::Overwritten
                | ResidueKind::MetadataOnly
                | ResidueKind::DuplicateEntry => EntryState::Overwritten { by },
            }
        }
    }
}
