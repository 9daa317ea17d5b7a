//! Layers from a few words, for tests of everything that works on indexes.

use super::{ImageFacts, ImageLayer, LayerState, ReadImage};
use crate::analyze::Facts;
use crate::index::LayerIndex;
use crate::layer::{ContentHash, Entry, EntryKind, LayerPath};
use crate::oci::{DiffId, Digest};
use crate::source::FoundImage;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An entry of any kind but a file.
pub fn entry(path: &str, kind: EntryKind, link: Option<&str>) -> Entry {
    Entry {
        path: LayerPath::from(path),
        kind,
        size: 0,
        mode: if kind == EntryKind::Directory { 0o755 } else { 0o644 },
        uid: 0,
        gid: 0,
        mtime: 0,
        link: link.map(|l| match kind {
            EntryKind::HardLink => LayerPath::from(l).as_bytes().to_vec(),
            _ => l.as_bytes().to_vec(),
        }),
        device: None,
        capability: None,
        content: None,
    }
}

/// A file with this content.
pub fn file(path: &str, content: &[u8]) -> Entry {
    Entry {
        size: content.len() as u64,
        content: Some(ContentHash(*blake3::hash(content).as_bytes())),
        ..entry(path, EntryKind::File, None)
    }
}

/// A file of this many bytes; its content differs from that of any other path or size.
pub fn sized(path: &str, size: u64) -> Entry {
    let name = format!("{path} {size}");
    Entry {
        size,
        content: Some(ContentHash(*blake3::hash(name.as_bytes()).as_bytes())),
        ..entry(path, EntryKind::File, None)
    }
}

pub fn dir(path: &str) -> Entry {
    entry(path, EntryKind::Directory, None)
}

pub fn symlink(path: &str, target: &str) -> Entry {
    entry(path, EntryKind::Symlink, Some(target))
}

pub fn hard_link(path: &str, target: &str) -> Entry {
    entry(path, EntryKind::HardLink, Some(target))
}

/// The index of a layer with these entries.
pub fn index(entries: Vec<Entry>) -> LayerIndex {
    LayerIndex {
        diff_id: DiffId(Digest::sha256(format!("{entries:?}").as_bytes())),
        tar_bytes: 1024 * (entries.len() as u64 + 1),
        content_bytes: entries.iter().map(|e| e.size).sum(),
        entries: entries.into_iter().collect(),
        facts: Facts::default(),
        oddities: Vec::new(),
    }
}

/// A layer whose declared diff id is right and whose compressed form takes half its content.
pub fn layer_of(index: LayerIndex) -> ImageLayer {
    ImageLayer {
        descriptor: None,
        declared_diff_id: Some(index.diff_id),
        compressed: Some(index.content_bytes / 2),
        state: LayerState::Indexed(Arc::new(index)),
    }
}

pub fn layer(entries: Vec<Entry>) -> ImageLayer {
    layer_of(index(entries))
}

/// A layer with facts.
pub fn indexed(entries: Vec<Entry>, facts: Facts) -> ImageLayer {
    layer_of(LayerIndex { facts, ..index(entries) })
}

/// An image of these layers that says nothing of itself.
pub fn image(layers: Vec<ImageLayer>) -> ReadImage {
    let found = FoundImage {
        reference: "r".into(),
        digest: None,
        platform: crate::oci::Platform::host(),
        manifest_raw: None,
        config_raw: Vec::new(),
        config: Default::default(),
        layers: Vec::new(),
        annotations: BTreeMap::new(),
        pinned: false,
        is_local: false,
        remarks: Vec::new(),
        repeated: Vec::new(),
    };
    ReadImage { found, layers }
}

/// All that is known of an image of these layers that says nothing else.
pub fn facts_of(layers: Vec<ImageLayer>) -> ImageFacts {
    ImageFacts::new(image(layers), &[])
}
