//! SPDX 2.3 as JSON: the same packages as in CycloneDX, for those who ask for SPDX.
//!
//! careen looks neither for licences nor for copyright, and leaves both out: by the standard (7.13, 7.15,
//! 7.17) that asserts nothing.

use super::cyclonedx::{is_partial, layer_digest, package_id};
use super::error::FormatError;
use super::json;
use super::made::Made;
use super::model::{PackageReport, Report, Section};
use super::purl;
use super::shown::{begun, shown};
use super::text::words;
use spdx_rs::models::{
    CreationInfo, DocumentCreationInformation, ExternalPackageReference,
    ExternalPackageReferenceCategory, PackageInformation, PrimaryPackagePurpose, Relationship,
    RelationshipType, SPDX,
};
use std::collections::HashMap;

/// Characters of a name, and of a sentence.
const NAME: usize = 255;
const SENTENCE: usize = 1000;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const SYSTEM: &str = "SPDXRef-OperatingSystem";
const UNKNOWN: &str = "NOASSERTION";

/// One report as one document.
pub fn render(report: &Report, made: &Made) -> Result<String, FormatError> {
    let mut packages = vec![image(report)];
    packages.extend(system(report));
    let mut seen = HashMap::new();
    packages.extend(report.packages.iter().map(|p| package(report, p, &mut seen)));
    let mut relationships = vec![relation(DOCUMENT, RelationshipType::Describes, IMAGE)];
    let contained = packages.iter().skip(1);
    relationships.extend(
        contained.map(|p| relation(IMAGE, RelationshipType::Contains, &p.package_spdx_identifier)),
    );
    let document = SPDX {
        document_creation_information: creation(report, made),
        package_information: packages,
        other_licensing_information_detected: Vec::new(),
        file_information: Vec::new(),
        snippet_information: Vec::new(),
        relationships,
        annotations: Vec::new(),
        spdx_ref_counter: 0,
    };
    Ok(json::pretty(&document)?)
}

fn creation(report: &Report, made: &Made) -> DocumentCreationInformation {
    DocumentCreationInformation {
        spdx_version: "SPDX-2.3".to_owned(),
        data_license: "CC0-1.0".to_owned(),
        spdx_identifier: DOCUMENT.to_owned(),
        document_name: shown(&report.image.reference, SENTENCE),
        // As 6.5 proposes for those who host no documents.
        spdx_document_namespace: format!(
            "https://spdx.org/spdxdocs/careen-{}",
            made.document(report, "spdx")
        ),
        external_document_references: Vec::new(),
        creation_info: CreationInfo {
            license_list_version: None,
            creators: vec![format!("Tool: careen-{}", env!("CARGO_PKG_VERSION"))],
            created: made.date_time(),
            creator_comment: None,
        },
        document_comment: gaps(report),
        document_describes: Vec::new(),
    }
}

/// What the document does not cover.
fn gaps(report: &Report) -> Option<String> {
    let gaps = report.not_looked_at.iter();
    let mut lines = Vec::new();
    if is_partial(report) {
        lines.push("incomplete: packages may be missing for what was not looked at".to_owned());
    }
    lines.extend(gaps.map(|gap| {
        format!("not looked at: {}", begun(&format!("{}: {}", gap.what, gap.why), SENTENCE))
    }));
    if !report.has(Section::Packages) {
        lines.push("not looked at: packages: left out as asked".to_owned());
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What every package here says.
fn blank(id: &str, name: String) -> PackageInformation {
    PackageInformation {
        package_name: name,
        package_spdx_identifier: id.to_owned(),
        package_download_location: UNKNOWN.to_owned(),
        package_supplier: Some(UNKNOWN.to_owned()),
        files_analyzed: Some(false),
        ..PackageInformation::default()
    }
}

fn image(report: &Report) -> PackageInformation {
    let image = &report.image;
    let layers: Vec<String> = report
        .layers
        .iter()
        .filter_map(|l| Some(format!("layer {}: {}", l.number, layer_digest(report, l.number)?)))
        .collect();
    PackageInformation {
        package_version: image.digest.clone(),
        primary_package_purpose: Some(PrimaryPackagePurpose::Container),
        package_comment: Some(layers.join("\n")).filter(|l| !l.is_empty()),
        external_reference: purl::of_image(image).map(reference).into_iter().collect(),
        ..blank(IMAGE, shown(&image.reference, SENTENCE))
    }
}

/// The distribution, by which scanners find the advisories for its packages.
fn system(report: &Report) -> Option<PackageInformation> {
    let image = &report.image;
    let id = image.os_id.as_deref()?;
    Some(PackageInformation {
        package_version: image.os_version.as_deref().map(|v| shown(v, NAME)),
        primary_package_purpose: Some(PrimaryPackagePurpose::OperatingSystem),
        package_summary_description: image.os_release.as_deref().map(|r| shown(r, NAME)),
        ..blank(SYSTEM, shown(id, NAME))
    })
}

fn package(
    report: &Report,
    package: &PackageReport,
    seen: &mut HashMap<String, usize>,
) -> PackageInformation {
    // An identifier has letters, digits, `.` and `-` (3.2): a name would not do.
    let id = format!("SPDXRef-Package-{}", package_id(package, seen));
    let kind = words::package(package.kind);
    let mut path = shown(&words::path(&package.path), SENTENCE);
    if let Some(inside) = &package.inside {
        path = format!("{path}, inside {}", shown(inside, SENTENCE));
    }
    let mut facts = Vec::new();
    facts.extend(package.state.map(|state| state.word().to_owned()));
    if let Some(number) = package.layer {
        let digest = layer_digest(report, number).map(|d| format!(" ({d})")).unwrap_or_default();
        facts.push(format!("first in layer {number}{digest}"));
    }
    facts.extend(package.bytes.map(|n| format!("{n} bytes on disk")));
    PackageInformation {
        package_version: Some(&package.version).filter(|v| !v.is_empty()).map(|v| shown(v, NAME)),
        source_information: Some(format!("stated by {path} ({kind})")),
        package_comment: Some(facts.join("; ")).filter(|f| !f.is_empty()),
        external_reference: purl::of_package(package, &report.image)
            .map(reference)
            .into_iter()
            .collect(),
        ..blank(&id, shown(&package.name, NAME))
    }
}

fn reference(purl: String) -> ExternalPackageReference {
    ExternalPackageReference {
        reference_category: ExternalPackageReferenceCategory::PackageManager,
        reference_type: "purl".to_owned(),
        reference_locator: purl,
        reference_comment: None,
    }
}

fn relation(from: &str, how: RelationshipType, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        related_spdx_element: to.to_owned(),
        relationship_type: how,
        comment: None,
    }
}
