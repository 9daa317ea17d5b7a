//! What an image was built on: told by a table of the user's, and by a real registry where it may be asked.

use crate::support::program::{Home, show};
use crate::support::registry::{Auth, Registry};
use crate::support::tutorial::{base, tutorial};
use serde_json::Value;

fn from(dockerfile: &str) -> &str {
    dockerfile.lines().find(|l| l.starts_with("FROM ")).unwrap()
}

fn same_base(report: &Value) -> &Value {
    report["advice"].as_array().unwrap().iter().find(|a| a["id"] == "same-base").unwrap()
}

#[test]
fn a_base_is_known_by_its_layers() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let image = show(&tutorial().write_layout(&folder.path().join("app"), "1"));
    let below = show(&base().write_layout(&folder.path().join("base"), "1"));
    let layer = home.report(&below, &[])["layers"][0]["diff_id"].as_str().unwrap().to_owned();
    let table = folder.path().join("bases.toml");
    let text = format!("[[base]]\nname = \"corp/golden:7\"\nlayers = [\"{layer}\"]\n");
    std::fs::write(&table, text).unwrap();
    let guessed = home.report(&image, &[]);
    assert_eq!(
        (&guessed["base"]["how"], &guessed["base"]["name"]),
        (&"history".into(), &Value::Null)
    );
    let known = home.report(&image, &["--bases", &show(&table)]);
    let base = &known["base"];
    assert_eq!((&base["how"], &base["name"]), (&"layers".into(), &"corp/golden:7".into()));
    assert_eq!(base["size"], known["layers"][0]["size"]);
    let secret =
        known["findings"].as_array().unwrap().iter().find(|f| f["category"] == "secret").unwrap();
    assert_eq!(secret["of_base"], false);
    let written =
        home.run(&["advise", &image, "--bases", &show(&table), "--emit", "same-base"]).text();
    assert_eq!(from(&written), "FROM corp/golden:7");
    std::fs::write(&table, "[[base]]\nnam = 1\n").unwrap();
    let wrong = home.run(&["inspect", &image, "--bases", &show(&table)]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.stderr.contains("--bases") && wrong.stderr.contains("nam"), "{}", wrong.stderr);
}

#[test]
fn a_registry_tells_digest_and_size_only_when_it_may_be_asked() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let image = show(&tutorial().write_layout(&folder.path().join("app"), "1"));
    let below = base().write_layout(&folder.path().join("base"), "1");
    let registry = Registry::start(Auth::Anonymous, None);
    registry.push_as(&below, "hub/library/debian:12", None);
    let mirror = format!("docker.io={}/hub", registry.host);
    let advise = |more: &[&str]| {
        let words =
            [&["advise", &image, "--base-mirror", &mirror, "--format", "json"], more].concat();
        home.run(&words).json()
    };
    let pushed = registry.sent("/manifests/12");
    let silent = advise(&[]);
    assert_eq!(registry.sent("/manifests/12"), pushed, "nobody was asked");
    assert_eq!(from(same_base(&silent)["dockerfile"].as_str().unwrap()), "FROM debian:12");
    let asked = advise(&["--resolve-bases"]);
    assert!(registry.sent("/manifests/12") > pushed);
    let line = from(same_base(&asked)["dockerfile"].as_str().unwrap());
    let digest = home.report(&format!("{}/hub/library/debian:12", registry.host), &[]);
    let digest = digest["image"]["digest"].as_str().unwrap();
    assert_eq!(line, format!("FROM {}/hub/library/debian:12@{digest}", registry.host));
}

#[test]
fn a_registry_that_does_not_answer_is_a_risk_not_an_error() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let image = show(&tutorial().write_layout(&folder.path().join("app"), "1"));
    let registry = Registry::start(Auth::Anonymous, None);
    let words = ["advise", &image, "--resolve-bases", "--format", "json", "--base-mirror"];
    let mirror = format!("docker.io={}/hub", registry.host);
    let run = home.run(&[&words[..], &[mirror.as_str()]].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let text = run.text();
    assert_eq!(from(same_base(&run.json())["dockerfile"].as_str().unwrap()), "FROM debian:12");
    assert!(text.contains("not of today") || !text.contains("\"slim\""), "{text}");
}
