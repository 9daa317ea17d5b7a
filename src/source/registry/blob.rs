//! One blob as a stream of bytes that survives cuts: a task pumps chunks into a bounded channel, a
//! reader takes them out. A cut or stalled transfer goes on at the exact byte; whether the bytes are
//! the right ones is the verifier's to say, further down.

use super::client::{Ask, Client, Place};
use super::error::RegistryError;
use super::rate::{Meter, Pace};
use super::transport::{connection_error, host_of};
use crate::oci::Descriptor;
use bytes::Bytes;
use reqwest::{Response, StatusCode};
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use url::Url;

/// Chunks that wait for the reader.
const CHUNKS: usize = 16;

/// Largest chunk, in bytes. With [`CHUNKS`] it bounds the memory of one blob.
const CHUNK_SIZE: usize = 256 << 10;

/// Most cuts of one blob, whatever progress is made between them.
const MAX_CUTS: u32 = 200;

/// Most connections in a row that are too slow.
const MAX_SLOW: u32 = 2;

enum Message {
    Chunk(Bytes),
    End,
    Failed(RegistryError),
}

/// The bytes of one blob as the registry gives them. Must not be read on an async thread.
pub(super) struct BlobReader {
    messages: mpsc::Receiver<Message>,
    current: Bytes,
    ended: bool,
    task: AbortHandle,
    /// Keeps the runtime of the task alive.
    _runtime: Arc<super::OwnRuntime>,
}

impl BlobReader {
    pub fn spawn(
        runtime: Arc<super::OwnRuntime>,
        client: Arc<Client>,
        blob: Descriptor,
        follow_foreign: bool,
    ) -> Self {
        let (sender, messages) = mpsc::channel(CHUNKS);
        let task = runtime.handle().spawn(async move {
            let mut pump = Pump {
                client: &client,
                what: format!("blob {}", blob.digest),
                size: blob.size,
                sent: 0,
                meter: client.connection.transport.meter(),
                slow: 0,
                out: sender.clone(),
            };
            let result = pump.run(&blob, follow_foreign).await;
            let last = match result {
                Ok(()) => Message::End,
                Err(e) => Message::Failed(client.connection.sent.error(e)),
            };
            // The reader may be gone; then nobody waits for it.
            let _ = sender.send(last).await;
        });
        Self {
            messages,
            current: Bytes::new(),
            ended: false,
            task: task.abort_handle(),
            _runtime: runtime,
        }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        while self.current.is_empty() {
            if self.ended {
                return Ok(0);
            }
            match self.messages.blocking_recv() {
                Some(Message::Chunk(c)) => self.current = c,
                Some(Message::End) => self.ended = true,
                Some(Message::Failed(e)) => return Err(io::Error::other(e)),
                // Also after a failure: a broken stream must never look like a finished one.
                None => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the transfer has ended early",
                    ));
                }
            }
        }
        let n = self.current.len().min(buf.len());
        buf[..n].copy_from_slice(&self.current.split_to(n));
        Ok(n)
    }
}

impl Drop for BlobReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Pump<'a> {
    client: &'a Client,
    what: String,
    size: u64,
    /// Bytes given to the reader.
    sent: u64,
    /// Of all connections together.
    meter: Meter,
    /// How many connections in a row were too slow.
    slow: u32,
    out: mpsc::Sender<Message>,
}

/// How one answer ended.
enum Leg {
    /// The whole blob is through, or as much as there is.
    Complete,
    /// The reader is gone.
    Unwanted,
    /// It broke off; the rest can be asked for.
    Cut(RegistryError),
}

impl Pump<'_> {
    async fn run(&mut self, blob: &Descriptor, follow_foreign: bool) -> Result<(), RegistryError> {
        let path = format!("blobs/{}", blob.digest);
        match self.transfer(|| Place::Repository(path.clone())).await {
            Err(e) if e.status() == Some(404) && !blob.urls.is_empty() => {
                if !follow_foreign {
                    return Err(RegistryError::Foreign {
                        host: self.client.host(),
                        what: self.what.clone(),
                    });
                }
                let mut last = e;
                for url in &blob.urls {
                    let Some(url) =
                        Url::parse(url).ok().filter(|u| matches!(u.scheme(), "http" | "https"))
                    else {
                        continue;
                    };
                    match self.transfer(|| Place::Foreign(url.clone())).await {
                        // Another copy can still go on where this one failed.
                        Err(e) => last = e,
                        Ok(()) => return Ok(()),
                    }
                }
                Err(last)
            }
            other => other,
        }
    }

    async fn transfer(&mut self, place: impl Fn() -> Place) -> Result<(), RegistryError> {
        let mut cuts = 0;
        let mut waits = self.client.connection.patience.waits();
        loop {
            let ask = Ask { from: self.sent, ..Ask::at(self.what.clone(), place()) };
            let before = self.sent;
            let (response, url) = self.client.get(&ask).await?;
            let error = match self.leg(response, &url).await? {
                Leg::Complete | Leg::Unwanted => return Ok(()),
                Leg::Cut(e) => e,
            };
            cuts += 1;
            if self.slow >= MAX_SLOW {
                return Err(error);
            }
            if self.sent > before && self.slow == 0 {
                waits = self.client.connection.patience.waits();
            }
            match waits.next() {
                Some(wait) if cuts < MAX_CUTS => tokio::time::sleep(wait).await,
                _ => return Err(error),
            }
        }
    }

    /// Passes one answer on, from the first byte that the reader does not have.
    async fn leg(&mut self, mut response: Response, url: &Url) -> Result<Leg, RegistryError> {
        let host = host_of(url);
        // A server that ignores Range begins again: what the reader has is read and dropped.
        let mut skip = self.sent;
        let mut end = None;
        if response.status() == StatusCode::PARTIAL_CONTENT {
            end = Some(self.check_range(&response, &host)?);
            skip = 0;
        }
        // Only a body of known length tells its end from a cut.
        let announced = response.content_length();
        let before = if end.is_some() { self.sent } else { 0 };
        let whole = announced.map(|n| before.saturating_add(n));
        if is_web_page(&response) && whole.is_some_and(|n| n != self.size) {
            return Err(RegistryError::WebPage { host, what: self.what.clone() });
        }
        loop {
            let begun = Instant::now();
            let got = response.chunk().await;
            let length = got.as_ref().map_or(0, |c| c.as_ref().map_or(0, bytes::Bytes::len));
            let pace = self.meter.took(begun.elapsed(), length as u64);
            let transport = &self.client.connection.transport;
            if let Pace::Hopeless(rate) = pace {
                return Err(transport.too_slow(&host, &self.what, rate));
            }
            let mut chunk = match got {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(e) => return Ok(Leg::Cut(connection_error(e, host, &self.what))),
            };
            match pace {
                Pace::Good => self.slow = 0,
                Pace::Slow(rate) => {
                    self.slow += 1;
                    return Ok(Leg::Cut(transport.too_slow(&host, &self.what, rate)));
                }
                _ => {}
            }
            if skip > 0 {
                let n = skip.min(chunk.len() as u64);
                let _ = chunk.split_to(n as usize);
                skip -= n;
            }
            if self.sent + chunk.len() as u64 > self.size {
                return Err(RegistryError::TooLong {
                    host,
                    what: self.what.clone(),
                    expected: self.size,
                });
            }
            while !chunk.is_empty() {
                let part = chunk.split_to(chunk.len().min(CHUNK_SIZE));
                let n = part.len() as u64;
                if self.out.send(Message::Chunk(part)).await.is_err() {
                    return Ok(Leg::Unwanted);
                }
                self.sent += n;
            }
        }
        let complete = self.sent == self.size
            || match end {
                // A part that ends before the whole does: the rest is another request.
                Some(end) => end.is_whole && self.sent > end.last,
                None => announced.is_some() && skip == 0,
            };
        if complete {
            // A blob that is short by its own account is the verifier's to report.
            return Ok(Leg::Complete);
        }
        Ok(Leg::Cut(RegistryError::Protocol {
            host,
            what: self.what.clone(),
            why: format!("ends after {} of {} bytes", self.sent, self.size),
        }))
    }

    fn check_range(&self, response: &Response, host: &str) -> Result<RangeEnd, RegistryError> {
        let given = response
            .headers()
            .get(reqwest::header::CONTENT_RANGE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        match parse_content_range(given) {
            Some((first, last, total)) if first == self.sent => {
                Ok(RangeEnd { last, is_whole: total == Some(last.saturating_add(1)) })
            }
            _ => Err(RegistryError::Protocol {
                host: host.to_owned(),
                what: self.what.clone(),
                why: format!(
                    "asked for the bytes from {}, got `{}`",
                    self.sent,
                    super::error::quote(&self.client.connection.sent.without(given))
                ),
            }),
        }
    }
}

/// Whether the answer says that it is HTML. A layer may be labelled so; its size tells.
fn is_web_page(response: &Response) -> bool {
    let label = response.headers().get(reqwest::header::CONTENT_TYPE);
    label.and_then(|v| v.to_str().ok()).is_some_and(|v| v.trim_start().starts_with("text/html"))
}

#[derive(Clone, Copy)]
struct RangeEnd {
    last: u64,
    /// Whether `last` is the last byte of the whole blob.
    is_whole: bool,
}

/// `bytes FIRST-LAST/TOTAL` (RFC 9110, 14.4); a total of `*` is `None`.
fn parse_content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        n => Some(n.parse().ok()?),
    };
    (first <= last && total.is_none_or(|t| last < t)).then_some((first, last, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(parse_content_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(parse_content_range("bytes 5-9/*"), Some((5, 9, None)));
        for bad in [
            "",
            "bytes */10",
            "bytes 9-5/10",
            "bytes 5-10/10",
            "items 1-2/3",
            "bytes 1-99999999999999999999999/*",
        ] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}
