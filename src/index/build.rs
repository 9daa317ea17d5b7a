//! One pass over a layer: stored bytes in, a [`LayerIndex`] out.
//!
//! The calling thread fetches, verifies, inflates and computes the diff id; a second thread walks the
//! tar and runs the analyzers. Between them go a few buffers, so memory does not depend on the layer.

use super::budget::FactsBudget;
use super::indexer::Indexer;
use super::pipe::{self, PipeReader, PipeWriter};
use super::{LayerIndex, Oddity};
use crate::analyze::Analyzer;
use crate::layer::walk::{WalkError, WalkLimits, WalkSummary, walk};
use crate::oci::digest::Hasher;
use crate::oci::{DiffId, Digest};
use crate::stream::{
    Decompress, LimitedReader, Limits, Stop, Stoppable, StreamError, VerifyReader,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Bounds of one pass.
#[derive(Clone, Debug, Default)]
pub struct BuildSettings {
    pub limits: Limits,
    pub walk: WalkLimits,
    /// Shared by the layers of one image.
    pub facts: FactsBudget,
    /// Ends it before its time.
    pub stop: Stop,
}

/// What the stored bytes must come to. A docker-archive says neither.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    pub digest: Option<Digest>,
    /// Bytes as stored.
    pub size: Option<u64>,
}

/// A finished pass.
#[derive(Debug)]
pub struct Built {
    pub index: LayerIndex,
    /// Of the stored bytes, computed by this pass.
    pub digest: Digest,
    /// Bytes as stored.
    pub compressed: u64,
    /// Facts were left out, named as such, for those of other layers: of the layer by itself more would be known.
    pub is_cut: bool,
}

/// Why there is no index. Nothing of a pass that failed is believed.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error("layer {layer}: {source}")]
    Stream { layer: String, source: StreamError },
    #[error("layer {layer}: {source}")]
    Tar { layer: String, source: WalkError },
    #[error("layer {layer}: stopped")]
    Stopped { layer: String },
    #[error("layer {layer}: the system gives no thread to read it with: {source}")]
    Thread { layer: String, source: io::Error },
    /// A defect of careen, kept to the one layer that shows it.
    #[error("layer {layer}: careen failed on it: {what}")]
    Panic { layer: String, what: String },
}

impl LayerError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Stream { source, .. } => source.hint(),
            Self::Tar { .. } | Self::Stopped { .. } => None,
            Self::Thread { .. } => Some(MORE_THREADS.to_owned()),
            Self::Panic { .. } => {
                Some("please report it, with the image if it is public".to_owned())
            }
        }
    }
}

/// What to do where the system gives no more threads.
pub const MORE_THREADS: &str =
    "raise the limit of threads (`ulimit -u`, the container's `pids` limit), or use fewer `--jobs`";

/// How often those who wait look whether they are to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Reads `blob` to its end and indexes what is in it. `name` is for errors; `progress` is told of
/// stored bytes as they are read.
pub fn build(
    name: &str,
    blob: &mut dyn Read,
    expected: &Expected,
    analyzers: Vec<Box<dyn Analyzer>>,
    settings: &BuildSettings,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Built, LayerError> {
    let layer = || name.to_owned();
    let blob = Stoppable::new(ProgressReader { inner: blob, progress }, &settings.stop);
    let mut stored = VerifyReader::new(blob, expected.digest, expected.size);
    let (writer, reader) = pipe::pipe(&settings.stop);
    let walked = walk_beside(reader, analyzers, settings)
        .map_err(|source| LayerError::Thread { layer: layer(), source })?;
    let inflated = inflate(&mut stored, settings, writer);
    let walked = outcome(&walked, &settings.stop);
    if settings.stop.is_set() {
        return Err(LayerError::Stopped { layer: layer() });
    }
    let walked = walked.map_err(|what| LayerError::Panic { layer: layer(), what })?;
    let stream = |source| LayerError::Stream { layer: layer(), source };
    let (diff_id, tar_bytes) = match (inflated, &walked) {
        (Ok(done), _) => done,
        // The walk gave up first. If the stored bytes are wrong, that is why, and worth more to know.
        (Err(Stopped::Unheard), Err(_)) => {
            io::copy(&mut stored, &mut io::sink())
                .map_err(|e| stream(StreamError::from_io(e, "stored", 0)))?;
            (DiffId(Digest::sha256(b"")), 0)
        }
        (Err(Stopped::Unheard), Ok(_)) => {
            return Err(LayerError::Panic {
                layer: layer(),
                what: "the walk ended early".to_owned(),
            });
        }
        (Err(Stopped::Stream(e @ StreamError::Corrupt { .. })), _) => {
            return Err(stream(prefer_stored_error(&mut stored, e)));
        }
        (Err(Stopped::Stream(e)), _) => return Err(stream(e)),
    };
    let (summary, indexer) = walked.map_err(|source| LayerError::Tar { layer: layer(), source })?;
    let compressed = stored.counter().load(std::sync::atomic::Ordering::Relaxed);
    let digest = stored.verified().ok_or_else(|| LayerError::Panic {
        layer: layer(),
        what: "its stored bytes were not read to their end".to_owned(),
    })?;
    let is_cut = indexer.is_cut();
    let index = index(diff_id, tar_bytes, summary, indexer);
    Ok(Built { index, digest, compressed, is_cut })
}

fn index(diff_id: DiffId, tar_bytes: u64, summary: WalkSummary, indexer: Indexer) -> LayerIndex {
    let is = |list: &[u32], entry: u32| list.binary_search(&entry).is_ok();
    let apart = |entry| is(&summary.rooted, entry) || is(&summary.escaping, entry);
    let (entries, facts, duplicates) = indexer.finish(apart);
    let mut oddities: Vec<Oddity> = Vec::new();
    oddities.extend(summary.trailing.map(|bytes| Oddity::TrailingData { bytes }));
    oddities.extend(summary.escaping.into_iter().map(|entry| Oddity::EscapingPath { entry }));
    oddities.extend(summary.unknown_type.into_iter().map(|entry| Oddity::UnknownType { entry }));
    oddities.extend(summary.too_long.into_iter().map(|entry| Oddity::TooLongPath { entry }));
    oddities.extend(duplicates.into_iter().map(|entry| Oddity::DuplicateEntry { entry }));
    LayerIndex {
        diff_id,
        tar_bytes,
        content_bytes: summary.content_bytes,
        entries,
        facts,
        oddities,
    }
}

/// A stream that does not inflate is most often not the one that was asked for: reads the rest of it, and
/// says that if it is so.
fn prefer_stored_error<R: Read>(stored: &mut VerifyReader<R>, corrupt: StreamError) -> StreamError {
    match io::copy(stored, &mut io::sink()) {
        Ok(_) => corrupt,
        Err(e) => StreamError::from_io(e, "stored", 0),
    }
}

/// Why the inflating side stopped before the end.
enum Stopped {
    Stream(StreamError),
    /// The other side hung up.
    Unheard,
}

/// Inflates to the end of the stored bytes: the diff id and the length of the tar.
fn inflate(
    stored: impl StoredRead,
    settings: &BuildSettings,
    mut out: PipeWriter,
) -> Result<(DiffId, u64), Stopped> {
    let result = pump(stored, settings, &mut out);
    if let Err(Stopped::Stream(_)) = &result {
        // The walk must not take the break for the end of the tar.
        out.abort();
    }
    result
}

/// A verifying reader that can be lent.
trait StoredRead: Read {
    fn stored(&self) -> std::sync::Arc<std::sync::atomic::AtomicU64>;
}

impl<R: Read> StoredRead for &mut VerifyReader<R> {
    fn stored(&self) -> std::sync::Arc<std::sync::atomic::AtomicU64> {
        self.counter()
    }
}

fn pump(
    stored: impl StoredRead,
    settings: &BuildSettings,
    out: &mut PipeWriter,
) -> Result<(DiffId, u64), Stopped> {
    let typed = |e| Stopped::Stream(StreamError::from_io(e, "stored", 0));
    let counter = stored.stored();
    let inflated = Decompress::of_layer(stored, &settings.stop).map_err(typed)?;
    let mut tar = LimitedReader::new(inflated, settings.limits, counter);
    let mut hasher = Hasher::sha256();
    let mut total = 0;
    loop {
        let mut buffer = out.buffer();
        let filled = fill(&mut tar, &mut buffer).map_err(typed)?;
        if filled == 0 {
            break;
        }
        buffer.truncate(filled);
        hasher.update(&buffer);
        total += filled as u64;
        out.send(buffer).map_err(|()| Stopped::Unheard)?;
    }
    out.finish();
    Ok((DiffId(hasher.finish()), total))
}

/// Reads until the buffer is full or the stream ends.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

type Walked = Result<(WalkSummary, Indexer), WalkError>;

/// Walks the tar in a thread that need not be waited for: a file that is hard to look into holds up nobody
/// who was told to stop.
fn walk_beside(
    reader: PipeReader,
    analyzers: Vec<Box<dyn Analyzer>>,
    settings: &BuildSettings,
) -> io::Result<Receiver<Result<Walked, String>>> {
    let (sender, receiver) = bounded(1);
    let (limits, facts) = (settings.walk, settings.facts.clone());
    std::thread::Builder::new().name("walk".to_owned()).spawn(move || {
        let walked = catch_unwind(AssertUnwindSafe(|| analyse(reader, analyzers, &limits, facts)));
        let _ = sender.send(walked.map_err(|panic| words(&*panic)));
    })?;
    Ok(receiver)
}

/// What the walk came to, or the words of its panic.
fn outcome(walk: &Receiver<Result<Walked, String>>, stop: &Stop) -> Result<Walked, String> {
    loop {
        match walk.recv_timeout(LOOK) {
            Ok(walked) => return walked,
            Err(RecvTimeoutError::Timeout) if !stop.is_set() => {}
            Err(_) => return Err("the walk ended without a word".to_owned()),
        }
    }
}

fn analyse(
    mut tar: PipeReader,
    analyzers: Vec<Box<dyn Analyzer>>,
    limits: &WalkLimits,
    facts: FactsBudget,
) -> Result<(WalkSummary, Indexer), WalkError> {
    let mut indexer = Indexer::new(analyzers, facts);
    let summary = walk(&mut tar, limits, &mut indexer)?;
    Ok((summary, indexer))
}

/// The text of a panic.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown".to_owned())
}

/// Tells of bytes as they pass.
struct ProgressReader<'a> {
    inner: &'a mut dyn Read,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Read for ProgressReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        (self.progress)(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
