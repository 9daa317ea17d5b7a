//! Why one file is kept or not: what `careen why` prints.

use schemars::JsonSchema;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WhyReport {
    /// As asked for, without a leading `/`.
    pub path: String,
    /// The smallest set that holds it: `file`, `package`, `sound`; `None` if nothing that starts leads
    /// to it.
    pub kept: Option<&'static str>,
    /// The package that owns it.
    pub package: Option<String>,
    /// Bytes on disk; of all files in it for a directory.
    pub bytes: u64,
    /// From the file back to what starts.
    pub chain: Vec<WhyStep>,
    /// What the image starts.
    pub command: Vec<String>,
    /// What could not be told without running it: then only `sound` may be relied upon.
    pub unclear: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WhyStep {
    pub path: String,
    pub because: String,
}
