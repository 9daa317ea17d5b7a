//! A layer from its stored bytes to the merged file system.

use crate::Target;
use careen::analyze::Facts;
use careen::image::packages::InstalledPackages;
use careen::image::{ImageLayer, LayerState, View};
use careen::index::LayerIndex;
use careen::layer::walk::{WalkLimits, walk};
use careen::layer::{ContentHash, Entry, EntryKind, Interest, LayerPath, Visitor};
use careen::oci::{DiffId, Digest};
use careen::stream::{Decompress, LimitedReader, Limits};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub const TARGETS: &[(&str, Target)] =
    &[("tar", tar), ("decompress", decompress), ("build", build), ("merge", merge)];

/// Counts what it is shown, against the sizes of the entries.
#[derive(Default)]
struct Count {
    size: u64,
    shown: u64,
}

impl Visitor for Count {
    fn begin(&mut self, entry: &Entry) -> Interest {
        assert!(!entry.path.as_bytes().starts_with(b"/"));
        *self = Self { size: entry.size, shown: 0 };
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.shown += bytes.len() as u64;
    }

    fn pass_over(&mut self, zeros: u64) {
        self.shown += zeros;
    }

    fn end(&mut self) {
        assert_eq!(self.shown, self.size);
    }
}

fn tar(data: &[u8]) -> bool {
    let limits = WalkLimits { entries: 10_000, holes: 1 << 16, ..WalkLimits::default() };
    let mut count = Count::default();
    let _ = walk(&mut &*data, &limits, &mut count);
    true
}

fn decompress(data: &[u8]) -> bool {
    let Ok(inflated) = Decompress::new(data) else { return true };
    let limits = Limits { total: 16 << 20, ratio: 2000 };
    let mut limited =
        LimitedReader::new(inflated, limits, Arc::new(AtomicU64::new(data.len() as u64)));
    let read = io::copy(&mut limited.by_ref().take(32 << 20), &mut io::sink());
    assert!(read.is_err() || read.is_ok_and(|n| n <= limits.total));
    true
}

/// The whole pass, with every analyzer of packages and programs.
fn build(data: &[u8]) -> bool {
    let mut analyzers = careen::analyze::packages::analyzers();
    analyzers.push(Box::new(careen::analyze::elf::ElfAnalyzer::new()));
    analyzers.push(Box::new(careen::analyze::references::ReferenceAnalyzer::new()));
    let settings = careen::index::build::BuildSettings::default();
    let expected = careen::index::build::Expected::default();
    let built =
        careen::index::build::build("l", &mut &*data, &expected, analyzers, &settings, &|_| {});
    if let Err(e) = built {
        let said = e.to_string();
        assert!(!said.contains("careen failed on it"), "{said}");
    }
    true
}

/// Each line is an entry: a letter for its kind, its path, and behind a `>` what it links to. An empty line
/// begins the next layer.
fn merge(data: &[u8]) -> bool {
    let layers: Vec<ImageLayer> =
        data.split(|&b| b == b'\x01').take(8).enumerate().map(|(n, text)| layer(n, text)).collect();
    let view = View::merge(&layers);
    let mut visible = 0;
    for (path, node) in view.iter() {
        assert!((node.layer) < layers.len());
        assert!(view.get(&path).is_some());
        let _ = (view.follow(&path), view.content_of(node), view.bytes_of(node));
        visible += 1;
    }
    assert_eq!(visible, view.len());
    let _ = (view.on_disk_bytes(), InstalledPackages::from_view(&view).len());
    let _ = (careen::image::residue(&view), careen::image::duplicates(&view, 1));
    true
}

fn layer(number: usize, text: &[u8]) -> ImageLayer {
    let entries: Vec<Entry> = text
        .split(|&b| b == b'\n')
        .filter(|line| line.len() > 1)
        .take(200)
        .map(entry)
        .filter(|e| e.path.as_bytes().len() < 4096)
        .collect();
    let index = LayerIndex {
        diff_id: DiffId(Digest::sha256(&[number as u8])),
        tar_bytes: text.len() as u64,
        content_bytes: entries.iter().map(|e| e.size).sum(),
        entries: entries.into_iter().collect(),
        facts: Facts::default(),
        oddities: Vec::new(),
    };
    ImageLayer {
        descriptor: None,
        declared_diff_id: None,
        compressed: None,
        state: LayerState::Indexed(Arc::new(index)),
    }
}

fn entry(line: &[u8]) -> Entry {
    let mut parts = line[1..].splitn(2, |&b| b == b'>');
    let path = LayerPath::new(parts.next().unwrap_or_default());
    let link = parts.next().unwrap_or_default();
    let kind = match line[0] {
        b'd' => EntryKind::Directory,
        b's' => EntryKind::Symlink,
        b'h' => EntryKind::HardLink,
        b'c' => EntryKind::CharDevice,
        b'p' => EntryKind::Fifo,
        _ => EntryKind::File,
    };
    Entry {
        size: if kind == EntryKind::File { u64::from(line[0]) } else { 0 },
        link: match kind {
            EntryKind::Symlink => Some(link.to_vec()),
            EntryKind::HardLink => Some(LayerPath::new(link).as_bytes().to_vec()),
            _ => None,
        },
        content: (kind == EntryKind::File).then(|| ContentHash([line[0]; 32])),
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        device: (kind == EntryKind::CharDevice).then_some((0, 0)),
        capability: None,
        path,
        kind,
    }
}
