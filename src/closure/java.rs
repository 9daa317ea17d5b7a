//! What Java reads beside its program: the class paths of archives, and its home.

use super::reach::{Follow, Reach};
use super::why::Why;
use crate::layer::LayerPath;

impl Reach<'_, '_> {
    /// The archives that a Java archive's manifest names, beside it.
    pub(super) fn keep_class_path(&mut self, item: u32) {
        let (Some(found), Some(dir)) =
            (self.items.references(item), self.items.path(item).parent())
        else {
            return;
        };
        for name in &found.includes {
            self.keep_path(&dir.join(name.as_bytes()), Some(item), Why::Named, Follow::Data);
        }
    }
}

/// The home of the Java that a program `…/jvm/NAME/bin/java` belongs to.
pub(super) fn java_home(path: &LayerPath) -> Option<LayerPath> {
    if path.name() != b"java" {
        return None;
    }
    let bin = path.parent()?;
    (bin.name() == b"bin")
        .then(|| bin.parent())
        .flatten()
        .filter(|home| !home.is_root() && home.name() != b"usr" && home.name() != b"local")
}
