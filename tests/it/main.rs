//! The one integration binary.

mod cli_basics;
mod report_sample;
mod report_schema;
mod report_text;
