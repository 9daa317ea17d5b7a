//! CycloneDX.

use super::schemas::{assert_valid, read};
use super::{hostile, made, slim, tutorial};
use careen::report::cyclonedx;
use careen::report::model::Section;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::str::FromStr;

fn bill(report: &careen::report::model::Report) -> Value {
    serde_json::from_str(&cyclonedx::render(report, &made()).unwrap()).unwrap()
}

#[test]
fn a_bad_image() {
    insta::assert_snapshot!(cyclonedx::render(&tutorial(), &made()).unwrap());
}

#[test]
fn an_image_without_packages() {
    insta::assert_snapshot!(cyclonedx::render(&slim(), &made()).unwrap());
}

/// The schema refers to two others beside it.
fn validator() -> jsonschema::Validator {
    let beside = |name: &str| format!("http://cyclonedx.org/schema/{name}");
    let registry = jsonschema::Registry::new()
        .add(beside("spdx.SNAPSHOT.schema.json"), read("cyclonedx-spdx.json"))
        .unwrap()
        .add(beside("jsf-0.82.SNAPSHOT.schema.json"), read("cyclonedx-jsf.json"))
        .unwrap()
        .prepare()
        .unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .with_registry(&registry)
        .build(&read("cyclonedx-1.6.json"))
        .unwrap()
}

#[test]
fn is_valid_by_the_standard() {
    let validator = validator();
    for report in [tutorial(), slim(), hostile::report()] {
        assert_valid(&validator, &cyclonedx::render(&report, &made()).unwrap(), "bomFormat");
    }
}

#[test]
fn every_package_stands_there_once_with_its_layer() {
    for report in [tutorial(), hostile::report()] {
        let bill = bill(&report);
        let all = bill["components"].as_array().unwrap();
        let libraries: Vec<&Value> = all.iter().filter(|c| c["type"] == "library").collect();
        assert_eq!(libraries.len(), report.packages.len());
        let ids: HashSet<&str> = all.iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), all.len());
        for (component, package) in libraries.iter().zip(&report.packages) {
            let has = |name: &str, value: String| {
                let pair = json!({ "name": name, "value": value });
                component["properties"].as_array().unwrap().contains(&pair)
            };
            assert!(has("careen:layer:number", package.layer.unwrap().to_string()));
            assert!(has("careen:bytes", package.bytes.unwrap().to_string()));
        }
    }
}

/// What was written is read back as what was meant, whatever stands in a name.
#[test]
fn urls_of_packages_can_be_read_back() {
    let report = hostile::report();
    let bill = bill(&report);
    let libraries = bill["components"].as_array().unwrap().iter();
    let mut read = 0;
    for (component, package) in libraries.filter(|c| c["type"] == "library").zip(&report.packages) {
        let Some(url) = component["purl"].as_str() else {
            let parts: Vec<&str> = package.name.split('/').collect();
            let stepping = parts.iter().any(|p| p.is_empty() || *p == "..");
            assert!(stepping || package.version.contains('/'), "{:.80}", package.name);
            continue;
        };
        assert!(url.is_ascii() && !url.contains(['<', ' ', '"', '|', '`']), "{:.200}", url);
        let url = packageurl::PackageUrl::from_str(url).unwrap();
        let tail = package.name.rsplit('/').next().unwrap().to_lowercase();
        assert!(url.name().ends_with(&tail), "{:.200}", url.name());
        assert_eq!(url.version(), Some(package.version.as_str()));
        read += 1;
    }
    assert!(read >= report.packages.len() - 4, "{read}");
}

#[test]
fn a_partial_bill_says_that_it_is() {
    let of = |report| bill(&report)["compositions"][0]["aggregate"].clone();
    assert_eq!(of(tutorial()), "incomplete");
    assert_eq!(of(slim()), "unknown");
    let mut cut = slim();
    cut.keep_only(&[Section::Secrets]);
    assert_eq!(of(cut), "incomplete");
}
