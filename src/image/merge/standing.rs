//! What stands at the names of the layers' trees, of each layer by itself.

use crate::image::records::NONE;

/// What stands at a name of a layer's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With what becomes of a lower layer's directory at the same path.
    Directory(Below),
    Symlink,
    /// Anything else that is not a directory.
    Other,
    /// What lower layers have there is gone.
    Whiteout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    Merges,
    /// The directory is opaque.
    Opaque,
    /// The layer deletes it and makes it anew.
    Deleted,
}

/// One name of one layer.
#[derive(Clone, Copy)]
pub(super) struct Stand {
    /// In the tree of the image.
    pub place: u32,
    /// The folder of the layer that it is in, made before it. The root's own is itself.
    pub parent: u32,
    /// The entry that stands here; [`NONE`] for an implied directory and for a whiteout.
    pub record: u32,
    /// What a lower layer has at the same place, or [`NONE`].
    pub lower: u32,
    pub kind: Kind,
    /// Another one stands at its place, and nothing of it or below it is left.
    pub replaced: bool,
}

/// All of them, layer by layer.
#[derive(Default)]
pub(super) struct Standing {
    stands: Vec<Stand>,
    /// Of each layer the first.
    firsts: Vec<u32>,
    /// Of each place of the tree the last that stands there, or [`NONE`].
    top: Vec<u32>,
}

impl Standing {
    pub fn with_capacity(entries: usize) -> Self {
        Self {
            stands: Vec::with_capacity(entries + 1),
            top: Vec::with_capacity(entries + 1),
            firsts: Vec::new(),
        }
    }

    /// Begins the next layer with its root, and says where that stands.
    pub fn begin(&mut self, root: u32) -> u32 {
        let first = self.stands.len() as u32;
        self.firsts.push(first);
        self.make(root, first, NONE, Kind::Directory(Below::Merges))
    }

    /// The root of the layer that is unpacked.
    pub fn root(&self) -> u32 {
        self.firsts.last().copied().unwrap_or(0)
    }

    pub fn get(&self, id: u32) -> &Stand {
        &self.stands[id as usize]
    }

    pub fn get_mut(&mut self, id: u32) -> &mut Stand {
        &mut self.stands[id as usize]
    }

    pub fn kind(&self, id: u32) -> Kind {
        self.get(id).kind
    }

    fn top(&self, place: u32) -> u32 {
        self.top.get(place as usize).copied().unwrap_or(NONE)
    }

    /// What the layer that is unpacked has at a place in one of its folders.
    pub fn child(&self, parent: u32, place: u32) -> Option<u32> {
        let id = self.top(place);
        if id == NONE || id < self.root() {
            return None;
        }
        // What stood in a folder that was replaced is found no more.
        let stand = self.get(id);
        (stand.parent == parent && !stand.replaced).then_some(id)
    }

    pub fn make(&mut self, place: u32, parent: u32, record: u32, kind: Kind) -> u32 {
        let id = self.stands.len() as u32;
        let lower = match self.top(place) {
            NONE => NONE,
            // One of the same layer that is no more.
            old if old >= self.root() => self.get(old).lower,
            lower => lower,
        };
        self.stands.push(Stand { place, parent, record, lower, kind, replaced: false });
        if self.top.len() <= place as usize {
            self.top.resize(place as usize + 1, NONE);
        }
        self.top[place as usize] = id;
        id
    }

    /// Ends a layer: what was replaced is there no more, with all that was in it. Those records are told.
    pub fn end(&mut self, mut gone: impl FnMut(u32)) {
        for id in self.root()..self.stands.len() as u32 {
            let lost = self.get(self.get(id).parent).replaced;
            let stand = self.get_mut(id);
            stand.replaced |= lost;
            let Stand { place, record, lower, replaced, .. } = *stand;
            if !replaced {
                continue;
            }
            if record != NONE {
                gone(record);
            }
            if self.top(place) == id {
                self.top[place as usize] = lower;
            }
        }
    }

    /// What stands at a place, the lowest layer first, put into `out`.
    pub fn at(&self, place: u32, out: &mut Vec<(u32, Stand)>) {
        out.clear();
        let mut id = self.top(place);
        while id != NONE {
            let stand = self.get(id);
            let layer = self.firsts.partition_point(|&first| first <= id) as u32 - 1;
            out.push((layer, *stand));
            id = stand.lower;
        }
        out.reverse();
    }
}
