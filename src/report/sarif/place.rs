//! Where a finding is: as a relative URI, which GitHub's code scanning demands of every result, and in
//! the image's own terms.
//!
//! A path of the image stands as it would in an unpacked image, from the root and without the slash. What
//! has no file, since it is in the configuration or the build history, is laid to the `Dockerfile`: the
//! place where it is put right.

use super::super::layer_id::layer_id;
use super::super::shown::{begun, shown};
use super::result::{NAME, SENTENCE};
use crate::report::model::{FindingReport, PlaceReport, Report};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_sarif::sarif::{
    ArtifactLocation, Location, LogicalLocation, Message, PhysicalLocation, Region,
};

/// Where findings without a file are laid.
pub(super) const NO_FILE: &str = "Dockerfile";

/// Characters of a path that an URI shows; from the middle of a longer one something is left out.
const LONGEST: usize = 1000;

/// All but what RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parts of a place that a finding and its other places share.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub path: Option<&'a str>,
    pub line: Option<u32>,
    pub layer: Option<usize>,
    pub layer_digest: Option<&'a str>,
    pub instruction: Option<&'a str>,
}

impl<'a> From<&'a FindingReport> for Spot<'a> {
    fn from(f: &'a FindingReport) -> Self {
        Self {
            path: f.path.as_deref(),
            line: f.line,
            layer: f.layer,
            layer_digest: f.layer_digest.as_deref(),
            instruction: f.instruction.as_deref(),
        }
    }
}

impl<'a> From<&'a PlaceReport> for Spot<'a> {
    fn from(p: &'a PlaceReport) -> Self {
        Self {
            path: p.path.as_deref(),
            line: p.line,
            layer: p.layer,
            layer_digest: p.layer_digest.as_deref(),
            instruction: p.instruction.as_deref(),
        }
    }
}

/// One place, with what there is to say of it.
pub(super) fn location(report: &Report, spot: Spot, message: Option<&str>) -> Location {
    let region = Region::builder().start_line(i64::from(spot.line.unwrap_or(1).max(1))).build();
    let uri = spot.path.map_or_else(|| NO_FILE.to_owned(), relative_uri);
    let physical = PhysicalLocation::builder()
        .artifact_location(ArtifactLocation::builder().uri(uri).build())
        .region(region)
        .build();
    let mut place = Location::builder()
        .physical_location(physical)
        .logical_locations(logical(report, spot))
        .build();
    place.message = message.map(|text| Message::builder().text(text).build());
    place
}

/// The image, its layer and the build step.
fn logical(report: &Report, spot: Spot) -> Vec<LogicalLocation> {
    let image = &report.image;
    let whole = format!("{} ({})", image.reference, image.platform);
    let mut all = vec![
        LogicalLocation::builder()
            .name(shown(&image.reference, NAME))
            .fully_qualified_name(shown(&whole, 2 * NAME))
            .kind("image")
            .build(),
    ];
    if let Some(number) = spot.layer {
        let name = format!("layer {number}");
        let id = spot.layer_digest.map(str::to_owned).or_else(|| layer_id(report, number));
        let full = id.map_or_else(|| name.clone(), |d| shown(&d, NAME));
        all.push(
            LogicalLocation::builder().name(name).fully_qualified_name(full).kind("layer").build(),
        );
    }
    if let Some(step) = spot.instruction {
        let name = begun(step, SENTENCE);
        all.push(LogicalLocation::builder().name(name).kind("instruction").build());
    }
    all
}

/// A path of an image as a relative URI reference (RFC 3986 4.2) that leads nowhere else: without a
/// scheme, a root, or a step up.
fn relative_uri(path: &str) -> String {
    let segments = path.split('/').filter(|s| !s.is_empty() && *s != ".");
    // Encoded or not, readers take two dots for a step up; a leader of two dots is only a sign.
    let whole = segments.map(|s| if s == ".." { "‥" } else { s }).collect::<Vec<_>>().join("/");
    let short = shown(&whole, LONGEST);
    if short.is_empty() {
        return NO_FILE.to_owned();
    }
    let encoded = short.split('/').map(|s| utf8_percent_encode(s, RESERVED).to_string());
    encoded.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uri_is_relative_and_leads_nowhere_else() {
        for (path, uri) in [
            ("srv/app/.env", "srv/app/.env"),
            ("/etc//passwd", "etc/passwd"),
            ("../../etc/./passwd", "%E2%80%A5/%E2%80%A5/etc/passwd"),
            ("javascript:alert(1)", "javascript%3Aalert%281%29"),
            ("a b/100%/#x?y", "a%20b/100%25/%23x%3Fy"),
            ("a\u{202e}b\n", "a%5Cu%7B202e%7Db%5Cn"),
            ("日本", "%E6%97%A5%E6%9C%AC"),
            ("/", NO_FILE),
            ("", NO_FILE),
        ] {
            assert_eq!(relative_uri(path), uri);
        }
        let long = relative_uri(&"d/".repeat(50_000));
        assert!(long.len() < 4 * LONGEST && !long.contains("//"), "{long}");
    }
}
