//! What a rule says.

use crate::analyze::Confidence;
use crate::analyze::secrets::PatternSeverity;
use crate::layer::LayerPath;
use serde::{Deserialize, Serialize};

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl From<PatternSeverity> for Severity {
    fn from(of_pattern: PatternSeverity) -> Self {
        match of_pattern {
            PatternSeverity::Info => Self::Info,
            PatternSeverity::Low => Self::Low,
            PatternSeverity::Medium => Self::Medium,
            PatternSeverity::High => Self::High,
            PatternSeverity::Critical => Self::Critical,
        }
    }
}

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Secret,
    Config,
    /// The image's own bytes are odd: wrong diff id, trailing data.
    Integrity,
    /// The owner's own demands are not met.
    Policy,
}

/// Where the thing stands now.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A container of this image has it.
    Visible,
    /// A later layer has another file at its path; the old one is still downloaded with the image.
    Overwritten,
    /// A later layer deletes it; still downloaded with the image.
    DeletedLater,
    /// Below a directory that a later layer makes opaque; still downloaded with the image.
    HiddenByOpaque,
    /// No file: an environment variable, label, argument or other part of the config.
    OnlyInConfig,
    /// No file: the text of a build step.
    OnlyInHistory,
    /// At no place: it is about the image or a layer as a whole. A report says nothing then.
    #[serde(skip)]
    Nowhere,
}

impl State {
    /// What is at no place stands among what is in the configuration.
    pub(super) fn rank(self) -> Self {
        match self {
            Self::Nowhere => Self::OnlyInConfig,
            other => other,
        }
    }

    /// For a report, which has a state only where there is a place.
    pub fn of_a_place(self) -> Option<Self> {
        (self != Self::Nowhere).then_some(self)
    }
}

/// One thing to know, with its place and proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable id: a rule's, or `secret/<pattern id>`.
    pub rule: String,
    pub category: Category,
    pub severity: Severity,
    pub confidence: Confidence,
    pub state: State,
    pub path: Option<LayerPath>,
    /// Where in the file, if the file holds others: [`crate::analyze::SecretMatch::inside`].
    pub inside: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// Place in `ReadImage::layers`, base 0.
    pub layer: Option<usize>,
    /// Of the history, base 0, where that wrote it and made no layer.
    pub step: Option<usize>,
    pub masked: Option<String>,
    /// The same for the same thing in every run and image.
    pub fingerprint: String,
    /// One sentence, no line break, nothing secret.
    pub message: String,
    /// What to do about it, one sentence.
    pub advice: Option<String>,
    /// The package that ships the file to everyone, unchanged.
    pub package: Option<String>,
    /// Only with `--reveal`.
    pub plain: Option<crate::text::Redacted<Vec<u8>>>,
    /// What a finding about many is about, sorted: see [`super::rule::members`].
    pub members: Vec<String>,
    /// The same secret at other places.
    pub also: Vec<Finding>,
}
