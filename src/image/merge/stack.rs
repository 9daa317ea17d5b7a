//! The trees of the layers over each other, as overlayfs shows them: at each path the topmost name is seen;
//! directories are one as far as nothing between them is no directory, a deletion or opaque.
//!
//! All names of all layers lie side by side, sorted by path, and one pass finds for each the first layer
//! above that hides it.

use super::{Below, LayerNode, NONE, Names, NodeKind, Record};
use crate::image::residue::ResidueKind;
use std::cmp::Ordering;

/// A layer that hides what lower layers have at a path and below, and how.
type Hides = (u32, ResidueKind);

/// A path with something that hides what is below it.
struct Frame<'n> {
    path: &'n [u8],
    /// Here and above, one a layer, base first.
    hides: Vec<Hides>,
}

/// The visible records, by path; what became of the others is written into `records`.
pub(super) fn stack(names: &Names, nodes: Vec<LayerNode>, records: &mut [Record]) -> Vec<u32> {
    let mut sorted: Vec<(&[u8], u32)> =
        nodes.iter().enumerate().map(|(n, node)| (names.path(node.path), n as u32)).collect();
    // Stable: at the same path the lower layer stands first.
    sorted.sort_by(|a, b| by_parts(a.0, b.0));
    let mut visible: Vec<(&[u8], u32)> = Vec::with_capacity(nodes.len());
    // Names whose content is another record's.
    let mut links: Vec<(u32, Hides)> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while let Some(&(path, _)) = sorted.get(at) {
        let same = sorted[at..].iter().take_while(|(p, _)| *p == path).count();
        let group = &sorted[at..at + same];
        at += same;
        let node = |(_, number): &(&[u8], u32)| &nodes[*number as usize];
        while frames.last().is_some_and(|f| !is_below(path, f.path)) {
            frames.pop();
        }
        let above = frames.last().map(|f| f.hides.as_slice()).unwrap_or_default();
        for (n, this) in group.iter().map(node).enumerate().filter(|(_, n)| n.record != NONE) {
            let own = group[n + 1..].iter().find_map(|upper| replaces(node(upper), this));
            let hidden = first(own, first_over(above, this.layer));
            let record = this.record;
            let content = records[record as usize].content;
            let Some((by, kind)) = hidden else {
                visible.push((path, record));
                records[content as usize].links += 1;
                continue;
            };
            let now = group.get(group.partition_point(|g| node(g).layer < by)).map(node);
            let now = now.filter(|now| now.layer == by && now.record != NONE);
            let kind = match now {
                Some(now) => replaced_by(names, content, records[now.record as usize].content),
                None => kind,
            };
            records[record as usize].gone = Some((kind, by));
            if content != record {
                links.push((content, (by, kind)));
            }
        }
        if sorted.get(at).is_some_and(|(next, _)| is_below(next, path)) {
            let own: Vec<Hides> = group.iter().filter_map(|g| hides_below(node(g))).collect();
            let hides = both(above, &own);
            if hides.len() > above.len() {
                frames.push(Frame { path, hides });
            }
        }
    }
    visible.sort_by(|a, b| a.0.cmp(b.0));
    count(&visible, links, records);
    visible.into_iter().map(|(_, record)| record).collect()
}

/// Where the content of each file is counted, and what took the last name of a file away.
fn count(visible: &[(&[u8], u32)], links: Vec<(u32, Hides)>, records: &mut [Record]) {
    // Bytes are counted where the file itself stands, else at the first of its names.
    for &(_, record) in visible.iter().rev() {
        let content = &mut records[records[record as usize].content as usize];
        if content.gone.is_some() {
            content.counted_at = record;
        }
    }
    for (content, (by, kind)) in links {
        let content = &mut records[content as usize];
        if content.links == 0 && content.gone.is_some_and(|(_, at)| at < by) {
            content.gone = Some((kind, by));
        }
    }
}

/// A replacement with the same content changes only metadata.
fn replaced_by(names: &Names, before: u32, now: u32) -> ResidueKind {
    let content = |record: u32| names.entries[record as usize].content;
    match (content(before), content(now)) {
        (Some(a), Some(b)) if a == b => ResidueKind::MetadataOnly,
        _ => ResidueKind::Overwritten,
    }
}

/// Whether a name of a higher layer takes the place of one at the same path, and how.
fn replaces(upper: &LayerNode, node: &LayerNode) -> Option<Hides> {
    let kind = match (upper.kind, node.kind) {
        (NodeKind::Whiteout, _) => ResidueKind::Deleted,
        // An implied directory says nothing of the one below it.
        (NodeKind::Directory(_), NodeKind::Directory(_)) if upper.record == NONE => return None,
        _ => ResidueKind::Overwritten,
    };
    Some((upper.layer, kind))
}

/// What a name does to what lower layers have below it.
fn hides_below(node: &LayerNode) -> Option<Hides> {
    let kind = match node.kind {
        NodeKind::Directory(Below::Merges) => return None,
        NodeKind::Directory(Below::Opaque) => ResidueKind::Opaque,
        NodeKind::Directory(Below::Deleted) | NodeKind::Whiteout => ResidueKind::Deleted,
        NodeKind::Symlink | NodeKind::Other => ResidueKind::Overwritten,
    };
    Some((node.layer, kind))
}

fn first_over(hides: &[Hides], layer: u32) -> Option<Hides> {
    hides.get(hides.partition_point(|(l, _)| *l <= layer)).copied()
}

/// The lower layer's; at the same layer the name's own.
fn first(own: Option<Hides>, above: Option<Hides>) -> Option<Hides> {
    match (own, above) {
        (Some(own), Some(above)) => Some(if above.0 < own.0 { above } else { own }),
        (own, above) => own.or(above),
    }
}

/// Two sorted lists as one; of the same layer the outer counts.
fn both(outer: &[Hides], inner: &[Hides]) -> Vec<Hides> {
    let mut all = [outer, inner].concat();
    all.sort_by_key(|(layer, _)| *layer);
    all.dedup_by_key(|(layer, _)| *layer);
    all
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    directory.is_empty() && !path.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// A slash before every other byte, so that all that is below a directory follows it at once.
fn by_parts(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    match a.iter().zip(b).position(|(x, y)| x != y) {
        Some(at) => rank(a[at]).cmp(&rank(b[at])),
        None => a.len().cmp(&b.len()),
    }
}
