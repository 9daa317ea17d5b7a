//! Why a stream is not what it should be.

use crate::oci::Digest;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("expected {expected} bytes, got {actual}")]
    Size { expected: u64, actual: u64 },
    #[error("expected {expected} bytes, got more")]
    TooLong { expected: u64 },
    #[error("expected digest {expected}, got {actual}")]
    Digest { expected: Digest, actual: Digest },
    /// Where the bytes come from failed: a connection, a disk.
    #[error("{0}")]
    Source(io::Error),
    #[error("corrupt {format} stream after {inflated} inflated bytes: {why}")]
    Corrupt { format: &'static str, inflated: u64, why: String },
    #[error("inflates to more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("inflates to more than {limit} times its stored size: a decompression bomb")]
    Ratio { limit: u64 },
}

impl StreamError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooLarge { .. } => {
                Some("raise `--max-layer-bytes` if the layer is really that large".into())
            }
            Self::Ratio { .. } => {
                Some("raise `--max-ratio` if the layer is known to be harmless".into())
            }
            Self::Size { .. } | Self::TooLong { .. } | Self::Digest { .. } => {
                Some("the stored blob is damaged or was tampered with: push the image again".into())
            }
            _ => None,
        }
    }

    /// Takes the typed error back out of an `io::Error`; any other is the `format`'s own complaint.
    pub fn from_io(error: io::Error, format: &'static str, inflated: u64) -> Self {
        match error.downcast::<StreamError>() {
            Ok(typed) => typed,
            Err(other) => Self::Corrupt { format, inflated, why: other.to_string() },
        }
    }
}

impl From<StreamError> for io::Error {
    fn from(e: StreamError) -> Self {
        let kind = match &e {
            StreamError::Source(inner) => inner.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        // `Interrupted` would make std's helpers read on.
        let kind = if kind == io::ErrorKind::Interrupted { io::ErrorKind::Other } else { kind };
        io::Error::new(kind, e)
    }
}
