//! `careen check`: budgets and demands, and what is new against a baseline, on a real registry.

use crate::support::fleet::{Fleet, base, noise, token};
use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, Run, show};
use crate::support::registry::{Auth, Registry};
use serde_json::Value;
use tempfile::TempDir;

fn status_file(packages: &[(&str, u32)]) -> String {
    let one = |(name, version): &(&str, u32)| {
        format!(
            "Package: {name}\nStatus: install ok installed\nVersion: {version}\nInstalled-Size: 9\nArchitecture: amd64\n\n"
        )
    };
    packages.iter().map(one).collect()
}

/// A shop's image: the base, its packages, its program. Later ones have all that earlier ones have; the third
/// is the second with the packages of the first.
fn shop(version: u32) -> ImageBuilder {
    let mut packages = vec![("libssl3", 1), ("nodejs", if version == 2 { 2 } else { 1 })];
    let mut app = LayerBuilder::new().file("app/old.env", format!("NPM_TOKEN={}\n", token(1)));
    if version == 2 {
        packages.push(("telnet", 1));
    }
    if version > 1 {
        app = app
            .file("app/model.bin", noise(700, 9))
            .file("app/new.env", format!("NPM_TOKEN={}\n", token(2)))
            .file_as("usr/bin/curl", 0o755, 0, b"ELF");
    }
    base(0)
        .layer(
            "RUN /bin/sh -c apt-get install -y nodejs # buildkit",
            LayerBuilder::new().file("var/lib/dpkg/status", status_file(&packages)),
        )
        .layer(
            "COPY . /app # buildkit",
            app.file("app/server.js", noise(100 + version as usize, 3)),
        )
}

struct Place {
    home: Home,
    folder: TempDir,
    registry: Registry,
    fleet: Fleet,
}

impl Place {
    fn new() -> Self {
        let registry = Registry::start(Auth::Anonymous, None);
        let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
        let mut fleet = Fleet::default();
        for version in [1, 2, 3] {
            fleet.put(&registry, "team/shop", &version.to_string(), &shop(version));
        }
        Self { home, folder, registry, fleet }
    }

    fn image(&self, version: u32) -> String {
        format!("{}/team/shop:{version}", self.registry.host)
    }

    fn run(&self, args: &[&str]) -> Run {
        self.home.run(&[args, &["--no-cache"]].concat())
    }

    fn file(&self, name: &str) -> String {
        show(&self.folder.path().join(name))
    }

    /// How often each layer was sent, in the order of their digests.
    fn sent(&self) -> Vec<usize> {
        self.fleet.layers.keys().map(|digest| self.registry.sent(digest)).collect()
    }
}

fn rules(report: &Value) -> Vec<String> {
    let mut all: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| format!("{} {}", f["rule"].as_str().unwrap(), f["path"].as_str().unwrap_or("")))
        .collect();
    all.sort();
    all
}

/// What the two versions differ in, whatever the baseline is made of.
const NEW: [&str; 1] = ["secret/npm-token app/new.env"];

const DEMANDS: [&str; 4] = ["--forbid-package", "telnet", "--forbid-tool", "curl"];

#[test]
fn only_what_is_new_is_told_and_only_what_changed_is_read() {
    let place = Place::new();
    let (old, new) = (place.image(1), place.image(3));
    let report = place.file("old.json");
    let run = place.run(&["inspect", &old, "--format", "json", "--output", &report]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let base_layer: String = {
        let text = std::fs::read(&report).unwrap();
        let json: Value = serde_json::from_slice(&text).unwrap();
        json["layers"][0]["digest"].as_str().unwrap().to_owned()
    };
    for (baseline, read) in [(report.as_str(), 1), (old.as_str(), 2)] {
        place.registry.forget_log();
        let run = place.run(&["check", &new, "--baseline", baseline, "--format", "json"]);
        assert_eq!(run.status, 1, "{}", run.stderr);
        let got = run.json();
        assert_eq!(rules(&got), NEW, "{baseline}");
        assert_eq!(place.registry.sent(&base_layer), 0, "the base is in both");
        assert_eq!(place.sent().iter().sum::<usize>(), read, "{baseline}");
        let growth = &got["growth"];
        assert_eq!(growth["baseline"].as_str().unwrap(), old);
        assert_eq!(growth["shared_layers"], 2);
        assert_eq!(growth["steps"][0]["instruction"], "COPY . /app");
        assert_eq!(growth["packages"], serde_json::json!([]), "{baseline}");
        assert_eq!(growth["files"][0]["path"], "app/model.bin");
        // A report does not list its files, and an unread layer may have any.
        assert_eq!(growth["files"][0]["new"], Value::Null, "{baseline}");
        let unread: Vec<_> = got["not_looked_at"].as_array().unwrap().iter().collect();
        assert_eq!(unread.len(), 2, "{unread:?}");
        assert_eq!(unread[0]["why"], "the baseline has this layer too");
        let partial = place.file("partial.json");
        std::fs::write(&partial, got.to_string()).unwrap();
        let run = place.run(&["check", &new, "--baseline", &partial]);
        assert_eq!(run.status, 2, "{}", run.text());
        assert!(run.stderr.contains("did not read every layer"), "{}", run.stderr);
    }
}

#[test]
fn a_demand_that_takes_every_layer_gets_every_layer() {
    let place = Place::new();
    let (old, new) = (place.image(1), place.image(2));
    let args = ["check", &new, "--baseline", &old, "--max-on-disk", "1kB", "--format", "json"];
    let run = place.run(&args);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let got = run.json();
    assert!(rules(&got).contains(&"policy/on-disk-size ".to_owned()));
    assert_eq!(got["not_looked_at"].as_array().unwrap().len(), 0);
    assert_eq!(got["growth"]["files"][0]["new"], true);
    let larger = |path: &str| {
        let all = got["growth"]["files"].as_array().unwrap();
        all.iter().find(|f| f["path"] == path).unwrap().clone()
    };
    assert_eq!(larger("app/server.js")["after"].as_u64().unwrap(), 102 * 1024);
    assert_eq!(larger("app/server.js")["before"].as_u64().unwrap(), 101 * 1024);
}

#[test]
fn the_same_image_passes_and_adds_nothing() {
    let place = Place::new();
    let image = place.image(2);
    let run = place.run(&["check", &image, "--baseline", &image, "--fail-on", "info"]);
    assert_eq!(run.status, 0, "{}{}", run.text(), run.stderr);
    assert!(run.text().starts_with("PASS"), "{}", run.text());
    assert!(run.text().contains("the same layers and packages"), "{}", run.text());
}

#[test]
fn what_a_gate_says() {
    let place = Place::new();
    let text = |args: &[&str]| {
        let run = place.run(args);
        format!(
            "status {}\n{}{}",
            run.status,
            run.text().replace(&place.registry.host, "registry.test"),
            run.stderr.replace(&place.registry.host, "registry.test")
        )
    };
    let (old, new) = (place.image(1), place.image(2));
    let args = [
        &["check", &new, "--baseline", &old, "--max-growth", "100kB", "--max-compressed", "1GB"][..],
        &DEMANDS,
    ];
    insta::assert_snapshot!("a gate that fails", text(&args.concat()));
    let config = place.file("careen.toml");
    std::fs::write(
        &config,
        "fail-on = [\"critical\"]\n[budget]\ncompressed = \"1GB\"\nwaste-percent = 5\n[require]\nuser = \"65532\"\n",
    )
    .unwrap();
    insta::assert_snapshot!(
        "a gate without a baseline",
        text(&["check", &old, "--config", &config])
    );
}

#[test]
fn a_layer_that_cannot_be_read_is_no_pass() {
    let place = Place::new();
    let new = place.image(2);
    let report = place.run(&["inspect", &new, "--format", "json"]).json();
    let digest = report["layers"][2]["digest"].as_str().unwrap().to_owned();
    std::fs::write(place.registry.blob_file(&digest), b"rotten").unwrap();
    let old = place.image(1);
    let run = place.run(&["check", &new, "--baseline", &old, "--fail-on", "never"]);
    assert_eq!(run.status, 3, "{}", run.text());
    assert!(run.text().starts_with("UNKNOWN"), "{}", run.text());
    let budget = ["check", &new, "--max-on-disk", "1GB", "--format", "json", "--fail-on", "never"];
    let run = place.run(&budget);
    let gaps = run.json()["not_looked_at"].clone();
    assert!(gaps.as_array().unwrap().iter().any(|g| g["what"] == "policy/on-disk-size"), "{gaps}");
}

#[test]
fn a_broken_configuration_is_named_with_line_and_column_and_the_nearest_key() {
    let place = Place::new();
    let config = place.file("careen.toml");
    let mut all = String::new();
    for text in [
        "[budget]\ncompresed = \"1GB\"\n",
        "[budget]\ncompressed = \"1 elephant\"\n",
        "[budget]\nwaste-percent = \"lots\"\n",
        "budget = 3\n",
        "[require]\nusers = []\n",
        "[forbid]\ntools = [1]\n",
        "fail-on = \"hihg\"\n",
        "fail_on = \"high\"\n",
        "[budget\n",
    ] {
        std::fs::write(&config, text).unwrap();
        let run = place.run(&["check", &place.image(1), "--config", &config]);
        assert_eq!((run.status, run.text().as_str()), (2, ""), "{text}");
        all.push_str(&run.stderr.replace(&show(place.folder.path()), "HERE"));
    }
    insta::assert_snapshot!("broken configurations", all);
}

#[test]
fn init_writes_a_configuration_that_check_reads_and_replaces_none() {
    let place = Place::new();
    let config = place.file("careen.toml");
    let run = place.home.run(&["init", &config]);
    assert_eq!((run.status, run.text().as_str()), (0, ""), "{}", run.stderr);
    let run = place.run(&["check", &place.image(1), "--config", &config, "--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    std::fs::write(&config, "mine").unwrap();
    let again = place.home.run(&["init", &config]);
    assert_eq!(again.status, 2);
    assert!(
        again.stderr.contains("is there already\nhint: --force replaces it"),
        "{}",
        again.stderr
    );
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "mine");
    assert_eq!(place.home.run(&["init", &config, "--force"]).status, 0);
}

#[test]
fn outputs_go_where_they_are_named_and_only_the_parts_that_are_asked_for() {
    let place = Place::new();
    let image = place.image(2);
    let (json, lines) = (place.file("r.json"), place.file("r.jsonl"));
    let both = [format!("json={json}"), format!("jsonl={lines}")];
    let args = ["inspect", &image, "--output", &both[0], "--output", &both[1], "--only", "secrets"];
    let run = place.run(&args);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.text().contains("only secrets: all else was left out as asked"), "{}", run.text());
    assert!(!run.text().contains("Layers") && !run.text().contains("config/"), "{}", run.text());
    let one: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let text = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), one);
    assert_eq!(one["only"], serde_json::json!(["secrets"]));
    assert_eq!(one["packages"].as_array().unwrap().len(), 0);
    assert!(one["findings"].as_array().unwrap().iter().all(|f| f["category"] == "secret"));
    // What was cut away would be told as new.
    let checked = place.run(&["check", &image, "--baseline", &json]);
    assert_eq!(checked.status, 2);
    assert!(checked.stderr.contains("it was written with `--only`"), "{}", checked.stderr);

    let several = place.run(&["inspect", &image, &place.image(1), "--format", "jsonl"]);
    assert_eq!(several.text().lines().count(), 2);
    let missing = place.image(9);
    // One that is not there stands in every document, and looks in none of them clean.
    let forms = ["json", "text", "sarif", "junit", "markdown", "html"];
    let files: Vec<String> = forms.iter().map(|f| place.file(&format!("some.{f}"))).collect();
    let outputs: Vec<String> = forms.iter().zip(&files).map(|(f, n)| format!("{f}={n}")).collect();
    let mut args = vec!["inspect", &missing, &image];
    args.extend(outputs.iter().flat_map(|o| ["--output", o]));
    let some = place.run(&args);
    assert_eq!(some.status, 3, "{}", some.stderr);
    assert!(some.stderr.contains("manifest 9 of team/shop"), "{}", some.stderr);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("team/shop:9") && text.contains("404"), "{file}: {text:.3000}");
    }
    let read =
        |n: usize| -> Value { serde_json::from_slice(&std::fs::read(&files[n]).unwrap()).unwrap() };
    let validator = jsonschema::validator_for(&careen::report::schema::schema()).unwrap();
    for one in read(0).as_array().unwrap() {
        assert!(validator.is_valid(one), "{one}");
    }
    assert_eq!(read(0)[0]["not_looked_at"][0]["failed"], true);
    assert_eq!(read(2)["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn outputs_that_cannot_be_written_are_told_before_the_work() {
    let place = Place::new();
    let image = place.image(1);
    place.registry.forget_log();
    let file = place.file("r.json");
    for bad in [
        &["--output", "json=/nonexistent/r.json"][..],
        &["--output", "xml=r.xml"],
        &["--output", &file, "--output", "b.json"],
        &["--output", &file, "--output", &format!("json={file}")],
        &["--output", "json="],
        &["--output", "text=-"],
    ] {
        let run = place.run(&[&["inspect", &image], bad].concat());
        assert_eq!((run.status, run.text().as_str()), (2, ""), "{bad:?}");
    }
    assert_eq!(place.sent().iter().sum::<usize>(), 0);
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let place = Place::new();
    let config = place.file("careen.toml");
    std::fs::write(&config, "fail-on = \"never\"\n[budget]\ncompressed = 1\n").unwrap();
    let image = place.image(1);
    let status = |variable: Option<&str>, flags: &[&str]| {
        let args = [&["check", &image, "--config", &config, "--no-cache"], flags].concat();
        let mut command = place.home.command(&args);
        if let Some(value) = variable {
            command.env("CAREEN_FAIL_ON", value);
        }
        command.status().unwrap().code()
    };
    assert_eq!(status(None, &[]), Some(0));
    assert_eq!(status(Some("critical"), &[]), Some(1));
    assert_eq!(status(Some("critical"), &["--fail-on", "never"]), Some(0));
    assert_eq!(status(Some(""), &[]), Some(0), "a variable without a value is not set");
    // The secret is known to no rule of these, the budget is kept.
    let kept = ["--max-compressed", "1GB", "--fail-on", "config/setuid"];
    assert_eq!(status(None, &kept), Some(0));
    assert_eq!(
        status(None, &["--fail-on", "config/setuid"]),
        Some(1),
        "a broken demand always fails"
    );
}

#[test]
fn devices_pipes_and_links_stay_what_they_are() {
    use std::os::unix::fs::FileTypeExt;
    let place = Place::new();
    let image = place.image(1);
    // A pipe gets the document, and is still a pipe.
    let pipe = place.file("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    let out = format!("json={pipe}");
    let run = place.run(&["inspect", &image, "--output", &out, "--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let read: Value = serde_json::from_slice(&reader.join().unwrap()).unwrap();
    assert_eq!(read["schema_version"], 1);
    assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    // What a link leads to is written, and the link stays.
    let (file, link) = (place.file("real.json"), place.file("link.json"));
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let out = format!("json={link}");
    assert_eq!(place.run(&["inspect", &image, "--output", &out, "--fail-on", "never"]).status, 0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&file).unwrap().starts_with('{'));
    // Two names of one file are one file.
    let both = [format!("json={link}"), format!("sarif={file}")];
    let run = place.run(&["inspect", &image, "--output", &both[0], "--output", &both[1]]);
    assert_eq!(run.status, 2, "{}", run.text());
    // A link to what is not there yet is followed.
    let (later, link) = (place.file("later.json"), place.file("early.json"));
    std::os::unix::fs::symlink(&later, &link).unwrap();
    let out = format!("json={link}");
    assert_eq!(place.run(&["inspect", &image, "--output", &out, "--fail-on", "never"]).status, 0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    // Who may read a file stays as it is.
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&later, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(place.run(&["inspect", &image, "--output", &out, "--fail-on", "never"]).status, 0);
    assert_eq!(std::fs::metadata(&later).unwrap().permissions().mode() & 0o777, 0o640);
    // What a shell has opened for several programs keeps what the others wrote.
    let log = place.file("log");
    let mut args = vec!["inspect", &image, "-q", "--no-cache", "--fail-on", "never"];
    args.extend(["--format", "json", "--output", "/dev/stdout"]);
    let mut command = place.home.command(&args);
    std::fs::write(&log, "head\n").unwrap();
    command.stdout(std::fs::File::options().append(true).open(&log).unwrap());
    assert_eq!(command.status().unwrap().code(), Some(0));
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("head\n{"), "{text:.60}");
    // Standard output by its name.
    let run = place.run(&[
        "inspect",
        &image,
        "-q",
        "--output",
        "json=/dev/stdout",
        "--format",
        "jsonl",
        "--fail-on",
        "never",
    ]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.text().matches("\"schema_version\"").count() == 2, "{}", run.text());
}

#[test]
fn a_report_that_a_shell_has_marked_is_still_a_report() {
    let place = Place::new();
    let (image, report) = (place.image(1), place.file("marked"));
    let run = place.run(&["inspect", &image, "--format", "json"]);
    std::fs::write(&report, format!("\u{feff}{}", run.text())).unwrap();
    let run = place.run(&["check", &image, "--baseline", &report]);
    assert_eq!(run.status, 0, "{}", run.stderr);
}

#[test]
fn a_gate_that_could_never_close_is_refused() {
    let place = Place::new();
    let (image, config) = (place.image(1), place.file("careen.toml"));
    for (text, said) in [
        ("fail-on = []", "an empty list would fail nothing"),
        ("fail-on = [\"config/rootusr*\"]", "did you mean `config/root-user`?"),
        ("fail-on = [\"secret/gihub-pat\"]", "did you mean `secret/github-pat`?"),
    ] {
        std::fs::write(&config, text).unwrap();
        let run = place.run(&["check", &image, "--config", &config]);
        assert_eq!((run.status, run.text().as_str()), (2, ""), "{text}");
        assert!(run.stderr.contains(said), "{text}: {}", run.stderr);
    }
}

#[test]
fn the_owners_demands_cannot_be_left_out() {
    let place = Place::new();
    let image = place.image(2);
    let run = place.run(&["check", &image, "--only", "waste", "--max-compressed", "1kB"]);
    assert_eq!(run.status, 1, "{}", run.text());
    assert!(run.text().contains("waste alone: all else was left out as asked"), "{}", run.text());
}
