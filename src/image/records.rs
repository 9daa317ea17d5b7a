//! What became of each entry of each layer: one number for most, more beside them for hard links.

use super::waste::ResidueKind;
use std::collections::HashMap;

/// No place, no record.
pub(super) const NONE: u32 = u32::MAX;

/// Bits for the kind of a residue; the layer stands above them.
const KIND_BITS: u32 = 3;
const KINDS: [ResidueKind; 5] = [
    ResidueKind::Deleted,
    ResidueKind::Overwritten,
    ResidueKind::MetadataOnly,
    ResidueKind::Opaque,
    ResidueKind::DuplicateEntry,
];

/// A layer that hides what lower layers have, and how.
pub(super) type Hides = (u32, ResidueKind);

/// By the numbers of the records.
#[derive(Default)]
pub(super) struct Records {
    /// How it went and the layer that did it; [`NONE`] while it is visible.
    gone: Vec<u32>,
    /// Where it landed in the tree; [`NONE`] for what no runtime unpacks.
    places: Vec<u32>,
    /// Hard links and the record that holds the content of each, by the link.
    contents: Vec<(u32, u32)>,
    /// Contents that hard links name.
    names: HashMap<u32, Names>,
}

/// The names of a content that hard links name too.
struct Names {
    /// How many are visible.
    links: u32,
    /// The record at whose path the content's bytes are counted.
    counted_at: u32,
}

fn packed((layer, kind): Hides) -> u32 {
    let number = KINDS.iter().position(|k| *k == kind).unwrap_or(0) as u32;
    layer << KIND_BITS | number
}

impl Records {
    pub fn with_capacity(entries: usize) -> Self {
        Self {
            gone: Vec::with_capacity(entries),
            places: Vec::with_capacity(entries),
            ..Self::default()
        }
    }

    /// Adds the next one: until it is placed, bytes that no runtime unpacks.
    pub fn push(&mut self, layer: u32) -> u32 {
        let record = self.gone.len() as u32;
        self.gone.push(packed((layer, ResidueKind::Deleted)));
        self.places.push(NONE);
        record
    }

    /// Puts one at its place, where it is seen.
    pub fn place(&mut self, record: u32, place: u32) {
        self.gone[record as usize] = NONE;
        self.places[record as usize] = place;
    }

    /// Where an entry landed that does not stand there.
    pub fn landed(&mut self, record: u32, place: u32) {
        self.places[record as usize] = place;
    }

    /// The place in the tree; `None` for what no runtime unpacks.
    pub fn place_of(&self, record: u32) -> Option<u32> {
        self.places.get(record as usize).copied().filter(|&p| p != NONE)
    }

    pub fn hide(&mut self, record: u32, by: Hides) {
        self.gone[record as usize] = packed(by);
    }

    /// How it went, and the layer that did it.
    pub fn gone(&self, record: u32) -> Option<Hides> {
        let gone = self.gone[record as usize];
        let kind = KINDS.get((gone & ((1 << KIND_BITS) - 1)) as usize).copied();
        (gone != NONE).then_some((gone >> KIND_BITS, kind.unwrap_or(ResidueKind::Deleted)))
    }

    /// Ties a hard link to the content of another record. Links come by their numbers.
    pub fn link(&mut self, record: u32, to: u32) {
        let content = self.content(to);
        self.contents.push((record, content));
        let names = Names { links: 0, counted_at: content };
        self.names.entry(content).or_insert(names);
    }

    /// The record that holds the content: itself, or the file that a hard link names.
    pub fn content(&self, record: u32) -> u32 {
        if self.contents.is_empty() {
            return record;
        }
        let place = self.contents.binary_search_by_key(&record, |(link, _)| *link);
        place.map_or(record, |place| self.contents[place].1)
    }

    /// Names that the content of a record has now.
    pub fn links(&self, content: u32) -> u32 {
        match self.names.get(&content) {
            Some(names) => names.links,
            None => {
                u32::from(self.gone[content as usize] == NONE && self.content(content) == content)
            }
        }
    }

    /// The record at whose path a content's bytes are counted.
    pub fn counted_at(&self, content: u32) -> u32 {
        match self.names.is_empty() {
            true => content,
            false => self.names.get(&content).map_or(content, |names| names.counted_at),
        }
    }

    /// A record is visible: one more name of its content is.
    pub fn see(&mut self, record: u32) {
        if self.names.is_empty() {
            return;
        }
        let content = self.content(record);
        if let Some(names) = self.names.get_mut(&content) {
            names.links += 1;
        }
    }

    /// Where the content of each file is counted, and what took the last name of a file away. `visible`: the
    /// visible records by path; `links`: the names that went, of contents that are another record's.
    pub fn count(&mut self, visible: &[u32], links: Vec<(u32, Hides)>) {
        if self.names.is_empty() {
            return;
        }
        // Bytes are counted where the file itself stands, else at the first of its names.
        for &record in visible.iter().rev() {
            let content = self.content(record);
            if self.gone[content as usize] != NONE
                && let Some(names) = self.names.get_mut(&content)
            {
                names.counted_at = record;
            }
        }
        for (content, by) in links {
            let earlier = self.gone(content).is_some_and(|(at, _)| at < by.0);
            if earlier && self.links(content) == 0 {
                self.hide(content, by);
            }
        }
    }
}
