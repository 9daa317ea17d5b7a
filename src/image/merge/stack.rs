//! The trees of the layers over each other, as overlayfs shows them: at each path the topmost name is seen;
//! directories are one as far as nothing between them is no directory, a deletion or opaque.
//!
//! One walk over the names of all layers finds for each the first layer above that hides it.

use super::order::{Met, Order};
use super::standing::{Below, Kind, Stand, Standing};
use crate::image::layers::Layers;
use crate::image::records::{Hides, NONE, Records};
use crate::image::tree::Tree;
use crate::image::waste::ResidueKind;

/// The visible records, by path; what became of the others is written into `records`.
pub(super) fn stack(
    layers: &Layers,
    tree: &Tree,
    standing: Standing,
    records: &mut Records,
) -> Vec<u32> {
    let mut visible = Vec::with_capacity(layers.total());
    // Names whose content is another record's.
    let mut links: Vec<(u32, Hides)> = Vec::new();
    // What hides the insides of the folders that are entered: how deep each lies, and in which layers, base
    // first, it or one above it does.
    let mut frames: Vec<(usize, Vec<Hides>)> = Vec::new();
    let mut depth = 0;
    let mut group: Vec<(u32, Stand)> = Vec::new();
    for met in Order::new(layers, tree) {
        let above = frames.last().map(|(_, hides)| hides.as_slice()).unwrap_or_default();
        match met {
            Met::Place(place) => {
                standing.at(place, &mut group);
                for n in 0..group.len() {
                    if group[n].1.record == NONE {
                        continue;
                    }
                    match hidden(&group, n, above) {
                        None => {
                            visible.push(group[n].1.record);
                            records.see(group[n].1.record);
                        }
                        Some(by) => links.extend(hide(layers, records, &group, n, by)),
                    }
                }
            }
            Met::Enter(folder) => {
                depth += 1;
                standing.at(folder, &mut group);
                let own: Vec<Hides> = group.iter().filter_map(hides_below).collect();
                let hides = both(above, &own);
                if let Some(hides) = hides.filter(|hides| hides.len() > above.len()) {
                    frames.push((depth, hides));
                }
            }
            Met::Leave => {
                frames.pop_if(|(at, _)| *at == depth);
                depth -= 1;
            }
        }
    }
    drop(standing);
    visible.shrink_to_fit();
    records.count(&visible, links);
    visible
}

/// What hides one of those that stand at a place.
fn hidden(group: &[(u32, Stand)], n: usize, above: &[Hides]) -> Option<Hides> {
    let own = group[n + 1..].iter().find_map(|upper| replaces(upper, &group[n].1));
    first(own, first_over(above, group[n].0))
}

/// Writes down how one went; with the content, if that is another record's.
fn hide(
    layers: &Layers,
    records: &mut Records,
    group: &[(u32, Stand)],
    n: usize,
    (by, kind): Hides,
) -> Option<(u32, Hides)> {
    let record = group[n].1.record;
    let content = records.content(record);
    let now = group.get(group.partition_point(|(layer, _)| *layer < by));
    let now = now.filter(|(layer, now)| *layer == by && now.record != NONE);
    let kind = match now {
        Some((_, now)) => replaced_by(layers, content, records.content(now.record)),
        None => kind,
    };
    records.hide(record, (by, kind));
    (content != record).then_some((content, (by, kind)))
}

/// A replacement with the same content changes only metadata.
fn replaced_by(layers: &Layers, before: u32, now: u32) -> ResidueKind {
    match (layers.entry(before).content(), layers.entry(now).content()) {
        (Some(a), Some(b)) if a == b => ResidueKind::MetadataOnly,
        _ => ResidueKind::Overwritten,
    }
}

/// Whether a name of a higher layer takes the place of one at the same path, and how.
fn replaces((layer, upper): &(u32, Stand), lower: &Stand) -> Option<Hides> {
    let kind = match (upper.kind, lower.kind) {
        (Kind::Whiteout, _) => ResidueKind::Deleted,
        // An implied directory says nothing of the one below it.
        (Kind::Directory(_), Kind::Directory(_)) if upper.record == NONE => return None,
        _ => ResidueKind::Overwritten,
    };
    Some((*layer, kind))
}

/// What a name does to what lower layers have below it.
fn hides_below((layer, stand): &(u32, Stand)) -> Option<Hides> {
    let kind = match stand.kind {
        Kind::Directory(Below::Merges) => return None,
        Kind::Directory(Below::Opaque) => ResidueKind::Opaque,
        Kind::Directory(Below::Deleted) | Kind::Whiteout => ResidueKind::Deleted,
        Kind::Symlink | Kind::Other => ResidueKind::Overwritten,
    };
    Some((*layer, kind))
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

/// Two sorted lists as one; of the same layer the outer counts. `None` where the inner one adds nothing.
fn both(outer: &[Hides], inner: &[Hides]) -> Option<Vec<Hides>> {
    if inner.is_empty() {
        return None;
    }
    let mut all = [outer, inner].concat();
    all.sort_by_key(|(layer, _)| *layer);
    all.dedup_by_key(|(layer, _)| *layer);
    Some(all)
}
