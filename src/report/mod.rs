//! The report: one [`model::Report`], and one file a format. Formats print; they compute nothing.

pub mod assemble;
pub mod baseline;
mod bounds;
pub mod cyclonedx;
pub mod diff;
mod error;
pub mod files;
pub mod gitlab;
pub mod growth;
pub mod html;
pub mod json;
pub mod junit;
mod layer_id;
mod made;
pub mod markdown;
pub mod masked;
pub mod model;
pub mod only;
mod purl;
mod rule_doc;
pub mod sarif;
pub mod scan_profile;
pub mod schema;
mod shown;
pub mod spdx;
pub mod text;
pub mod tree;
pub mod unreadable;
pub mod verdict;
pub mod why;

pub use error::FormatError;
pub use made::Made;
