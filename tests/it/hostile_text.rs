//! Small images whose words, paths and lists would cost minutes or gigabytes: each ends soon, in little
//! memory, with a report that says what was not looked at.

use crate::support::fleet::{Fleet, store_in, token};
use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, Run, show};
use crate::support::registry::{Auth, Registry};
use serde_json::{Value, json};

/// CPU seconds: the optimised program needs a twentieth of it.
const SECONDS: u32 = 60;
/// Of memory that is the process's own. The unoptimised program needs about as much as the optimised one.
const MEGABYTES: u32 = 400;

const STATUS: &str = "Package: x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n";

fn scripted(script: &str) -> ImageBuilder {
    let layer = LayerBuilder::new().file_as("entry.sh", 0o755, 0, script.as_bytes());
    ImageBuilder::new().layer("COPY . .", layer).config("Entrypoint", json!(["/entry.sh"]))
}

fn with_command(text: &str) -> ImageBuilder {
    ImageBuilder::new()
        .layer("COPY . .", LayerBuilder::new().file_as("bin/sh", 0o755, 0, b"x"))
        .config("Cmd", json!(["/bin/sh", "-c", text]))
}

fn listing(list: &str) -> ImageBuilder {
    let layer = LayerBuilder::new()
        .file("var/lib/dpkg/status", STATUS)
        .file("var/lib/dpkg/info/x.list", format!("{list}\n"));
    ImageBuilder::new().layer("COPY . .", layer)
}

fn one_step(created_by: &str) -> ImageBuilder {
    ImageBuilder::new().layer(created_by, LayerBuilder::new().file("a", "x"))
}

/// Includes in a file that lies `folders` deep.
fn including(folders: usize) -> ImageBuilder {
    let path = format!("etc/{}x.conf", "a/".repeat(folders));
    let layer = LayerBuilder::new()
        .file_named(path.as_bytes(), "include foo\n".repeat(300).as_bytes())
        .file_as("a", 0o755, 0, b"#!/bin/sh\n. ./x\n");
    ImageBuilder::new().layer("COPY . .", layer).config("Entrypoint", json!(["/a"]))
}

fn long_paths_in_the_config() -> ImageBuilder {
    let folders: Vec<String> = (0..20).map(|_| format!("/{}", "b/".repeat(2000))).collect();
    ImageBuilder::new()
        .layer("COPY . .", LayerBuilder::new().file_as("a", 0o755, 0, b"x"))
        .config("Entrypoint", json!(["/a"]))
        .config("WorkingDir", json!(format!("/{}", "a/".repeat(20_000))))
        .config("Env", json!(["PATH=/bin", format!("X={}", folders.join(":"))]))
}

fn deep_name() -> ImageBuilder {
    let path = format!("q{}", "/a".repeat(50_000));
    let layer = LayerBuilder::new().file("etc/x", "1").file_named(path.as_bytes(), b"key=1\n");
    ImageBuilder::new().layer("COPY . .", layer)
}

/// Each with what the report says of it: a rule, or the beginning of what was not looked at.
fn images() -> Vec<(&'static str, ImageBuilder, Option<&'static str>)> {
    let exec = format!("#!/bin/sh\n{}\n", "exec ".repeat(10_000));
    let env = format!("#!/bin/sh\n{}x\n", "env ".repeat(12_000));
    vec![
        ("exec", scripted(&exec), None),
        ("env-words", scripted(&env), None),
        ("command", with_command(&"exec ".repeat(20_000)), None),
        ("command-env", with_command(&format!("{}x", "env ".repeat(10_000))), None),
        ("list", listing(&format!("/{}f", "a/".repeat(4000))), Some("/var/lib/dpkg/info/x.list")),
        ("history", one_step(&format!("RUN |2 A=1 {}", "x ".repeat(200_000))), None),
        ("paths", long_paths_in_the_config(), Some("config")),
        ("includes", including(3000), Some("integrity/too-long-path")),
        ("includes-that-can-be", including(1900), None),
        ("deep", deep_name(), Some("integrity/too-long-path")),
    ]
}

fn inspect(image: &ImageBuilder, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let layout = show(&image.write_layout(folder.path(), "1"));
    let args = [&["inspect", &layout, "--no-cache"], more].concat();
    Home::new().run_within(&args, SECONDS, MEGABYTES)
}

fn gaps(report: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let gaps = report["not_looked_at"].as_array().unwrap();
    gaps.iter().map(|g| (text(&g["what"]), text(&g["why"]))).collect()
}

fn says(report: &Value, what: &str) -> bool {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().any(|f| f["rule"] == what) || gaps(report).iter().any(|g| g.0.starts_with(what))
}

/// The longest text anywhere in a document.
fn longest(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(all) => all.iter().map(longest).max().unwrap_or(0),
        Value::Object(all) => all.values().map(longest).max().unwrap_or(0),
        _ => 0,
    }
}

#[test]
fn each_ends_soon_and_says_what_it_left_out() {
    for (name, image, what) in images() {
        let run = inspect(&image, &["--format", "json"]);
        assert!((0..=1).contains(&run.status), "{name}: {} {}", run.status, run.stderr);
        let report = run.json();
        assert!(what.is_none_or(|what| says(&report, what)), "{name}: {:?}", gaps(&report));
        assert!(longest(&report) < 5000, "{name}: a text of {} bytes", longest(&report));
        let text = inspect(&image, &["-v"]);
        assert_eq!(text.status, run.status, "{name}: {}", text.stderr);
        assert!(text.stdout.len() < 40_000, "{name}: a page of {} bytes", text.stdout.len());
    }
}

#[test]
fn a_sweep_that_meets_all_of_them_ends_with_all_of_them() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let all = images();
    for (name, image, _) in &all {
        fleet.put(&registry, &format!("hostile/{name}"), "1", image);
    }
    let store = store_in(folder.path());
    let args = ["sweep", &registry.host, "--store", &store, "--format", "json"];
    let run = home.run_within(&args, 4 * SECONDS, MEGABYTES);
    assert!((0..=1).contains(&run.status), "{} {}", run.status, run.stderr);
    let run = home.run(&["inventory", "images", "--store", &store, "--format", "json"]);
    assert_eq!(run.json()["rows"].as_array().unwrap().len(), all.len());
}

#[test]
fn many_scripts_in_one_layer_share_what_may_be_spent() {
    let script: String = (0..2000).map(|n| format!("cmd{n} /opt/x{n}/y; . ./f{n}\n")).collect();
    let script = format!("#!/bin/sh\n{script}");
    let mut layer = LayerBuilder::new();
    for n in 0..400 {
        layer = layer.file_as(&format!("s/{n}.sh"), 0o755, 0, script.as_bytes());
    }
    let image = ImageBuilder::new()
        .layer("COPY . .", layer)
        .config("Entrypoint", json!(["/s/1.sh"]))
        .config("WorkingDir", json!("/s"));
    let run = inspect(&image, &["--format", "json"]);
    assert!((0..=1).contains(&run.status), "{} {}", run.status, run.stderr);
    let gaps = gaps(&run.json());
    let spent: Vec<_> = gaps.iter().filter(|g| g.0.ends_with("by references")).collect();
    assert_eq!(spent.len(), 1, "{gaps:?}");
    assert!(spent[0].1.contains("this file and those behind it"), "{gaps:?}");
}

#[test]
fn a_flood_of_secrets_in_the_configuration_is_cut_and_never_clean() {
    let variables: Vec<String> = (0..20_000).map(|n| format!("T{n}={}", token(n))).collect();
    let image = one_step("COPY . .").config("Env", json!(variables));
    let run = inspect(&image, &["--format", "json", "--fail-on", "never"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let report = run.json();
    let secrets = report["findings"].as_array().unwrap().iter();
    let secrets = secrets.filter(|f| f["category"] == "secret").count();
    assert!((1000..1100).contains(&secrets), "{secrets}");
    assert!(says(&report, "the image's configuration"), "{:?}", gaps(&report));
    assert_eq!(report["image"]["env"].as_array().unwrap().len(), 1000);
    assert!(says(&report, "config"), "{:?}", gaps(&report));
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!((0..20_000).all(|n| !shown.contains(&token(n))));
}

#[test]
fn many_small_variables_and_folders_cost_little() {
    let variables: Vec<String> = (0..100_000).map(|n| format!("V{n}=/opt/{n}")).collect();
    let folders: Vec<String> = (0..60_000).map(|n| format!("/p/{n}")).collect();
    let words = (0..5000).map(|n| format!("w{n} ")).collect::<String>();
    let image = with_command(&words)
        .config("Env", json!([vec![format!("PATH={}", folders.join(":"))], variables].concat()));
    let run = inspect(&image, &["--format", "json"]);
    assert!((0..=1).contains(&run.status), "{} {}", run.status, run.stderr);
    assert!(says(&run.json(), "config"));
}
