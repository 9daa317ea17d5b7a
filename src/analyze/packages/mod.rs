//! What package databases say: which packages a layer brings and which files they own. One file a
//! database.
//!
//! Each analyzer reads what a layer holds, not what is in force: that is for `image::packages`.

mod apk;
mod capped;
mod cargo;
mod chisel;
mod collect;
mod composer;
mod conda;
mod dotnet;
mod dpkg;
mod egg;
mod gem;
mod go;
mod java;
mod node;
mod npm_lock;
mod python;
mod rpm;
mod whole;
mod yarn;
mod zip;

#[cfg(test)]
mod hostile_tests;

pub use apk::ApkAnalyzer;
pub use cargo::CargoAnalyzer;
pub use chisel::Chisel;
pub use composer::Composer;
pub use conda::Conda;
pub use dotnet::Dotnet;
pub use dpkg::DpkgAnalyzer;
pub use egg::EggAnalyzer;
pub use gem::GemAnalyzer;
pub use go::GoAnalyzer;
pub use java::JavaAnalyzer;
pub use node::NodeAnalyzer;
pub use npm_lock::NpmLockAnalyzer;
pub use python::{PythonAnalyzer, normal_name};
pub use rpm::{RpmAnalyzer, RpmManifest};
pub use whole::Whole;
pub use yarn::YarnAnalyzer;

use super::Analyzer;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// All package analyzers, one of each.
pub fn analyzers() -> Vec<Box<dyn Analyzer>> {
    vec![
        Box::new(DpkgAnalyzer::new()),
        Box::new(Whole::<Chisel>::default()),
        Box::new(ApkAnalyzer::new()),
        Box::new(RpmAnalyzer::new()),
        Box::new(Whole::<RpmManifest>::default()),
        Box::new(PythonAnalyzer::new()),
        Box::new(EggAnalyzer::new()),
        Box::new(Whole::<Conda>::default()),
        Box::new(NodeAnalyzer::new()),
        Box::new(NpmLockAnalyzer::new()),
        Box::new(YarnAnalyzer::new()),
        Box::new(JavaAnalyzer::new()),
        Box::new(GemAnalyzer::new()),
        Box::new(Whole::<Composer>::default()),
        Box::new(Whole::<Dotnet>::default()),
        Box::new(GoAnalyzer::new()),
        Box::new(CargoAnalyzer::new()),
    ]
}

/// Whether an analyzer of this name looks for packages, so that what it cannot read may hide some.
pub fn is_analyzer(id: &str) -> bool {
    static IDS: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| analyzers().iter().map(|a| a.id().0).collect());
    // What says so of all analyzers says it of these.
    id == "all" || IDS.contains(id)
}

/// Shows one file to an analyzer, in chunks of `step` bytes, as an index pass would.
#[cfg(test)]
pub(crate) fn feed(
    analyzer: &mut dyn Analyzer,
    path: &str,
    bytes: &[u8],
    step: usize,
) -> super::Facts {
    use crate::layer::{Entry, Interest, LayerPath};
    let mut facts = super::Facts::default();
    let entry = Entry { mode: 0o755, ..Entry::file(LayerPath::from(path), bytes.len() as u64) };
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

/// Tells an analyzer of a hard link, as entry 9.
#[cfg(test)]
pub(crate) fn link(analyzer: &mut dyn Analyzer, path: &str, target: &str) -> super::Facts {
    use crate::layer::{Entry, EntryKind, Interest, LayerPath};
    let mut facts = super::Facts::default();
    let entry = Entry {
        path: LayerPath::from(path),
        kind: EntryKind::HardLink,
        size: 0,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        link: Some(target.as_bytes().to_vec()),
        device: None,
        capability: None,
        content: None,
    };
    if analyzer.begin(9, &entry) != Interest::Skip {
        analyzer.end(&mut facts);
    }
    facts
}
