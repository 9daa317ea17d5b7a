//! One layer as a stream of entries: paths, entries, and the walk that sees exactly what a container
//! runtime would unpack.
//!
//! Must not know of images, analyzers or where the bytes come from.

pub mod entry;
pub mod path;
pub mod walk;

pub use entry::{ContentHash, Entry, EntryKind, Interest, Visitor};
pub use path::{LayerPath, Whiteout};
