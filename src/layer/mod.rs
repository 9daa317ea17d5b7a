//! One layer as a stream of entries: paths, entries, and the walk that sees exactly what a container
//! runtime would unpack.
//!
//! Must not know of images, analyzers or where the bytes come from.

mod blocks;
pub mod entry;
mod header;
pub mod path;
mod pax;
mod sparse;
pub mod walk;

pub use entry::{ContentHash, Entry, EntryKind, Interest, Visitor};
pub use path::{LONGEST_PATH, LayerPath, Whiteout, split_first};
