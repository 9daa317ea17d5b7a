//! One file's bytes out of one layer, by a pass over that layer like any other: fetched, verified,
//! walked. The bytes go through a small channel, so that a file of any size takes no memory.

use super::{PipelineError, Plan, layers};
use crate::analyze::{Analyzer, Facts};
use crate::index::build::{self, Expected};
use crate::layer::{Entry, Interest};
use crate::source::single_pass::SinglePass;
use crate::source::{LayerRef, Source};
use std::io::{Read, Write};
use std::sync::mpsc::{self, SyncSender};

/// Hands on the bytes of one entry.
struct Extractor {
    wanted: u32,
    found: bool,
    sender: SyncSender<Vec<u8>>,
}

impl Analyzer for Extractor {
    fn id(&self) -> (&'static str, u32) {
        ("extract", 1)
    }

    fn begin(&mut self, number: u32, _: &Entry) -> Interest {
        self.found = number == self.wanted;
        if self.found { Interest::All } else { Interest::Skip }
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.found {
            // The other side has gone: it could not write, and says so itself.
            let _ = self.sender.send(bytes.to_vec());
        }
    }

    fn end(&mut self, _: &mut Facts) {}
}

/// Writes the content of entry number `wanted` of `layer` and returns its length. An error after the
/// last byte says that the layer did not verify: what was written is not to be trusted then.
pub(super) fn extract(
    source: &dyn Source,
    layer: &LayerRef,
    wanted: u32,
    plan: &Plan,
    out: &mut (dyn Write + Send),
) -> Result<u64, PipelineError> {
    let mut blob = source.open(layer)?;
    copy(&mut blob, &layers::name_of(layer), &layers::expected(layer), wanted, plan, out)
}

/// The same from an archive that can only be read front to back.
pub(super) fn extract_in_pass(
    pass: SinglePass<Box<dyn Read + Send>>,
    layer: &LayerRef,
    wanted: u32,
    plan: &Plan,
    out: &mut (dyn Write + Send),
) -> Result<u64, PipelineError> {
    let (_, mut results) = pass.run(&plan.platform, &mut |member, size, blob| {
        layers::is_member(layer, member).then(|| {
            let expected = Expected { size: Some(size), ..layers::expected(layer) };
            copy(blob, member, &expected, wanted, plan, out)
        })
    })?;
    results.remove(&layer.blob).flatten().unwrap_or_else(|| {
        Err(PipelineError::NotLookedAt {
            what: layers::name_of(layer),
            why: "the archive has no such member".to_owned(),
        })
    })
}

fn copy(
    blob: &mut dyn Read,
    name: &str,
    expected: &Expected,
    wanted: u32,
    plan: &Plan,
    out: &mut (dyn Write + Send),
) -> Result<u64, PipelineError> {
    let (sender, receiver) = mpsc::sync_channel::<Vec<u8>>(8);
    let analyzer: Box<dyn Analyzer> = Box::new(Extractor { wanted, found: false, sender });
    std::thread::scope(|scope| {
        let writer = std::thread::Builder::new().spawn_scoped(scope, move || {
            let mut written = 0;
            let mut output = Ok(());
            for chunk in receiver {
                if output.is_ok() {
                    written += chunk.len() as u64;
                    output = out.write_all(&chunk);
                }
            }
            output.and_then(|()| out.flush()).map(|()| written)
        });
        let writer = writer
            .map_err(|source| build::LayerError::Thread { layer: name.to_owned(), source })?;
        let built = build::build(name, blob, expected, vec![analyzer], &plan.build, &|_| {});
        let written = match writer.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        built?;
        written.map_err(PipelineError::Output)
    })
}
