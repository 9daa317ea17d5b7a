//! SARIF, by the standard and by what GitHub's code scanning asks for.

use super::schemas::{assert_valid, schema};
use super::{hostile, lived_with, made, slim, tutorial, without_blobs};
use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use careen::report::model::{Report, Section};
use careen::report::sarif;
use serde_json::Value;
use std::collections::HashSet;

fn log(reports: &[Report]) -> Value {
    serde_json::from_str(&sarif::render(reports, &made()).unwrap()).unwrap()
}

fn results(log: &Value) -> Vec<&Value> {
    let runs = log["runs"].as_array().unwrap();
    runs.iter().flat_map(|r| r["results"].as_array().unwrap()).collect()
}

#[test]
fn a_bad_image() {
    insta::assert_snapshot!(sarif::render(&[tutorial()], &made()).unwrap());
}

#[test]
fn a_clean_image() {
    insta::assert_snapshot!(sarif::render(&[slim()], &made()).unwrap());
}

#[test]
fn what_is_lived_with_is_suppressed_or_unchanged() {
    insta::assert_snapshot!(sarif::render(&[lived_with()], &made()).unwrap());
}

#[test]
fn is_valid_by_the_standard() {
    let validator = schema("sarif-2.1.0.json", |schema| {
        // A bracket too much, which makes it a pattern that only lenient readers take; not our field.
        for of in ["run", "toolComponent"] {
            let field = &mut schema["definitions"][of]["properties"]["language"];
            field.as_object_mut().unwrap().remove("pattern").unwrap();
        }
    });
    let sets = [vec![tutorial(), slim()], vec![lived_with()], vec![hostile::report()], vec![]];
    for reports in sets {
        assert_valid(&validator, &sarif::render(&reports, &made()).unwrap(), "version");
    }
}

/// Every result has a place with a relative URI that stays below where it is resolved, a line, a rule
/// that its run describes, and a fingerprint.
#[test]
fn every_result_is_one_that_github_takes() {
    let base = url::Url::parse("https://host.example/a/b/").unwrap();
    for report in [tutorial(), lived_with(), hostile::report()] {
        let log = log(&[report]);
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        assert!(!results(&log).is_empty());
        for result in results(&log) {
            let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
            let related = result["relatedLocations"].as_array().into_iter().flatten();
            for place in result["locations"].as_array().unwrap().iter().chain(related) {
                let physical = &place["physicalLocation"];
                let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
                let whole = base.join(uri).unwrap();
                assert!(whole.as_str().starts_with(base.as_str()), "{uri} → {whole}");
                assert!(whole.as_str().len() > base.as_str().len(), "{uri}");
                assert!(uri.split('/').all(|s| !["", ".", ".."].contains(&s)), "{uri}");
                assert!(physical["region"]["startLine"].as_u64().unwrap() >= 1);
            }
            let masked = result["properties"]["masked"].as_str().unwrap_or_default();
            let said = result["message"]["text"].as_str().unwrap();
            assert!(said.contains(&masked.chars().take(12).collect::<String>()), "{said}");
            let prints = &result["partialFingerprints"];
            assert!(prints["primaryLocationLineHash"].as_str().unwrap().ends_with(":1"));
            for text in [&result["message"]["text"], &related_message(result)] {
                let text = text.as_str().unwrap_or_default();
                assert!(!text.contains("](") && !text.contains("{0}"), "{text}");
                assert!(text.len() < 20_000, "{}", text.len());
            }
        }
    }
}

fn related_message(result: &Value) -> Value {
    result["relatedLocations"][0]["message"]["text"].clone()
}

#[test]
fn a_fingerprint_stays_when_line_and_layer_change() {
    let mut moved = tutorial();
    for f in &mut moved.findings {
        f.line = f.line.map(|n| n + 7);
        f.layer = f.layer.map(|n| n + 1);
        f.layer_digest = None;
    }
    let (before, after) = (log(&[tutorial()]), log(&[moved]));
    for (a, b) in results(&before).iter().zip(results(&after)) {
        assert_eq!(a["partialFingerprints"], b["partialFingerprints"]);
    }
    let all: HashSet<String> =
        results(&before).iter().map(|r| r["partialFingerprints"].to_string()).collect();
    assert!(all.len() > 4, "{all:?}");
}

#[test]
fn what_was_not_looked_at_is_no_success() {
    let log = log(&[tutorial(), slim()]);
    let invocation = |n: usize| &log["runs"][n]["invocations"][0];
    assert_eq!(invocation(0)["executionSuccessful"], false);
    let told = invocation(0)["toolExecutionNotifications"].as_array().unwrap();
    let levels: Vec<&str> = told.iter().map(|t| t["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["note", "error"]);
    assert_eq!(invocation(1)["executionSuccessful"], true);
}

/// GitHub refuses a log of two runs of one category, and closes what a category has no more: it must not
/// change with the tag.
#[test]
fn a_category_is_unique_and_outlives_a_tag() {
    let mut next = tutorial();
    next.image.reference = next.image.reference.replace(":1.4", ":1.5");
    let of = |log: &Value, n: usize| log["runs"][n]["automationDetails"]["id"].clone();
    let first = log(&[tutorial()]);
    assert_eq!(of(&first, 0), "careen/registry.example.com/team/shop/linux/amd64/");
    assert_eq!(of(&first, 0), of(&log(&[next.clone()]), 0));
    let both = log(&[tutorial(), next.clone()]);
    assert_eq!(of(&both, 0), "careen/registry.example.com/team/shop/linux/amd64/tag-1.4/");
    assert_eq!(of(&both, 1), "careen/registry.example.com/team/shop/linux/amd64/tag-1.5/");
    let turned = log(&[next.clone(), tutorial(), next]);
    assert_eq!((of(&turned, 0), of(&turned, 1)), (of(&both, 1), of(&both, 0)));
    assert_ne!(of(&turned, 2), of(&turned, 0));
}

#[test]
fn more_results_than_github_takes_are_cut_and_counted() {
    let mut report = tutorial();
    let one = report.findings[0].clone();
    report.findings = vec![one; 25_010];
    let log = log(&[report]);
    assert_eq!(results(&log).len(), 25_000);
    let told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(told.contains("10 findings are left out"), "{told}");
}

/// In the category of the whole report an upload of a part would close what it leaves out.
#[test]
fn a_part_of_a_report_has_a_category_of_its_own() {
    let of = |only: &[Section]| {
        let mut report = slim();
        report.keep_only(only);
        let log = log(&[report]);
        let run = &log["runs"][0];
        let id = run["automationDetails"]["id"].as_str().unwrap().to_owned();
        (id, run["invocations"][0]["executionSuccessful"].as_bool().unwrap())
    };
    let (whole, _) = of(&[]);
    assert_eq!(of(&[Section::Secrets, Section::Config]), (whole.clone(), true));
    assert_eq!(of(&[Section::Secrets]), (format!("{whole}only-secrets/"), true));
    let packages = of(&[Section::Packages, Section::Waste]);
    assert_eq!(packages, (format!("{whole}only-waste-packages/"), false));
}

#[test]
fn a_layer_without_a_blob_is_known_by_its_diff_id() {
    let report = without_blobs();
    let diff_id = |n: u64| report.layers[n as usize].diff_id.clone().unwrap();
    let log = log(std::slice::from_ref(&report));
    let mut seen = 0;
    for result in results(&log) {
        let properties = &result["properties"];
        let Some(layer) = properties["layer"].as_u64() else { continue };
        assert_eq!(properties["layerDigest"], Value::Null);
        assert_eq!(properties["layerDiffId"], diff_id(layer));
        let place = &result["locations"][0]["logicalLocations"][1];
        assert_eq!(place["fullyQualifiedName"], format!("diff id {}", diff_id(layer)));
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn a_secret_of_the_environment_names_the_step_that_set_it() {
    let password = ["xK9", "vQ2mZ", "7pLw4", "TnB8"].concat();
    let pair = format!("DB_PASSWORD={password}");
    let folder = tempfile::tempdir().unwrap();
    let layout = ImageBuilder::new()
        .layer("COPY x /", LayerBuilder::new().file("x", "x"))
        .step("ENV MODE=prod")
        .step(&format!("ENV {pair}"))
        .config("Env", serde_json::json!(["MODE=prod", pair]))
        .write_layout(folder.path(), "1");
    let run = Home::new().run(&["inspect", &show(&layout), "--format", "sarif"]);
    let log: Value = serde_json::from_str(&run.text()).unwrap();
    let mut secrets =
        results(&log).into_iter().filter(|r| r["properties"]["state"] == "only-in-config");
    let secret = secrets.find(|r| r["properties"]["masked"].is_string()).unwrap();
    let places = secret["locations"][0]["logicalLocations"].as_array().unwrap();
    let step = places.iter().find(|p| p["kind"] == "instruction").unwrap();
    let name = step["name"].as_str().unwrap();
    assert!(name.starts_with("ENV DB_PASSWORD=") && !name.contains(&password), "{name}");
}

#[test]
fn more_runs_than_github_takes_are_told() {
    let told = |n: usize| log(&vec![slim(); n])["runs"][n - 1]["invocations"].to_string();
    assert!(!told(20).contains("GitHub takes"));
    assert!(told(21).contains("21 runs are in this file: GitHub takes 20"));
}
