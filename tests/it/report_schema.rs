//! The JSON report against its own schema.

use crate::report_sample::{lived_with, slim, tutorial};
use careen::report::{json, schema};
use serde_json::Value;

#[test]
fn real_reports_are_valid() {
    let validator = jsonschema::validator_for(&schema::schema()).unwrap();
    for report in [tutorial(), slim(), lived_with()] {
        let value: Value = serde_json::from_str(&json::one(&report).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let validator = jsonschema::validator_for(&schema::schema()).unwrap();
    let good: Value = serde_json::from_str(&json::one(&slim()).unwrap()).unwrap();
    for (field, bad) in [
        ("schema_version", Value::from(999)),
        ("size", Value::from("big")),
        ("findings", Value::Null),
    ] {
        let mut report = good.clone();
        report[field] = bad;
        assert!(!validator.is_valid(&report), "{field}");
    }
    let mut report = good;
    report.as_object_mut().unwrap().remove("layers");
    assert!(!validator.is_valid(&report));
}

#[test]
fn all_platforms_are_an_array() {
    let value: Value = serde_json::from_str(&json::all(&[slim()]).unwrap()).unwrap();
    assert_eq!(value.as_array().map(Vec::len), Some(1));
}

#[test]
fn the_published_schema_is_the_one_that_is_printed() {
    let published = include_str!("../../docs/report.schema.json");
    let printed = json::pretty(&schema::schema()).unwrap();
    assert!(published == printed, "write it anew: careen schema > docs/report.schema.json");
}
