//! How much a layer changes of those below it: what it deletes or replaces (also a link, by an entry below
//! it), and directories that it gives other rights. A layer that only adds has none.

use super::{ImageLayer, LayerState};
use crate::layer::{Entry, EntryKind, Whiteout};
use std::collections::HashMap;

/// What may differ of an entry without a word on its content.
type Rights = (EntryKind, u32, u64, u64);

fn rights(entry: &Entry) -> Rights {
    (entry.kind, entry.mode, entry.uid, entry.gid)
}

/// The folder of the last entry: the next one is mostly in the same.
#[derive(Default)]
struct Folder<'a> {
    path: &'a [u8],
    replaces: bool,
}

impl<'a> Folder<'a> {
    /// Whether a folder above an entry is no folder in the layers below.
    fn replaces(&mut self, path: &'a [u8], below: &HashMap<&[u8], Rights>) -> bool {
        let end = memchr::memrchr(b'/', path).unwrap_or(0);
        if self.path != &path[..end] {
            self.path = &path[..end];
            let is_other = |end| {
                below.get(&path[..end]).is_some_and(|(kind, ..)| *kind != EntryKind::Directory)
            };
            // A longer one cannot be unpacked.
            self.replaces = memchr::memchr_iter(b'/', &path[..path.len().min(4096)]).any(is_other);
        }
        self.replaces
    }
}

/// For each layer the number of such entries; `None` from the first layer on that was not read. A whiteout
/// counts whatever it meets.
pub fn hides(layers: &[ImageLayer]) -> Vec<Option<u64>> {
    let mut below: HashMap<&[u8], Rights> = HashMap::new();
    let mut known = true;
    let mut out = Vec::with_capacity(layers.len());
    for layer in layers {
        let LayerState::Indexed(index) = &layer.state else {
            known = false;
            out.push(None);
            continue;
        };
        let mut folder = Folder::default();
        let mut count = 0;
        for entry in &index.entries {
            let changes = match entry.path.whiteout() {
                Some(Whiteout::Of(_) | Whiteout::Opaque(_)) => true,
                None => {
                    let was = below.get(entry.path.as_bytes());
                    was.is_some_and(|was| !entry.is_dir() || *was != rights(entry))
                        || folder.replaces(entry.path.as_bytes(), &below)
                }
            };
            count += u64::from(changes);
        }
        out.push(known.then_some(count));
        below.extend(index.entries.iter().map(|e| (e.path.as_bytes(), rights(e))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing::{dir, file, layer, symlink};

    #[test]
    fn a_layer_that_adds_hides_nothing() {
        let mut open = dir("srv");
        open.mode = 0o777;
        let layers = [
            layer(vec![dir("srv"), dir("etc"), file("etc/a", b"1"), file("etc/empty", b"")]),
            layer(vec![dir("etc"), file("etc/b", b"1")]),
            layer(vec![dir("etc"), file("etc/empty", b""), symlink("etc/a", "b")]),
            layer(vec![open]),
            layer(vec![file("etc/.wh.none", b"")]),
        ];
        assert_eq!(hides(&layers), [Some(0), Some(0), Some(2), Some(1), Some(1)]);
        let unread = ImageLayer {
            state: LayerState::NotLookedAt { why: "x".to_owned(), failed: true },
            ..layer(vec![])
        };
        let all = [unread, layer(vec![file("a", b"1")])];
        assert_eq!(hides(&all), [None, None]);
    }

    #[test]
    fn an_entry_below_a_link_of_a_lower_layer_replaces_it() {
        let layers = [
            layer(vec![dir("usr/lib"), symlink("lib", "usr/lib"), dir("opt")]),
            layer(vec![file("opt/x", b"1"), file("usr/lib/x", b"1")]),
            layer(vec![file("lib/x", b"1"), file("lib/y", b"1"), file("opt/y", b"1")]),
        ];
        assert_eq!(hides(&layers), [Some(0), Some(0), Some(2)]);
    }
}
