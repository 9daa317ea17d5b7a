//! Compressed streams that may stand one behind the other: gzip's members, zstd's and bzip2's streams.
//!
//! Ends where no further one begins, so that what stands behind them stays to be read; gathers what a stream
//! says beside its content (gzip's file name and comment, zstd's skippable frames).

use super::WINDOW_LOG;
use super::replay::Replay;
use flate2::bufread::GzDecoder;
use std::io::{self, Read};

type Source<'s, 'r> = &'s mut Replay<'r>;

/// More of what is said beside the content is not kept.
const MOST_BESIDE: usize = 256 << 10;

/// A decoder of one stream.
pub(super) trait Frame<'s, 'r>: Read + Sized {
    /// Whether another stream of this kind begins here.
    fn begins(head: &[u8]) -> bool;
    /// `beside`: takes what stands before the content.
    fn open(source: Source<'s, 'r>, beside: &mut Vec<u8>) -> io::Result<Self>;
    /// Behind the end of the stream.
    fn close(self, beside: &mut Vec<u8>) -> Source<'s, 'r>;
}

pub(super) struct Frames<'s, 'r, F> {
    state: State<'s, 'r, F>,
    pub beside: Vec<u8>,
    /// Why it could not be read to its end.
    pub fault: Option<String>,
}

enum State<'s, 'r, F> {
    Between(Source<'s, 'r>),
    Within(F),
    Ended,
}

impl<'s, 'r, F: Frame<'s, 'r>> Frames<'s, 'r, F> {
    pub fn new(source: Source<'s, 'r>) -> Self {
        Self { state: State::Between(source), beside: Vec::new(), fault: None }
    }

    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(source) => {
                    if F::begins(source.peek(16)) {
                        self.state = State::Within(F::open(source, &mut self.beside)?);
                    }
                }
                State::Within(mut frame) => match frame.read(buffer)? {
                    0 if !buffer.is_empty() => {
                        self.state = State::Between(frame.close(&mut self.beside));
                    }
                    n => {
                        self.state = State::Within(frame);
                        return Ok(n);
                    }
                },
            }
        }
    }
}

impl<'s, 'r, F: Frame<'s, 'r>> Read for Frames<'s, 'r, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.step(buffer);
        if let Err(e) = &step {
            self.fault = Some(e.to_string());
        }
        step
    }
}

/// Keeps a text that stands beside the content.
fn keep(beside: &mut Vec<u8>, text: &[u8]) {
    if beside.len() + text.len() < MOST_BESIDE && !text.is_empty() {
        beside.extend_from_slice(text);
        beside.push(b'\n');
    }
}

impl<'s, 'r> Frame<'s, 'r> for GzDecoder<Source<'s, 'r>> {
    fn begins(head: &[u8]) -> bool {
        head.starts_with(&[0x1f, 0x8b, 8])
    }

    fn open(source: Source<'s, 'r>, _: &mut Vec<u8>) -> io::Result<Self> {
        Ok(Self::new(source))
    }

    fn close(self, beside: &mut Vec<u8>) -> Source<'s, 'r> {
        if let Some(header) = self.header() {
            for text in [header.comment(), header.extra()].into_iter().flatten() {
                keep(beside, text);
            }
        }
        self.into_inner()
    }
}

impl<'s, 'r> Frame<'s, 'r> for bzip2::bufread::BzDecoder<Source<'s, 'r>> {
    fn begins(head: &[u8]) -> bool {
        head.starts_with(b"BZh")
    }

    fn open(source: Source<'s, 'r>, _: &mut Vec<u8>) -> io::Result<Self> {
        Ok(Self::new(source))
    }

    fn close(self, _: &mut Vec<u8>) -> Source<'s, 'r> {
        self.into_inner()
    }
}

pub(super) type Zstd<'s, 'r> = zstd::stream::read::Decoder<'static, Source<'s, 'r>>;

/// A frame without content: RFC 8878, section 3.1.2.
pub(super) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

impl<'s, 'r> Frame<'s, 'r> for Zstd<'s, 'r> {
    fn begins(head: &[u8]) -> bool {
        head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable(head)
    }

    fn open(source: Source<'s, 'r>, beside: &mut Vec<u8>) -> io::Result<Self> {
        while is_skippable(source.peek(4)) {
            let mut head = [0; 8];
            source.read_exact(&mut head)?;
            let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            if size as usize > MOST_BESIDE {
                return Err(io::Error::other(format!("a skippable frame of {size} bytes")));
            }
            let mut text = Vec::new();
            source.take(size.into()).read_to_end(&mut text)?;
            if text.len() < size as usize {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            keep(beside, &text);
        }
        let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?.single_frame();
        // A larger window would be memory of the image's choosing.
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(decoder)
    }

    fn close(self, _: &mut Vec<u8>) -> Source<'s, 'r> {
        self.finish()
    }
}
