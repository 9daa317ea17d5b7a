//! By what a layer is known outside its image.

use super::model::{LayerReport, Report};

/// The digest of its blob, or `diff id sha256:…` in an archive that has no blobs.
pub(super) fn layer_id(report: &Report, number: usize) -> Option<String> {
    let layer = layer(report, number)?;
    let of_content = || layer.diff_id.as_ref().map(|d| format!("diff id {d}"));
    layer.digest.clone().or_else(of_content)
}

pub(super) fn layer(report: &Report, number: usize) -> Option<&LayerReport> {
    report.layers.iter().find(|l| l.number == number)
}
