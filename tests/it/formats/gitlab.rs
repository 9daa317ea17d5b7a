//! GitLab's container-scanning report.

use super::schemas::{assert_valid, schema};
use super::{hostile, lived_with, made, slim, tutorial, without_blobs};
use careen::report::gitlab;
use careen::report::model::{FindingReport, Section};
use serde_json::Value;
use std::collections::HashSet;

#[test]
fn a_bad_image() {
    insta::assert_snapshot!(gitlab::render(&tutorial(), &made()).unwrap());
}

#[test]
fn a_clean_image() {
    insta::assert_snapshot!(gitlab::render(&slim(), &made()).unwrap());
}

#[test]
fn is_valid_by_gitlabs_schema() {
    let validator = schema("gitlab-15.2.1.json", |_| ());
    for report in [tutorial(), slim(), lived_with(), hostile::report()] {
        assert_valid(&validator, &gitlab::render(&report, &made()).unwrap(), "scan");
    }
    let mut nameless = slim();
    nameless.image.reference.clear();
    assert_valid(&validator, &gitlab::render(&nameless, &made()).unwrap(), "vulnerabilities");
}

#[test]
fn ids_are_unique_and_stay_when_lines_and_layers_change() {
    let ids = |report| -> Vec<String> {
        let text = gitlab::render(&report, &made()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let all = value["vulnerabilities"].as_array().unwrap();
        all.iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut moved = tutorial();
    for f in &mut moved.findings {
        f.line = f.line.map(|n| n + 7);
        f.layer = f.layer.map(|n| n + 1);
    }
    let before = ids(tutorial());
    assert_eq!(before, ids(moved));
    assert_eq!(before.iter().collect::<HashSet<_>>().len(), tutorial().findings.len());
}

#[test]
fn a_partial_report_is_a_failed_scan() {
    for (report, status) in [(tutorial(), "failure"), (slim(), "success")] {
        let text = gitlab::render(&report, &made()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["scan"]["status"], status);
    }
}

/// GitLab has no category for a part: all that it leaves out would count as resolved.
#[test]
fn a_part_of_a_report_is_a_failed_scan() {
    for (only, status) in [
        (vec![Section::Packages], "failure"),
        (vec![Section::Secrets], "failure"),
        (vec![Section::Secrets, Section::Config], "success"),
    ] {
        let mut report = slim();
        report.keep_only(&only);
        let text = gitlab::render(&report, &made()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["scan"]["status"], status, "{only:?}");
        assert!(value["scan"]["messages"].to_string().contains("left out as asked"));
    }
}

/// By these GitLab tells findings apart: two secrets in one file were one.
#[test]
fn no_two_findings_are_one_to_gitlab() {
    let mut report = tutorial();
    let secret = report.findings.iter().find(|f| f.masked.is_some()).unwrap().clone();
    let other = FindingReport { fingerprint: "00000000000000ff".to_owned(), ..secret.clone() };
    report.findings.extend([other, secret]);
    let text = gitlab::render(&report, &made()).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let all = value["vulnerabilities"].as_array().unwrap();
    let keys = all.iter().map(|v| {
        let first = &v["identifiers"][0];
        let place = &v["location"]["dependency"];
        (first["type"].to_string(), first["value"].to_string(), place.to_string())
    });
    assert_eq!(keys.collect::<HashSet<_>>().len(), report.findings.len());
    assert_eq!(all[0]["identifiers"][1]["value"], report.findings[0].rule.as_str());
}

#[test]
fn a_layer_without_a_blob_is_known_by_its_diff_id() {
    let text = gitlab::render(&without_blobs(), &made()).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let all = value["vulnerabilities"].as_array().unwrap();
    let with_layer = all.iter().filter(|v| v["details"]["layer"].is_object());
    let versions = with_layer.map(|v| v["location"]["dependency"]["version"].as_str().unwrap());
    let versions: Vec<&str> = versions.collect();
    assert!(!versions.is_empty());
    assert!(versions.iter().all(|v| v.starts_with("diff id sha256:")), "{versions:?}");
}
