//! How names leave the tree, and how their files die: by the kind of what took their last name away.

use super::*;

impl Tree<'_> {
    /// Removes what lower layers put at `id` and below; what this layer wrote stays.
    pub(super) fn clear(&mut self, id: u32, kind: ResidueKind) {
        if self.places[id as usize].touched == self.stamp {
            self.clear_below(vec![id], kind);
        } else {
            self.remove(id, kind);
        }
    }

    pub(super) fn clear_below(&mut self, mut todo: Vec<u32>, kind: ResidueKind) {
        while let Some(id) = todo.pop() {
            if self.places[id as usize].cleared == self.stamp {
                continue;
            }
            self.place(id).cleared = self.stamp;
            let mut child = self.places[id as usize].child;
            while child != NONE {
                let next = self.places[child as usize].next;
                if self.places[child as usize].touched == self.stamp {
                    todo.push(child);
                } else {
                    self.remove(child, kind);
                }
                child = next;
            }
        }
    }

    /// Removes a present place and all below it.
    pub(super) fn remove(&mut self, id: u32, kind: ResidueKind) {
        let (parent, next, previous) = {
            let p = &self.places[id as usize];
            (p.parent, p.next, p.previous)
        };
        match previous {
            NONE => self.place(parent).child = next,
            p => self.place(p).next = next,
        }
        if next != NONE {
            self.place(next).previous = previous;
        }
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            let place = self.place(id);
            place.kind = PlaceKind::Absent;
            let record = std::mem::replace(&mut place.record, NONE);
            let mut child = std::mem::replace(&mut place.child, NONE);
            while child != NONE {
                todo.push(child);
                child = self.places[child as usize].next;
            }
            if record != NONE {
                self.release(id, record, kind);
            }
        }
    }

    /// A name goes; with the last name goes the content.
    pub(super) fn release(&mut self, id: u32, record: u32, kind: ResidueKind) {
        let by = self.stamp - 1;
        let start = self.start;
        let kind_of = |record: u32| match record >= start {
            true => ResidueKind::DuplicateEntry,
            false => kind,
        };
        let content = self.records[record as usize].content;
        self.records[record as usize].gone = Some((kind_of(record), by));
        let held = &mut self.records[content as usize];
        held.links -= 1;
        if held.links == 0 {
            held.gone = Some((kind_of(content), by));
            self.deaths.push((id, content));
        }
    }

    /// A whiteout together with a new entry at the same path is a replacement, in whatever order they
    /// stand; a replacement with the same content changes only metadata.
    pub(super) fn name_the_deaths(&mut self) {
        for (id, content) in std::mem::take(&mut self.deaths) {
            let now = self.places[id as usize].record;
            if content >= self.start || now == NONE || now < self.start {
                continue;
            }
            let held = self.records[now as usize].content as usize;
            let same = match (&self.entries[content as usize].content, &self.entries[held].content)
            {
                (Some(a), Some(b)) => a == b,
                _ => false,
            };
            let record = &mut self.records[content as usize];
            if record.links == 0
                && let Some((kind, _)) = &mut record.gone
            {
                *kind = match same {
                    true => ResidueKind::MetadataOnly,
                    false => ResidueKind::Overwritten,
                };
            }
        }
    }
}
