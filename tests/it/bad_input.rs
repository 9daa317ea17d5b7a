//! Bad input: one clear error that names the layer, status 3, the rest still reported, never a panic.

use crate::support::image_builder::{
    Compression, ImageBuilder, LayerBuilder, compress, digest, write_blob, write_index,
};
use crate::support::program::{Home, Run, show};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn good() -> ImageBuilder {
    ImageBuilder::new()
        .layer("one", LayerBuilder::new().file("etc/passwd", "root:x:0:0::/:/bin/sh\n"))
        .layer("two", LayerBuilder::new().file("app/data", "hello"))
        .config("User", json!("1000"))
}

/// A layout of the good image, its second layer's blob and the manifest changed by `change`.
fn spoiled(folder: &Path, change: impl FnOnce(&mut Vec<u8>, &mut Value)) -> PathBuf {
    let manifest = good().write_blobs(folder);
    let blobs = folder.join("blobs/sha256");
    let path = |d: &Value| blobs.join(&d["digest"].as_str().unwrap()[7..]);
    let mut document: Value =
        serde_json::from_slice(&std::fs::read(path(&manifest)).unwrap()).unwrap();
    let layer = path(&document["layers"][1]);
    let mut blob = std::fs::read(&layer).unwrap();
    change(&mut blob, &mut document);
    std::fs::write(layer, blob).unwrap();
    let bytes = serde_json::to_vec(&document).unwrap();
    write_index(
        folder,
        vec![write_blob(folder, "application/vnd.oci.image.manifest.v1+json", &bytes)],
    );
    folder.to_path_buf()
}

fn inspect(layout: &Path, more: &[&str]) -> Run {
    Home::new().run(&[&["inspect", &show(layout), "--format", "json", "--no-cache"], more].concat())
}

/// Status 3, the first layer reported, and these words said of the second.
#[track_caller]
fn partial(layout: &Path, more: &[&str], words: &str) {
    let run = inspect(layout, more);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["layers"][0]["files"], 1, "the good layer is still reported");
    assert_eq!(report["layers"][1]["files"], Value::Null);
    assert_eq!(report["size"]["content"], Value::Null);
    let waste = &report["waste"];
    assert_eq!((&waste["bytes"], &waste["efficiency"]), (&Value::Null, &Value::Null));
    assert_eq!(report["layers"][0]["waste"], Value::Null, "the other may hide all of it");
    let said = &report["not_looked_at"][0];
    assert_eq!((&said["what"], &said["failed"]), (&json!("layer 1"), &json!(true)));
    let why = said["why"].as_str().unwrap();
    assert!(why.contains(words) && why.contains("sha256:"), "{why}");
}

#[test]
fn a_layer_that_is_not_what_it_should_be_is_named() {
    let at = |name: &str| {
        let folder = tempfile::tempdir().unwrap().keep();
        folder.join(name)
    };
    partial(&spoiled(&at("digest"), |b, _| *b.last_mut().unwrap() ^= 1), &[], "expected digest");
    partial(&spoiled(&at("cut"), |b, _| b.truncate(b.len() - 9)), &[], "expected");
    partial(&spoiled(&at("longer"), |b, _| b.extend(b"more")), &[], "got more");
    let restore = |b: &mut Vec<u8>, d: &mut Value| {
        d["layers"][1]["size"] = json!(b.len());
        d["layers"][1]["digest"] = json!(digest(b));
    };
    // From here on the digests are right: what is stored is itself bad.
    for (name, words, spoil) in [
        ("garbage", "corrupt gzip", (|b| b.extend(b"garbage")) as fn(&mut Vec<u8>)),
        ("half", "corrupt gzip", |b| b.truncate(b.len() / 2)),
        ("no-tar", "tar header at byte 0", |b| *b = compress(&[b'x'; 2048], Compression::Gzip)),
        ("xz", "corrupt xz", |b| *b = b"\xfd7zXZ\0....".to_vec()),
    ] {
        let folder = at(name);
        let mut blob = Vec::new();
        let layout = spoiled(&folder, |b, d| {
            spoil(b);
            restore(b, d);
            blob.clone_from(b);
        });
        write_blob(&layout, "", &blob);
        partial(&layout, &[], words);
    }
}

#[test]
fn a_bomb_stops_at_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = LayerBuilder::new().file("zeros", vec![0; 4 << 20]);
    let layout =
        good().layer("bomb", zeros).compression(Compression::Zstd).write_layout(folder.path(), "1");
    let run = inspect(&layout, &["--max-layer-bytes", "1000000"]);
    assert_eq!(run.status, 3);
    assert!(
        run.json()["not_looked_at"][0]["why"].as_str().unwrap().contains("more than 1000000 bytes")
    );
    assert_eq!(inspect(&layout, &[]).status, 0, "within the limits it is a layer like any other");
}

#[test]
fn a_config_that_declares_another_diff_id_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let layout = spoiled(folder.path(), |_, d| {
        let path =
            folder.path().join("blobs/sha256").join(&d["config"]["digest"].as_str().unwrap()[7..]);
        let mut config: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        config["rootfs"]["diff_ids"][1] = json!(digest(b"a clean layer's tar"));
        let bytes = serde_json::to_vec(&config).unwrap();
        d["config"] = write_blob(folder.path(), "application/vnd.oci.image.config.v1+json", &bytes);
    });
    let report = inspect(&layout, &["--fail-on", "never"]).json();
    let rules: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["rule"].as_str().unwrap())
        .collect();
    assert!(rules.contains(&"integrity/diff-id"), "{rules:?}");
}

#[test]
fn hostile_names_cannot_reach_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}f", "d/".repeat(50_000));
    let layer = LayerBuilder::new()
        .file("evil\x1b[31m\x1b]0;title\x07/.env", "password=hunter2hunter2\n")
        .file("evil\u{202e}gnp", vec![0; 300_000])
        .file(&long, "x");
    let layout = good()
        .layer("RUN \x1b[2J", layer)
        .layer("rm", LayerBuilder::new().whiteout("evil\u{202e}gnp"));
    let layout = layout.write_layout(folder.path(), "1");
    for args in [&["inspect", "-v", "--color", "never"][..], &["files"], &["files", "--layer", "2"]]
    {
        let home = Home::new();
        let run = home.run(&[args, &[&show(&layout)]].concat());
        assert!(run.status <= 1, "{}", run.stderr);
        let out = run.text();
        let bad = out.chars().find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert_eq!(bad, None, "{args:?}");
    }
}

#[test]
fn documents_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let index_type = "application/vnd.oci.image.index.v1+json";
    let of = |name: &str, media_type: &str, bytes: &[u8]| {
        let blob = write_blob(&at(name), media_type, bytes);
        write_index(&at(name), vec![blob]);
        at(name)
    };
    for (layout, words) in [
        (of("json", manifest_type, b"{not json"), "invalid JSON"),
        (
            of(
                "both",
                manifest_type,
                br#"{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}"#,
            ),
            "both",
        ),
        (of("schema1", manifest_type, br#"{"schemaVersion":1,"fsLayers":[]}"#), "schema 1"),
        (of("empty", index_type, br#"{"schemaVersion":2,"manifests":[]}"#), "no image"),
    ] {
        let run = inspect(&layout, &[]);
        assert_eq!(run.status, 3, "{words}: {}", run.stderr);
        assert!(
            run.stderr.starts_with("error: ") && run.stderr.contains(words),
            "{words}: {}",
            run.stderr
        );
        assert!(run.stdout.is_empty(), "nothing that could pass for a report");
    }
    let missing = Home::new().run(&["inspect", &show(&at("nowhere.tar"))]);
    assert_eq!(missing.status, 3);
    assert!(missing.stderr.contains("no such file"), "{}", missing.stderr);
}

#[test]
fn what_is_by_nature_not_looked_at_is_said_and_fails_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut image = good().write_blobs(folder.path());
    image["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let mut attestation =
        write_blob(folder.path(), "application/vnd.oci.image.manifest.v1+json", b"{}");
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    let index = json!({ "schemaVersion": 2, "manifests": [image, attestation] });
    let bytes = serde_json::to_vec(&index).unwrap();
    let root = write_blob(folder.path(), "application/vnd.oci.image.index.v1+json", &bytes);
    write_index(folder.path(), vec![root]);
    let run = inspect(folder.path(), &["--platform", "linux/amd64"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let said = run.json()["not_looked_at"].clone();
    assert!(said[0]["why"].as_str().unwrap().contains("attestation"), "{said}");
    assert_eq!(said[0]["failed"], false);
    let none = inspect(folder.path(), &["--platform", "linux/s390x"]);
    assert_eq!(none.status, 3);
    assert!(
        none.stderr.contains("linux/amd64") && none.stderr.contains("hint:"),
        "{}",
        none.stderr
    );
}

#[test]
fn a_foreign_layer_is_read_where_its_bytes_are_and_else_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut blob = PathBuf::new();
    let layout = spoiled(folder.path(), |_, d| {
        let layer = &mut d["layers"][1];
        layer["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
        let hex = layer["digest"].as_str().unwrap()[7..].to_owned();
        blob = folder.path().join("blobs/sha256").join(hex);
    });
    let run = inspect(&layout, &["--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["layers"][1]["files"], &report["not_looked_at"]), (&json!(1), &json!([])));
    std::fs::remove_file(blob).unwrap();
    let run = inspect(&layout, &["--fail-on", "never"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let said = &run.json()["not_looked_at"][0];
    assert!(said["why"].as_str().unwrap().contains("foreign"), "{said}");
}

#[test]
fn an_encrypted_layer_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut noise = Vec::new();
    let layout = spoiled(folder.path(), |b, d| {
        // No cipher text begins like a tar.
        *b = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        noise.clone_from(b);
        let layer = &mut d["layers"][1];
        layer["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip+encrypted");
        layer["size"] = json!(b.len());
        layer["digest"] = json!(digest(b));
    });
    write_blob(&layout, "", &noise);
    partial(&layout, &[], "an encrypted layer");
}

#[test]
fn a_reference_that_is_refused_is_shown_without_its_password() {
    for text in ["docker://bob:PASSWORD@127.0.0.1:9/x", "bob:PASSWORD@127.0.0.1:9/x:1"] {
        let run = Home::new().run(&["inspect", text]);
        assert_eq!(run.status, 2, "{}", run.stderr);
        assert!(run.stderr.contains("***@127.0.0.1:9/x"), "{}", run.stderr);
        assert!(!run.stderr.contains("PASSWORD"), "{}", run.stderr);
    }
}

/// Docker runs such an image: to refuse it would be to look at nothing.
#[test]
fn a_config_that_is_not_all_unicode_is_read_and_remarked() {
    let folder = tempfile::tempdir().unwrap();
    let layout = spoiled(folder.path(), |_, d| {
        let path =
            folder.path().join("blobs/sha256").join(&d["config"]["digest"].as_str().unwrap()[7..]);
        let config = std::fs::read_to_string(path).unwrap();
        let odd = config.replacen("\"1000\"", "\"1000\",\"Labels\":{\"odd\":\"\\ud800\"}", 1);
        assert_ne!(config, odd);
        let kind = "application/vnd.oci.image.config.v1+json";
        d["config"] = write_blob(folder.path(), kind, odd.as_bytes());
    });
    let run = inspect(&layout, &["--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["image"]["labels"]["odd"], "\u{fffd}");
    let said = &report["not_looked_at"][0];
    let why = "characters that are no Unicode were replaced";
    assert_eq!(said, &json!({ "what": "config", "why": why, "failed": false }));
}
