//! Inflates zstd frame by frame (RFC 8878), so that room for a window is there before it is made.

use super::Stop;
use super::windows::Held;
use std::io::{self, BufRead, Read};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::DParameter;

/// Largest window that is honoured, as a power of two: what `zstd --long` makes and decoders accept without
/// asking.
const WINDOW_LOG_MAX: u32 = 27;

/// The longest header of a frame.
const HEADER: usize = 18;

/// Any number of frames as one stream.
pub struct ZstdReader<R> {
    inner: R,
    decoder: Decoder<'static>,
    /// What was looked at of a frame's beginning, and how much of it the decoder has.
    head: Vec<u8>,
    given: usize,
    in_frame: bool,
    /// Room for the largest window so far: the decoder keeps it.
    held: Option<Held>,
    /// Where room has to be asked for.
    shared: Option<Stop>,
}

impl<R: BufRead> ZstdReader<R> {
    /// `shared`: the window counts among those of the layers that are inflated at one time, until the stop is
    /// set.
    pub fn new(inner: R, shared: Option<Stop>) -> io::Result<Self> {
        Ok(Self {
            inner,
            decoder: decoder()?,
            head: Vec::with_capacity(HEADER),
            given: 0,
            in_frame: false,
            held: None,
            shared,
        })
    }

    /// Looks at the next frame's header and makes room for its window; `false` at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        self.head.clear();
        self.given = 0;
        self.look(5)?;
        if self.head.is_empty() {
            return Ok(false);
        }
        self.look(header_length(&self.head))?;
        if let (Some(window), Some(stop)) = (window(&self.head), &self.shared)
            && window <= 1 << WINDOW_LOG_MAX
            && self.held.as_ref().is_none_or(|held| held.bytes() < window)
        {
            // The old window goes first: two who wait for each other's would wait for ever.
            if self.held.is_some() {
                self.decoder = decoder()?;
                self.held = None;
            }
            self.held = Some(Held::of_layers(window, stop)?);
        }
        self.in_frame = true;
        Ok(true)
    }

    /// Reads on until so many bytes of the header are there, or the stream ends.
    fn look(&mut self, bytes: usize) -> io::Result<()> {
        while self.head.len() < bytes {
            let more = match self.inner.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                more => more?,
            };
            let taken = more.len().min(bytes - self.head.len());
            if taken == 0 {
                break;
            }
            self.head.extend_from_slice(&more[..taken]);
            self.inner.consume(taken);
        }
        Ok(())
    }
}

fn decoder() -> io::Result<Decoder<'static>> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
    Ok(decoder)
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame && !self.begin()? {
                return Ok(0);
            }
            let from_head = self.given < self.head.len();
            let input = match from_head {
                true => &self.head[self.given..],
                false => self.inner.fill_buf()?,
            };
            let ended = input.is_empty();
            let mut input = InBuffer::around(input);
            let mut output = OutBuffer::around(&mut *buf);
            let left = self.decoder.run(&mut input, &mut output)?;
            let (taken, written) = (input.pos(), output.pos());
            match from_head {
                true => self.given += taken,
                false => self.inner.consume(taken),
            }
            self.in_frame = left > 0;
            if written > 0 {
                return Ok(written);
            }
            if self.in_frame && ended {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "incomplete frame"));
            }
        }
    }
}

/// Bytes of a frame's header, by the first five of them; of what is no frame, or one to be skipped, these.
fn header_length(head: &[u8]) -> usize {
    let Some(Descriptor { single, dictionary, content }) = descriptor(head) else { return 5 };
    5 + usize::from(!single) + dictionary + content
}

/// Bytes of the window that a frame asks for; `None` for what is no frame, or one to be skipped.
fn window(head: &[u8]) -> Option<u64> {
    let Descriptor { single, dictionary, content } = descriptor(head)?;
    if !single {
        let byte = *head.get(5)?;
        let base = 1u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * u64::from(byte & 7));
    }
    // The window is the whole content.
    let field = head.get(5 + dictionary..5 + dictionary + content)?;
    let mut bytes = [0; 8];
    bytes[..content].copy_from_slice(field);
    let size = u64::from_le_bytes(bytes);
    Some(if content == 2 { size + 256 } else { size })
}

/// What the fifth byte of a frame says of those behind it.
struct Descriptor {
    /// There is no byte for the window.
    single: bool,
    /// Bytes of the dictionary's id and of the content's size.
    dictionary: usize,
    content: usize,
}

fn descriptor(head: &[u8]) -> Option<Descriptor> {
    let byte = *head.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?.first()?;
    let single = byte >> 5 & 1 == 1;
    let content = match byte >> 6 {
        0 => usize::from(single),
        n => 1 << n,
    };
    Some(Descriptor { single, dictionary: [0, 1, 2, 4][usize::from(byte & 3)], content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(content: &[u8], window_log: u32, size: bool) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.include_contentsize(size).unwrap();
        if size {
            encoder.set_pledged_src_size(Some(content.len() as u64)).unwrap();
        }
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_window_is_read_as_the_decoder_reads_it() {
        for (content, log, size, want) in [
            (300, 17, true, 300),
            (200, 17, true, 200),
            (100_000, 20, true, 100_000),
            (100_000, 20, false, 1 << 20),
            (100_000, 27, false, 1 << 27),
            (5_000_000, 20, true, 1 << 20),
        ] {
            let frame = packed(&vec![7; content], log, size);
            let head = &frame[..header_length(&frame)];
            assert_eq!(window(head), Some(want), "{content} {log} {size}");
        }
        assert_eq!(window(b"\x52\x2a\x4d\x18\x03\0\0\0abc"), None);
        assert_eq!(window(&[0x28, 0xb5, 0x2f, 0xfd]), None);
    }

    #[test]
    fn a_larger_window_than_decoders_take_is_refused() {
        // No size of the content, and a window of 256 MiB.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0];
        let stop = Some(Stop::default());
        let read = ZstdReader::new(&frame[..], stop).unwrap().read_to_end(&mut Vec::new());
        assert!(read.is_err(), "{read:?}");
    }

    #[test]
    fn streams_with_the_largest_window_follow_one_another() {
        let content = vec![7; 300_000];
        let stored = [packed(&content, 27, false), packed(&content, 10, false)].concat();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut out = Vec::new();
                    let stop = Some(Stop::default());
                    ZstdReader::new(&stored[..], stop).unwrap().read_to_end(&mut out).unwrap();
                    assert_eq!(out.len(), 600_000);
                });
            }
        });
    }
}
