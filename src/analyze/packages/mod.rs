//! What package databases say: which packages a layer brings and which files they own. One file a
//! database.
//!
//! Each analyzer reads what a layer holds, not what is in force: that is for `image::packages`.

mod apk;
mod collect;
mod dpkg;
mod gem;
mod go;
mod java;
mod node;
mod npm_lock;
mod python;
mod rpm;

pub use apk::ApkAnalyzer;
pub use dpkg::DpkgAnalyzer;
pub use gem::GemAnalyzer;
pub use go::GoAnalyzer;
pub use java::JavaAnalyzer;
pub use node::NodeAnalyzer;
pub use npm_lock::NpmLockAnalyzer;
pub use python::PythonAnalyzer;
pub use rpm::RpmAnalyzer;

use super::Analyzer;

/// All package analyzers, one of each.
pub fn analyzers() -> Vec<Box<dyn Analyzer>> {
    vec![
        Box::new(DpkgAnalyzer::new()),
        Box::new(ApkAnalyzer::new()),
        Box::new(RpmAnalyzer::new()),
        Box::new(PythonAnalyzer::new()),
        Box::new(NodeAnalyzer::new()),
        Box::new(NpmLockAnalyzer::new()),
        Box::new(JavaAnalyzer::new()),
        Box::new(GemAnalyzer::new()),
        Box::new(GoAnalyzer::new()),
    ]
}

/// Shows one file to an analyzer, in chunks of `step` bytes, as an index pass would.
#[cfg(test)]
pub(crate) fn feed(
    analyzer: &mut dyn Analyzer,
    path: &str,
    bytes: &[u8],
    step: usize,
) -> super::Facts {
    use crate::layer::{Entry, EntryKind, Interest, LayerPath};
    let mut facts = super::Facts::default();
    let entry = Entry {
        path: LayerPath::from(path),
        kind: EntryKind::File,
        size: bytes.len() as u64,
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: 0,
        link: None,
        device: None,
        capability: None,
        content: None,
    };
    let wanted = match analyzer.begin(7, &entry) {
        Interest::Skip => return facts,
        Interest::Head(n) => bytes.len().min(usize::try_from(n).unwrap()),
        Interest::All => bytes.len(),
    };
    for chunk in bytes[..wanted].chunks(step.max(1)) {
        analyzer.chunk(chunk);
    }
    analyzer.end(&mut facts);
    facts
}
