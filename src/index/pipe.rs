//! The seam between the inflating and the walking thread: a few buffers that go round.

use std::io::{self, BufRead, Read};

use crate::stream::Stop;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use std::time::Duration;

/// How often the inflating side looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes of one buffer, and how many of them are on their way at most.
const BUFFER: usize = 256 << 10;
const IN_FLIGHT: usize = 4;

enum Message {
    Bytes(Vec<u8>),
    End,
}

/// The inflating side.
pub(super) struct PipeWriter {
    out: Sender<Message>,
    used: Receiver<Vec<u8>>,
    aborted: bool,
    stop: Stop,
}

/// The walking side.
pub(super) struct PipeReader {
    from: Receiver<Message>,
    used: Sender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
    ended: bool,
    stop: Stop,
}

/// Both ends break when `stop` is set.
pub(super) fn pipe(stop: &Stop) -> (PipeWriter, PipeReader) {
    let (out, from) = bounded(IN_FLIGHT);
    // Roomy enough that giving a buffer back never blocks.
    let (used, back) = bounded(IN_FLIGHT + 4);
    (
        PipeWriter { out, used: back, aborted: false, stop: stop.clone() },
        PipeReader { from, used, current: Vec::new(), at: 0, ended: false, stop: stop.clone() },
    )
}

impl PipeWriter {
    /// A buffer of full length: a used one where there is one.
    pub fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.used.try_recv().unwrap_or_default();
        buffer.resize(BUFFER, 0);
        buffer
    }

    /// Fails when the other side has hung up.
    pub fn send(&mut self, buffer: Vec<u8>) -> Result<(), ()> {
        self.pass(Message::Bytes(buffer))
    }

    fn pass(&mut self, mut message: Message) -> Result<(), ()> {
        loop {
            message = match self.out.send_timeout(message, LOOK) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Timeout(again)) if !self.stop.is_set() => again,
                Err(_) => return Err(()),
            }
        }
    }

    /// Says that this was all.
    pub fn finish(&mut self) {
        if !self.aborted {
            let _ = self.pass(Message::End);
        }
    }

    /// The stream broke: the other side reads an error.
    pub fn abort(&mut self) {
        self.aborted = true;
    }
}

impl BufRead for PipeReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.current.len() && !self.ended {
            self.stop.check()?;
            let used = std::mem::take(&mut self.current);
            self.at = 0;
            if used.capacity() > 0 {
                let _ = self.used.try_send(used);
            }
            match self.from.recv() {
                Ok(Message::Bytes(bytes)) => self.current = bytes,
                Ok(Message::End) => self.ended = true,
                Err(_) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream broke"));
                }
            }
        }
        Ok(&self.current[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.current.len());
    }
}

impl Read for PipeReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buf.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}
