//! Opinion: facts → [`Finding`]. One rule a file; ids are stable for ever. Never cached.

pub mod finding;
pub mod unneeded;

pub use finding::{Category, Finding, Severity, State};
