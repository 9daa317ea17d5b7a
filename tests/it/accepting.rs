//! Accepted and known findings: they do not count, and they do not vanish.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

fn value(n: u64) -> String {
    ["xK9", "vQ2mZ", "7pLw4", "TnB", &n.to_string()].concat()
}

/// Two secrets in files, and an image that runs as root without a health check.
fn image() -> ImageBuilder {
    ImageBuilder::new().layer(
        "COPY . .",
        LayerBuilder::new()
            .file("app/.env", format!("DB_PASSWORD={}\n", value(1)))
            .file("app/tests/fixture.env", format!("DB_PASSWORD={}\n", value(2))),
    )
}

struct Place {
    home: Home,
    folder: TempDir,
    image: String,
}

impl Place {
    fn new() -> Self {
        let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
        let image = show(&image().write_layout(&folder.path().join("layout"), "1"));
        Self { home, folder, image }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        show(&path)
    }

    fn report(&self, more: &[&str]) -> Value {
        self.home.report(&self.image, more)
    }
}

/// Rules and paths of a list of findings.
fn told(list: &Value) -> Vec<(String, String)> {
    let text = |f: &Value, key: &str| f[key].as_str().unwrap_or_default().to_owned();
    list.as_array().unwrap().iter().map(|f| (text(f, "rule"), text(f, "path"))).collect()
}

const ALL: &str = "[[allow]]\nrule = \"secret/*\"\nreason = \"a demo\"\nexpires = 2999-12-31\n\
    [[allow]]\nrule = \"config/*\"\nreason = \"a batch job\"\n";

#[test]
fn accepted_findings_are_listed_apart_and_do_not_fail() {
    let place = Place::new();
    let config = place.write("ours.toml", ALL);
    let before = place.home.run(&["inspect", &place.image, "--fail-on", "medium"]);
    assert_eq!(before.status, 1, "{}", before.text());
    let run = place.home.run(&["inspect", &place.image, "--fail-on", "info", "--config", &config]);
    assert_eq!(run.status, 0, "{}{}", run.text(), run.stderr);
    assert!(run.text().contains("no new findings"), "{}", run.text());
    assert!(run.text().contains("4 findings accepted not listed"), "{}", run.text());

    let report = place.report(&["--config", &config]);
    assert_eq!(report["findings"], json!([]));
    assert_eq!(report["hidden"], json!({ "below_confidence": 0, "accepted": 4, "known": 0 }));
    let accepted = &report["accepted"][1];
    insta::assert_json_snapshot!(accepted, {
        ".fingerprint" => "[fingerprint]", ".masked" => "[mask]", ".layer_digest" => "[digest]",
        ".recover" => "[command]", ".accepted_by" => insta::dynamic_redaction(|v, _| {
            v.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
        }),
    });
    let advice = report["advice"].to_string();
    assert!(!advice.contains("Revoke"), "{advice}");
}

#[test]
fn a_path_accepts_one_and_leaves_the_other() {
    let place = Place::new();
    let ignore =
        place.write("list", "secret/*:app/tests/**   # made up\nconfig/root-user\n*.key\n");
    let report = place.report(&["--ignore-file", &ignore]);
    let left = told(&report["findings"]);
    assert!(left.iter().any(|(_, path)| path == "app/.env"), "{left:?}");
    assert!(!left.iter().any(|(_, path)| path == "app/tests/fixture.env"), "{left:?}");
    assert_eq!(told(&report["accepted"]).len(), 2, "{}", report["accepted"]);
    assert!(report["accepted"].to_string().contains("made up"));

    let fingerprint = report["findings"][0]["fingerprint"].as_str().unwrap();
    let ignore = place.write("list", fingerprint);
    let report = place.report(&["--ignore-file", &ignore]);
    assert_eq!(told(&report["accepted"]), [left[0].clone()]);
}

#[test]
fn an_expired_acceptance_is_said_and_counts_again() {
    let place = Place::new();
    let text =
        "[[allow]]\nrule = \"secret/*\"\nreason = \"until the move\"\nexpires = 2020-01-31\n";
    let config = place.write("ours.toml", text);
    let run =
        place.home.run(&["inspect", &place.image, "--config", &config, "--fail-on", "medium"]);
    assert_eq!(run.status, 1);
    let flat = run.text().split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "ours.toml:1 has expired on 2020-01-31, its 2 findings count again: until the move";
    assert!(flat.contains(said), "{}", run.text());
    let report = place.report(&["--config", &config]);
    assert_eq!(report["expired"][0]["findings"], json!(2));
    assert_eq!(report["accepted"], json!([]));
}

#[test]
fn an_entry_that_fits_nothing_is_said_on_request() {
    let place = Place::new();
    let config = place.write("ours.toml", "[[allow]]\nrule = \"secret/none\"\nreason = \"x\"\n");
    let ignore = place.write("list", "config/root-user\n/nowhere/*\n");
    let args = ["inspect", &place.image, "--config", &config, "--ignore-file", &ignore];
    assert_eq!(place.home.run(&args).stderr, "");
    let run = place.home.run(&[&args[..], &["-v"]].concat());
    let notes: Vec<&str> = run.stderr.lines().map(|l| l.rsplit('/').next().unwrap()).collect();
    assert_eq!(run.stderr.matches("note: ").count(), 2, "{}", run.stderr);
    assert!(run.stderr.contains("ours.toml:1 accepts nothing in this image: rule `secret/none`"));
    assert!(run.stderr.contains("list:2 accepts nothing"), "{notes:?}");
    assert!(run.text().contains("accepted: config/root-user"), "{}", run.text());
}

#[test]
fn a_baseline_leaves_what_is_new() {
    let place = Place::new();
    let old = show(&place.folder.path().join("old.json"));
    let write = ["inspect", &place.image, "--format", "json", "--output", &old];
    assert_eq!(place.home.run(&write).status, 0);
    let same = place.home.run(&["inspect", &place.image, "--baseline", &old, "--fail-on", "info"]);
    assert_eq!(same.status, 0, "{}", same.text());
    assert!(same.text().contains("4 findings known from the baseline not listed"));

    // Another build: the files lie in another layer, a third has come, the owner knows of one.
    let more =
        ImageBuilder::new().layer("COPY base .", LayerBuilder::new().file("base", "x")).layer(
            "COPY --link . .",
            LayerBuilder::new()
                .file("app/.env", format!("A=1\nDB_PASSWORD={}\n", value(1)))
                .file("app/tests/fixture.env", format!("DB_PASSWORD={}\n", value(2)))
                .file("app/new.env", format!("DB_PASSWORD={}\n", value(3))),
        );
    let next = show(&more.write_layout(&place.folder.path().join("next"), "2"));
    let ignore = place.write("list", "config/no-healthcheck");
    let with = ["--baseline", &old, "--ignore-file", &ignore];
    let report = place.home.report(&next, &with);
    let told_now = told(&report["findings"]);
    assert_eq!(told_now.iter().map(|f| f.1.as_str()).collect::<Vec<_>>(), ["app/new.env"]);
    assert_eq!(report["hidden"], json!({ "below_confidence": 0, "accepted": 1, "known": 3 }));
    let run = place.home.run(&[&["inspect", &next], &with[..]].concat());
    assert!(run.text().contains("1 finding accepted, 3 known from the baseline not listed"));

    // A baseline from a run with a baseline still knows all; one from all platforms is an array.
    for (image, args) in [(&next, &with[..2]), (&next, &["--all-platforms", "--fail-on", "never"])]
    {
        let newer = show(&place.folder.path().join("newer.json"));
        let write = [&["inspect", image, "--format", "json", "--output", &newer], args].concat();
        place.home.run(&write);
        let again = place.home.report(&next, &["--baseline", &newer]);
        assert_eq!(again["findings"], json!([]), "{args:?}");
    }
}

#[test]
fn a_report_with_everything_set_aside_fits_the_schema() {
    let place = Place::new();
    let old = show(&place.folder.path().join("old.json"));
    place.home.run(&["inspect", &place.image, "--format", "json", "--output", &old]);
    let config = place.write(
        "ours.toml",
        "[[allow]]\npath = \"app/.env\"\nreason = \"x\"\nexpires = \"2999-01-01\"\n\
         [[allow]]\nrule = \"config/*\"\nreason = \"y\"\nexpires = 2020-01-01\n",
    );
    let schema = jsonschema::validator_for(&place.home.run(&["schema"]).json()).unwrap();
    for more in [&["--config", &config][..], &["--config", &config, "--baseline", &old]] {
        let report = place.report(more);
        let errors: Vec<String> = schema.iter_errors(&report).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(report["accepted"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn the_files_of_the_current_folder_count_unless_others_are_named() {
    let place = Place::new();
    place.write("careen.toml", ALL);
    place.write(".careenignore", "config/no-healthcheck\n");
    let run = |more: &[&str]| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_careen"))
            .args([&["inspect", &place.image, "--format", "json", "--no-cache"], more].concat())
            .current_dir(place.folder.path())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        report["hidden"]["accepted"].as_u64()
    };
    assert_eq!(run(&[]), Some(4));
    assert_eq!(run(&["--config", "/dev/null"]), Some(1));
    assert_eq!(run(&["--config", "/dev/null", "--ignore-file", "/dev/null"]), Some(0));
}

#[test]
fn what_cannot_be_used_is_an_error_with_its_place() {
    let place = Place::new();
    let root = show(place.folder.path());
    let mut all = String::new();
    for (flag, text) in [
        ("--config", "[[allow]]\nrule = \"secret/*\"\nraeson = \"x\"\n"),
        ("--config", "[[allow]]\nrule = \"secret/*\"\n"),
        ("--config", "[[allow]\n"),
        ("--ignore-file", "ok\n[\n"),
        ("--baseline", "{\"schema_version\": 99, \"findings\": []}"),
        ("--baseline", "[{\"findings\": 3}]"),
    ] {
        let path = place.write("file", text);
        let run = place.home.run(&["inspect", &place.image, flag, &path]);
        assert_eq!((run.status, run.text().as_str()), (2, ""), "{flag} {text}");
        all.push_str(&format!("$ {flag}\n{}", run.stderr.replace(&root, "HERE")));
    }
    for flag in ["--config", "--ignore-file", "--baseline"] {
        let run = place.home.run(&["inspect", &place.image, flag, "/nonexistent/file"]);
        // A baseline that is no report is an image, and one that is not there is not looked at.
        assert_eq!(run.status, if flag == "--baseline" { 3 } else { 2 });
        all.push_str(&format!("$ {flag}\n{}", run.stderr));
    }
    let text = place.write("file", "neither json nor an image");
    let run = place.home.run(&["inspect", &place.image, "--baseline", &text]);
    assert_eq!(run.status, 3);
    all.push_str(&format!("$ --baseline\n{}", run.stderr.replace(&root, "HERE")));
    insta::assert_snapshot!(all);
}

#[cfg(unix)]
#[test]
fn a_file_with_secrets_in_clear_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let out = place.folder.path().join("report");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for format in ["text", "json"] {
        let args = ["inspect", &place.image, "--format", format, "--output", &show(&out)];
        let _ = std::fs::remove_file(&out);
        place.home.run(&args);
        assert_eq!(mode(&out), 0o644);
        place.home.run(&[&args[..], &["--reveal"]].concat());
        assert_eq!(mode(&out), 0o600, "also where an ordinary file was before");
        assert!(std::fs::read_to_string(&out).unwrap().contains(&value(1)));
    }
}
