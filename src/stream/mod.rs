//! Stored bytes to verified, inflated bytes, as a chain of readers: [`verify`] counts and hashes what is
//! stored, [`decompress`] inflates it, [`limits`] stops a bomb.
//!
//! Knows no tar, no layer and no source; errors travel through `std::io::Error` as [`StreamError`].

pub mod decompress;
pub mod error;
pub mod limits;
pub mod stop;
pub mod verify;
mod windows;
pub mod xz;
pub mod zstd;

pub use self::zstd::ZstdReader;
pub use decompress::Decompress;
pub use error::StreamError;
pub use limits::{LimitedReader, Limits};
pub use stop::{Stop, Stoppable};
pub use verify::VerifyReader;
pub use xz::XzReader;
