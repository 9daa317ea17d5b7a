//! How values are put into words: masked secrets, hostile names, byte sizes.
//!
//! Knows nothing of images, terminals or colours.

pub mod bytes;
pub mod json;
pub mod redact;
pub mod sanitize;
pub mod strings;

pub use bytes::Bytes;
pub use redact::{Redacted, Shape, fingerprint, length_told, mask, mask_in_name};
pub use sanitize::Sanitized;
pub use strings::Strings;
