//! What can go wrong when a report is written in a format.

use thiserror::Error;

/// Why a document could not be written.
#[derive(Debug, Error)]
pub enum FormatError {
    #[error("cannot write the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("cannot write the report as JUnit XML: {0}")]
    Xml(#[from] quick_junit::SerializeError),
    /// A field that the format demands was not given: a mistake of this program.
    #[error("cannot write the report as CycloneDX: {0}")]
    Component(#[from] serde_cyclonedx::cyclonedx::v_1_6::ComponentBuilderError),
}
