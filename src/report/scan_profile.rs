//! By what an image was judged: what another careen, or one with other words, might tell besides.

use crate::analyze::Confidence;
use crate::analyze::secrets::Patterns;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedBy {
    /// Of careen: its rules and analyzers.
    pub version: String,
    /// Changes with any kind of secret that is looked for.
    pub patterns: String,
    /// Secrets less sure than this were counted, not listed.
    pub confidence: Confidence,
}

impl JudgedBy {
    pub fn new(patterns: &Patterns, confidence: Confidence) -> Self {
        let digest = patterns.digest();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            patterns: digest[..8].iter().map(|b| format!("{b:02x}")).collect(),
            confidence,
        }
    }

    /// Whether it tells all that `other` does.
    pub fn covers(&self, other: &Self) -> bool {
        self.version == other.version
            && self.patterns == other.patterns
            && self.confidence <= other.confidence
    }
}
