//! Inflates a stream by what its first bytes say, whatever its media type claims: gzip (any number of
//! members), zstd (any number of frames), or nothing; and xz and bzip2, which the image specification lacks and
//! Docker and Podman unpack.
//!
//! Bytes behind the last member that start no other are an error, as in Go's `compress/gzip`.

use super::windows::Held;
use super::{Stop, StreamError, XzReader, ZstdReader};
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead as _, BufReader, Chain, Cursor, Read};

/// Compressed bytes are read in pieces of this size.
const BUFFER: usize = 128 << 10;

/// Largest dictionary that is given to xz, in bytes: what `xz -9` uses.
const DICTIONARY: u64 = 64 << 20;

/// What all dictionaries of a stream may cost, as [`XzReader`] counts it: those of 16 GiB, some seconds.
const DICTIONARIES: u64 = (16 << 30) / 64;

/// The first bytes that were looked at, then the rest.
type Rewound<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// The inflating reader.
pub struct Decompress<R: Read> {
    kind: Kind<R>,
    inflated: u64,
}

enum Kind<R: Read> {
    Plain(Rewound<R>),
    Gzip(Box<MultiGzDecoder<Rewound<R>>>),
    Zstd(Box<ZstdReader<Rewound<R>>>),
    Bzip2(Box<MultiBzDecoder<Rewound<R>>>),
    Xz {
        reader: Box<XzReader<Rewound<R>, Spend>>,
        /// For its dictionary.
        _room: Option<Held>,
    },
}

type Spend = Box<dyn FnMut(u64) -> bool + Send>;

impl<R: Read> Decompress<R> {
    /// Looks at the first bytes. An empty stream is an empty plain one.
    pub fn new(inner: R) -> io::Result<Self> {
        Self::sniff(inner, None)
    }

    /// The same for a layer, of which several are inflated at one time: where all of them together would need
    /// more memory than is good, this one waits for others to end, or for the stop.
    pub fn of_layer(inner: R, stop: &Stop) -> io::Result<Self> {
        Self::sniff(inner, Some(stop))
    }

    fn sniff(mut inner: R, shared: Option<&Stop>) -> io::Result<Self> {
        let mut head = Vec::with_capacity(6);
        // A source may give a byte at a time.
        inner.by_ref().take(6).read_to_end(&mut head)?;
        let magic: [u8; 6] = std::array::from_fn(|i| head.get(i).copied().unwrap_or(0));
        let rewound = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(inner));
        let kind = match magic {
            [0x1f, 0x8b, ..] => Kind::Gzip(Box::new(MultiGzDecoder::new(rewound))),
            // A frame, or one of the sixteen skippable frames.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Kind::Zstd(Box::new(ZstdReader::new(rewound, shared.cloned())?))
            }
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => {
                Kind::Bzip2(Box::new(MultiBzDecoder::new(rewound)))
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0] => {
                let mut left = DICTIONARIES;
                let spend: Spend = Box::new(move |price| {
                    left = left.saturating_sub(price);
                    left > 0
                });
                let _room = shared.map(|stop| Held::of_layers(DICTIONARY, stop)).transpose()?;
                let reader = Box::new(XzReader::new(rewound, DICTIONARY, spend));
                Kind::Xz { reader, _room }
            }
            _ => Kind::Plain(rewound),
        };
        Ok(Self { kind, inflated: 0 })
    }

    /// `gzip`, `zstd`, `bzip2`, `xz` or `uncompressed`.
    pub fn format(&self) -> &'static str {
        match self.kind {
            Kind::Plain(_) => "uncompressed",
            Kind::Gzip(_) => "gzip",
            Kind::Zstd(_) => "zstd",
            Kind::Bzip2(_) => "bzip2",
            Kind::Xz { .. } => "xz",
        }
    }
}

impl<R: Read> Read for Decompress<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.kind {
            Kind::Plain(r) => r.read(buf),
            Kind::Gzip(r) => r.read(buf),
            Kind::Zstd(r) => r.read(buf),
            Kind::Bzip2(r) => r.read(buf),
            Kind::Xz { reader: r, .. } => match r.read(buf) {
                Ok(0) if !buf.is_empty() && !r.get_mut().fill_buf()?.is_empty() => {
                    Err(io::Error::other("there are bytes behind its end"))
                }
                done => done,
            },
        };
        match result {
            Ok(n) => {
                self.inflated += n as u64;
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => Err(StreamError::from_io(e, self.format(), self.inflated).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        w.write_all(bytes).unwrap();
        w.finish().unwrap()
    }

    /// One byte at a time, as a bad connection may.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(buf.len()).min(1);
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn inflate(bytes: &[u8]) -> Result<Vec<u8>, StreamError> {
        let mut out = Vec::new();
        Decompress::new(Trickle(bytes))
            .and_then(|mut r| r.read_to_end(&mut out))
            .map_err(|e| StreamError::from_io(e, "test", 0))?;
        Ok(out)
    }

    #[test]
    fn sniffs_whatever_the_media_type_says() {
        for stored in
            [b"hello".to_vec(), gzip(b"hello"), zstd::encode_all(&b"hello"[..], 1).unwrap()]
        {
            assert_eq!(inflate(&stored).unwrap(), b"hello");
        }
        assert_eq!(inflate(b"").unwrap(), b"");
        assert_eq!(inflate(b"ab").unwrap(), b"ab");
    }

    #[test]
    fn members_and_frames_are_one_stream() {
        let two = [gzip(b"hel"), gzip(b"lo")].concat();
        assert_eq!(inflate(&two).unwrap(), b"hello");
        let skippable = b"\x52\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        let frame = |b: &[u8]| zstd::encode_all(b, 1).unwrap();
        let frames = [skippable.clone(), frame(b"hel"), skippable, frame(b"lo")].concat();
        assert_eq!(inflate(&frames).unwrap(), b"hello");
    }

    #[test]
    fn a_cut_or_followed_stream_is_an_error() {
        for stored in
            [gzip(b"hello hello hello"), zstd::encode_all(&b"hello hello"[..], 1).unwrap()]
        {
            for cut in 4..stored.len() {
                assert!(
                    matches!(inflate(&stored[..cut]), Err(StreamError::Corrupt { .. })),
                    "{cut}"
                );
            }
            let followed = [stored.clone(), b"garbage".to_vec()].concat();
            assert!(matches!(inflate(&followed), Err(StreamError::Corrupt { .. })));
        }
        let mut wrong_sum = gzip(b"hello");
        let crc = wrong_sum.len() - 5;
        wrong_sum[crc] ^= 1;
        assert!(matches!(inflate(&wrong_sum), Err(StreamError::Corrupt { format: "gzip", .. })));
    }

    fn by(program: &str, bytes: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), bytes).unwrap();
        let out = std::process::Command::new(program)
            .arg("-c")
            .arg(folder.path().join("x"))
            .output()
            .unwrap();
        assert!(out.status.success());
        out.stdout
    }

    #[test]
    fn bzip2_and_xz_are_read_to_their_end() {
        for (program, format) in [("bzip2", "bzip2"), ("xz", "xz")] {
            let one = by(program, b"hello hello hello");
            let two = [one.clone(), by(program, b"hello")].concat();
            assert_eq!(inflate(&two).unwrap(), b"hello hello hellohello", "{format}");
            for cut in 6..one.len() {
                let e = inflate(&one[..cut]).unwrap_err();
                assert!(
                    matches!(e, StreamError::Corrupt { format: f, .. } if f == format),
                    "{cut}"
                );
            }
            let followed = [one, b"garbage".to_vec()].concat();
            assert!(inflate(&followed).is_err(), "{format}");
        }
    }
}
