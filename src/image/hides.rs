//! How much a layer changes of those below it: what it deletes or replaces, and directories that it gives
//! other rights. A layer that only adds has none.

use super::{ImageLayer, LayerState};
use crate::layer::{Entry, EntryKind, LayerPath, Whiteout};
use std::collections::HashMap;

/// What may differ of an entry without a word on its content.
type Rights = (EntryKind, u32, u64, u64);

fn rights(entry: &Entry) -> Rights {
    (entry.kind, entry.mode, entry.uid, entry.gid)
}

/// For each layer the number of such entries; `None` from the first layer on that was not read. A whiteout
/// counts whatever it meets.
pub fn hides(layers: &[ImageLayer]) -> Vec<Option<u64>> {
    let mut below: HashMap<&LayerPath, Rights> = HashMap::new();
    let mut known = true;
    let mut out = Vec::with_capacity(layers.len());
    for layer in layers {
        let LayerState::Indexed(index) = &layer.state else {
            known = false;
            out.push(None);
            continue;
        };
        let changes = |entry: &Entry| match entry.path.whiteout() {
            Some(Whiteout::Of(_) | Whiteout::Opaque(_)) => true,
            None => {
                below.get(&entry.path).is_some_and(|was| !entry.is_dir() || *was != rights(entry))
            }
        };
        let count = index.entries.iter().filter(|e| changes(e)).count() as u64;
        out.push(known.then_some(count));
        below.extend(index.entries.iter().map(|e| (&e.path, rights(e))));
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
}
