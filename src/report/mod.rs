//! The report: one [`model::Report`], and one file a format. Formats print; they compute nothing.

pub mod assemble;
pub mod baseline;
pub mod diff;
pub mod files;
pub mod growth;
pub mod html;
pub mod json;
pub mod model;
pub mod only;
pub mod schema;
pub mod text;
pub mod tree;
pub mod verdict;
pub mod why;
