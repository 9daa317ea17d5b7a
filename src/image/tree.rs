//! The paths of an image as one tree: each name once below the folder that it stands in, whichever layers
//! have it. A name is not copied where an entry has it.

use super::layers::Layers;
use crate::layer::LayerPath;
use crate::text::Strings;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

pub(super) const ROOT: u32 = 0;

/// Marks a name that stands in [`Tree::own`], as against that of a record.
const OWN: u32 = 1 << 31;

/// A place of the tree is a number; that of a folder is below those of what is in it.
pub(super) struct Tree {
    parents: Vec<u32>,
    /// The record that has the name, or [`OWN`] and a place in `own`.
    names: Vec<u32>,
    /// Names that no entry has: of implied folders, and of what is deleted.
    own: Strings,
    known: HashTable<u32>,
    hasher: RandomState,
}

/// A name in a folder, and where to look for it.
#[derive(Clone, Copy)]
struct Key<'n> {
    parent: u32,
    name: &'n [u8],
    hash: u64,
}

impl Tree {
    pub fn with_capacity(places: usize) -> Self {
        let mut own = Strings::default();
        let root = own.push(b"") | OWN;
        let mut tree = Self {
            parents: Vec::with_capacity(places + 1),
            names: Vec::with_capacity(places + 1),
            own,
            known: HashTable::with_capacity(places),
            hasher: RandomState::new(),
        };
        tree.parents.push(ROOT);
        tree.names.push(root);
        tree
    }

    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// The folder that a place lies in; the root's own is itself.
    pub fn parent(&self, place: u32) -> u32 {
        self.parents[place as usize]
    }

    pub fn name<'l>(&'l self, layers: &'l Layers, place: u32) -> &'l [u8] {
        match self.names[place as usize] {
            name if name & OWN != 0 => self.own.get(name & !OWN),
            record => layers.name(record),
        }
    }

    fn key<'n>(&self, parent: u32, name: &'n [u8]) -> Key<'n> {
        Key { parent, name, hash: self.hasher.hash_one((parent, name)) }
    }

    fn find(&self, layers: &Layers, key: Key) -> Option<u32> {
        let is_it =
            |&place: &u32| self.parent(place) == key.parent && self.name(layers, place) == key.name;
        self.known.find(key.hash, is_it).copied()
    }

    pub fn child(&self, layers: &Layers, parent: u32, name: &[u8]) -> Option<u32> {
        self.find(layers, self.key(parent, name))
    }

    /// The place of a clean path.
    pub fn at(&self, layers: &Layers, path: &[u8]) -> Option<u32> {
        let parts = path.split(|&b| b == b'/').filter(|part| !part.is_empty());
        parts.into_iter().try_fold(ROOT, |at, part| self.child(layers, at, part))
    }

    fn make(&mut self, layers: &Layers, key: Key, record: Option<u32>) -> u32 {
        let place = self.parents.len() as u32;
        let name = match record {
            Some(record) => record,
            None => self.own.push(key.name) | OWN,
        };
        self.parents.push(key.parent);
        self.names.push(name);
        let Self { parents, names, own, known, hasher } = self;
        known.insert_unique(key.hash, place, |&place| {
            let name = match names[place as usize] {
                name if name & OWN != 0 => own.get(name & !OWN),
                record => layers.name(record),
            };
            hasher.hash_one((parents[place as usize], name))
        });
        place
    }

    /// The place of a name in a folder, made where there is none. `record`: an entry that has the name.
    pub fn make_in(
        &mut self,
        layers: &Layers,
        folder: u32,
        name: &[u8],
        record: Option<u32>,
    ) -> u32 {
        let key = self.key(folder, name);
        match self.find(layers, key) {
            Some(place) => place,
            None => self.make(layers, key, record),
        }
    }

    /// Puts the path of a place into `out`, which is empty.
    pub fn write_path(&self, layers: &Layers, mut place: u32, out: &mut Vec<u8>) {
        // From the last part to the first, then turned round.
        while place != ROOT {
            if !out.is_empty() {
                out.push(b'/');
            }
            out.extend(self.name(layers, place).iter().rev());
            place = self.parent(place);
        }
        out.reverse();
    }

    pub fn path(&self, layers: &Layers, place: u32) -> LayerPath {
        let mut out = Vec::new();
        self.write_path(layers, place, &mut out);
        LayerPath::of_clean(out)
    }

    /// Gives back memory that is held for more places.
    pub fn shrink(&mut self) {
        self.parents.shrink_to_fit();
        self.names.shrink_to_fit();
        self.own.shrink();
    }
}
