//! SPDX.

use super::schemas::{assert_valid, schema};
use super::{hostile, made, slim, tutorial};
use careen::report::spdx;
use serde_json::Value;
use std::collections::HashSet;

#[test]
fn a_bad_image() {
    insta::assert_snapshot!(spdx::render(&tutorial(), &made()).unwrap());
}

#[test]
fn an_image_without_packages() {
    insta::assert_snapshot!(spdx::render(&slim(), &made()).unwrap());
}

#[test]
fn is_valid_by_the_standard() {
    let validator = schema("spdx-2.3.json", |_| ());
    for report in [tutorial(), slim(), hostile::report()] {
        assert_valid(&validator, &spdx::render(&report, &made()).unwrap(), "SPDXID");
    }
}

/// The document describes the image, the image contains the rest, and ids have only the characters that
/// the standard allows.
#[test]
fn everything_is_related() {
    for report in [tutorial(), hostile::report()] {
        let text = spdx::render(&report, &made()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let packages = value["packages"].as_array().unwrap();
        // The image and its system stand beside its packages.
        assert_eq!(packages.len(), report.packages.len() + 2);
        let ids: HashSet<&str> = packages.iter().map(|p| p["SPDXID"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), packages.len());
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        assert!(ids.iter().all(|id| id.starts_with("SPDXRef-") && id.chars().all(allowed)));
        let relations = value["relationships"].as_array().unwrap();
        let to = |kind: &str| -> HashSet<&str> {
            let of_kind = relations.iter().filter(|r| r["relationshipType"] == kind);
            of_kind.map(|r| r["relatedSpdxElement"].as_str().unwrap()).collect()
        };
        assert_eq!(to("DESCRIBES"), HashSet::from(["SPDXRef-Image"]));
        let mut all = to("CONTAINS");
        all.insert("SPDXRef-Image");
        assert_eq!(all, ids);
        let namespace = value["documentNamespace"].as_str().unwrap();
        assert!(url::Url::parse(namespace).is_ok() && !namespace.contains('#'));
    }
}
