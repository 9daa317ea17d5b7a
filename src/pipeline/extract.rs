//! One file's bytes out of one layer, by a pass over that layer like any other: fetched, verified,
//! walked. The bytes go through a small channel, so that a file of any size takes no memory.

use super::{PipelineError, Plan, layers};
use crate::analyze::{Analyzer, Facts};
use crate::index::build::{self, Expected};
use crate::layer::{Entry, Interest};
use crate::source::{LayerRef, Source};
use std::io::Write;
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
    out: &mut dyn Write,
) -> Result<u64, PipelineError> {
    let blob = source.open(layer)?;
    let expected = layers::expected(layer);
    let (sender, receiver) = mpsc::sync_channel(8);
    let analyzer: Box<dyn Analyzer> = Box::new(Extractor { wanted, found: false, sender });
    let name = layers::name_of(layer);
    std::thread::scope(|scope| {
        let pass = scope
            .spawn(|| build::build(&name, blob, &expected, vec![analyzer], &plan.build, &|_| {}));
        let mut written = 0;
        let mut output = Ok(());
        for chunk in receiver {
            if output.is_ok() {
                written += chunk.len() as u64;
                output = out.write_all(&chunk);
            }
        }
        match pass.join() {
            Ok(built) => built.map(drop)?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        output.and_then(|()| out.flush()).map_err(PipelineError::Output)?;
        Ok(written)
    })
}
