//! What one image, one registry or one flag must not do to everything else in a store.

use crate::support::fake_registry::{Answer, FakeRegistry};
use crate::support::fleet::{Fleet, app, base, store_in, token};
use crate::support::image_builder::{LayerBuilder, digest};
use crate::support::program::{Home, show};
use crate::support::proxy::{Fault, Proxy};
use crate::support::registry::{Auth, Registry};
use serde_json::{Value, json};

fn rows(home: &Home, store: &str, args: &[&str]) -> Vec<Value> {
    let run = home.run(&[&["inventory"], args, &["--store", store, "--format", "json"]].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.json()["rows"].as_array().unwrap().clone()
}

/// A manifest of these layer descriptors, with a config of its own, as `repository:tag`.
fn put_manifest(registry: &Registry, repository: &str, tag: &str, layers: &Value) {
    let diff_ids = vec![format!("sha256:{}", "0".repeat(64)); layers.as_array().unwrap().len()];
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": {"t": tag}},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}})
    .to_string();
    registry.keep_blob(repository, config.as_bytes());
    let manifest = json!({"schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": layers})
    .to_string();
    registry.keep_blob(repository, manifest.as_bytes());
    registry.keep_tag(repository, tag, &digest(manifest.as_bytes()));
}

#[test]
fn a_manifest_cannot_hide_a_layer_that_others_have_too() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(7));
    let image =
        base(1).layer("COPY . /app # buildkit", LayerBuilder::new().file("root/.npmrc", npmrc));
    fleet.put(&registry, "z-team/app", "1", &image);
    // Planned first: the same layers as foreign ones, and with other sizes.
    let layers: Vec<(&String, &u64)> = fleet.layers.iter().collect();
    let foreign: Vec<Value> = layers
        .iter()
        .map(|(d, size)| {
            json!({"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                "digest": d, "size": size})
        })
        .collect();
    put_manifest(&registry, "a-evil/foreign", "1", &Value::from(foreign));
    for (name, wrong) in [("short", 10), ("long", 99_999_999)] {
        let lying: Vec<Value> = layers
            .iter()
            .map(|(d, _)| {
                json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": d, "size": wrong})
            })
            .collect();
        put_manifest(&registry, &format!("a-evil/{name}"), "1", &Value::from(lying));
    }
    let store = store_in(folder.path());
    let evil = format!("{}/a-evil", registry.host);
    home.run(&["sweep", &evil, "--store", &store, "--dry-run"]);
    let run = home.run(&["sweep", &registry.host, "--store", &store, "--format", "json"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let gaps = run.json()["not_looked_at"].as_array().unwrap().clone();
    assert!(gaps.iter().all(|g| g["reference"].as_str().unwrap().contains("a-evil/")), "{gaps:?}");
    assert!(
        gaps.iter().any(|g| g["why"].as_str().unwrap().contains("expected 10 bytes")),
        "{gaps:?}"
    );
    let secrets = rows(&home, &store, &["secrets", "--repository", "z-team/*"]);
    assert_eq!(secrets.len(), 1);
    let whole = rows(&home, &store, &["images", "--repository", "z-team/*"]);
    assert_eq!(whole[0]["partial"], false);
}

#[test]
fn a_dry_run_leaves_no_work_behind_and_hides_nothing() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let (small, large) =
        (Registry::start(Auth::Anonymous, None), Registry::start(Auth::Anonymous, None));
    Fleet::fill(&large, 3);
    let mut fleet = Fleet::default();
    fleet.put(&small, "app", "1", &app(0, 1));
    let store = store_in(folder.path());
    let sweep = |host: &str, more: &[&str]| {
        home.run(&[&["sweep", host, "--store", &store, "--format", "json"], more].concat())
    };
    assert_eq!(sweep(&large.host, &["--dry-run"]).status, 0);
    let run = sweep(&small.host, &[]);
    assert_eq!(run.json()["fetched_bytes"], fleet.layer_bytes(), "{}", run.stderr);
    assert!(
        large.asked("/blobs/").iter().all(|(p, _)| !fleet.layers.keys().any(|l| p.ends_with(l)))
    );
    // Sweeping by other rules: what is known stays in sight until it is judged again.
    assert_eq!(sweep(&small.host, &["--dry-run", "--confidence", "possible"]).status, 0);
    assert_eq!(rows(&home, &store, &["images"]).len(), 1);
}

#[test]
fn a_narrowed_sweep_does_not_say_that_the_rest_is_gone() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 2);
    let store = store_in(folder.path());
    let sweep = |more: &[&str]| {
        let run = home.run(&[&["sweep", &registry.host, "--store", &store, "-q"], more].concat());
        assert_eq!(run.status, 1, "{}", run.stderr);
    };
    sweep(&[]);
    sweep(&["--tags", "semver:latest", "--repository", "team-*/*"]);
    let changes = rows(&home, &store, &["changes"]);
    assert!(changes.is_empty(), "{changes:?}");
    sweep(&[]);
    assert!(rows(&home, &store, &["changes"]).is_empty());
}

#[test]
fn a_platform_that_could_not_be_read_is_tried_again_and_told_each_time() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let arm = app(2, 1).architecture("arm64");
    fleet.put_index(&registry, "team/multi", "1", &[app(1, 1), arm.clone()]);
    let folder_of_arm = tempfile::tempdir().unwrap();
    let broken = arm.write_blobs(folder_of_arm.path())["digest"].as_str().unwrap().to_owned();
    let well = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_well = well.clone();
    let proxy = Proxy::start(&registry.host, move |path, _| {
        let bad = path.ends_with(&broken) && !is_well.load(std::sync::atomic::Ordering::SeqCst);
        if bad { Fault::WrongByte } else { Fault::None }
    });
    let store = store_in(folder.path());
    let sweep =
        || home.run(&["sweep", &proxy.host, "--store", &store, "--fail-on", "never"]).status;
    assert_eq!((sweep(), sweep()), (3, 3));
    well.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!((sweep(), sweep()), (0, 0));
}

#[test]
fn impossible_sizes_hosts_and_empty_lists_cost_only_themselves() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    fleet.put(&registry, "good/app", "1", &app(1, 1));
    let absurd = json!([
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": format!("sha256:{}", "1".repeat(64)), "size": u64::MAX / 2},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": format!("sha256:{}", "2".repeat(64)), "size": u64::MAX / 2},
    ]);
    put_manifest(&registry, "evil/huge", "1", &absurd);
    let store = store_in(folder.path());
    let run = home.run(&["sweep", &registry.host, "--store", &store]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(run.text().contains("cannot be true"), "{}", run.text());
    assert_eq!(rows(&home, &store, &["images"]).len(), 1);
    let list = folder.path().join("list");
    let odd =
        format!("x.example:99999/a:1\n{}/good/app:1\n{}/typo:*\n", registry.host, registry.host);
    std::fs::write(&list, odd).unwrap();
    let run = home.run(&["sweep", "--from", &show(&list), "--store", &store, "--format", "json"]);
    assert_eq!((run.status, run.json()["failed"].as_u64()), (3, Some(2)), "{}", run.stderr);
    // A login that sees nothing is not a registry without images.
    let blind = FakeRegistry::start(|asked| match asked.path.starts_with("/v2/_catalog") {
        true => Answer::new(200, r#"{"repositories":[]}"#),
        false => Answer::new(404, ""),
    });
    let run = home.run(&["sweep", &blind.host, "--store", &store]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let nowhere = format!("{}/GOOD", registry.host);
    assert_eq!(home.run(&["sweep", &nowhere, "--store", &store]).status, 0, "names are lower-case");
    let args = ["sweep", &registry.host, "--store", &store, "--platform", "linux/amd46"];
    assert_eq!(home.run(&args).status, 3);
}

#[test]
fn a_password_in_an_address_is_refused_and_not_repeated() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let store = store_in(folder.path());
    let list = folder.path().join("list");
    std::fs::write(&list, "bob:hunter2@registry.example.com/app:1\n").unwrap();
    for args in [
        &["sweep", "https://bob:hunter2@registry.example.com", "--store", &store][..],
        &["sweep", "--from", &show(&list), "--store", &store],
        &["sweep", "registry.example.com", "--store", "host=db password=hunter2"],
        &["sweep", "registry.example.com", "--store", "mysql://u:hunter2@db/x"],
    ] {
        let run = home.run(args);
        assert_eq!(run.status, 2, "{args:?}: {}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}

#[test]
fn a_login_for_one_registry_is_not_sent_to_another() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let other =
        FakeRegistry::start(|_| Answer::new(401, "").with("WWW-Authenticate", "Basic realm=\"x\""));
    let list = folder.path().join("list");
    let two = format!("{}/app:1\nregistry.invalid/app:1\n", other.host);
    std::fs::write(&list, two).unwrap();
    let store = store_in(folder.path());
    let login = ["--username", "bob", "--password-stdin"];
    let from = show(&list);
    let args = [&["sweep", "--from", &from, "--store", &store][..], &login[..]].concat();
    let run = home.run_with(&args, b"hunter2");
    assert_eq!(run.status, 2, "{}", run.stderr);
    assert!(run.stderr.contains("several registries"), "{}", run.stderr);
    assert!(other.asked().is_empty());
}

#[test]
fn a_name_that_only_looks_like_a_digest_is_shown() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(8));
    let layer = LayerBuilder::new().file("sha256:aééééééééééé/.npmrc", npmrc);
    fleet.put(&registry, "team/app", "1", &base(0).layer("COPY . / # buildkit", layer));
    let store = store_in(folder.path());
    assert_eq!(home.run(&["sweep", &registry.host, "--store", &store]).status, 1);
    for view in ["secrets", "places"] {
        let run = home.run(&["inventory", view, "--store", &store, "-v"]);
        assert_eq!(run.status, 0, "{}", run.stderr);
    }
}
