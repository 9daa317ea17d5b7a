//! The report for programs: one image is one object; the images of all platforms are an array of the
//! same objects, also when there is only one of them.

use super::model::Report;
use crate::text::json;
use serde::Serialize;

/// One report as a pretty JSON object, with a line break at the end.
pub fn one(report: &Report) -> Result<String, serde_json::Error> {
    pretty(report)
}

/// The reports of all platforms as a pretty JSON array, with a line break at the end.
pub fn all(reports: &[Report]) -> Result<String, serde_json::Error> {
    pretty(&reports)
}

/// A report a line, for programs that read many.
pub fn lines(reports: &[Report]) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    for report in reports {
        out.push_str(&json::compact(report)?);
        out.push('\n');
    }
    Ok(out)
}

/// Any other document of careen's (a difference, a list of files), in the same dress.
pub fn pretty<T: Serialize + ?Sized>(document: &T) -> Result<String, serde_json::Error> {
    let mut text = json::pretty(document)?;
    text.push('\n');
    Ok(text)
}
