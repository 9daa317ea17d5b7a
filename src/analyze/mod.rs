//! Facts of one layer. Each analyzer is a file or folder with an id and a version; the list is
//! explicit in `index::build`.
//!
//! Analyzers know nothing of other layers, of severity, or of what is good or bad. Facts never hold
//! a secret in clear.

pub mod compressibility;
pub mod elf;
pub mod facts;
pub mod kept_files;
pub mod modules;
pub mod packages;
pub mod references;
pub mod secrets;
pub mod unpack;
mod weight;

pub use facts::*;
pub use weight::Mark;

use crate::layer::{Entry, Interest};

/// Looks at the entries of one layer as they stream by and leaves facts. One instance serves one
/// layer; it keeps state only between `begin` and `end` of one entry, or a bounded amount.
pub trait Analyzer: Send {
    /// Stable name and version; a changed version invalidates cached indexes.
    fn id(&self) -> (&'static str, u32);

    /// `number` is the entry's place in `LayerIndex::entries`.
    fn begin(&mut self, number: u32, entry: &Entry) -> Interest;

    /// Bytes of the entry, up to what `begin` asked for.
    fn chunk(&mut self, bytes: &[u8]);

    /// The entry (or the wanted head of it) is complete.
    fn end(&mut self, facts: &mut Facts);
}
