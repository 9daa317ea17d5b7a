//! Documents as public images, registries and hostile authors write them, read as the programs in Go read
//! them that run images.

mod repeated;

use crate::support::fake_registry::{Answer, FakeRegistry};
use crate::support::fleet::{store_in, token};
use crate::support::image_builder::{
    Compression, LayerBuilder, compress, digest, write_blob, write_index,
};
use crate::support::program::{Home, Run, show};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use tempfile::TempDir;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layout in the making.
struct Layout(TempDir);

impl Layout {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A layer with one file: its descriptor and its diff id.
    fn layer(&self, path: &str, content: &str) -> (Value, String) {
        let tar = LayerBuilder::new().file("etc/passwd", "root:x:0:0::/:/bin/sh\n");
        let tar = tar.file(path, content).finish();
        (write_blob(self.path(), LAYER, &compress(&tar, Compression::Gzip)), digest(&tar))
    }

    /// A manifest over a config of these bytes.
    fn manifest(&self, config: &str, config_type: &str, layers: &[&Value]) -> Value {
        let config = write_blob(self.path(), config_type, config.as_bytes());
        self.put(&json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers }))
    }

    /// Any manifest or index.
    fn put(&self, document: &Value) -> Value {
        let media_type = document["mediaType"].as_str().unwrap();
        write_blob(self.path(), media_type, document.to_string().as_bytes())
    }

    /// An image of one layer whose file says what it is.
    fn image(&self, platform: &str) -> Value {
        let (layer, diff_id) = self.layer("which", platform);
        let mut parts = platform.split('/');
        let mut config = json!({ "os": parts.next(), "architecture": parts.next(),
            "config": { "User": "1000" }, "rootfs": { "type": "layers", "diff_ids": [diff_id] } });
        let mut of = json!({ "os": config["os"], "architecture": config["architecture"] });
        if let Some(variant) = parts.next() {
            config["variant"] = json!(variant);
            of["variant"] = json!(variant);
        }
        let mut descriptor = self.manifest(&config.to_string(), CONFIG, &[&layer]);
        descriptor["platform"] = of;
        descriptor
    }

    /// An index over these, as the one image of the layout.
    fn index(&self, manifests: &[Value]) {
        let index =
            self.put(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }));
        write_index(self.path(), vec![index]);
    }

    fn inspect(&self, more: &[&str]) -> Run {
        let image = show(self.path());
        Home::new().run(&[&["inspect", &image, "--format", "json", "--no-cache"], more].concat())
    }
}

fn rules(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn has_secret(run: &Run) -> Value {
    assert_eq!(run.status, 1, "{}", run.stderr);
    let report = run.json();
    assert!(rules(&report).iter().any(|r| r.starts_with("secret/")), "{:?}", rules(&report));
    report
}

fn identity(diff_id: &str) -> String {
    format!(
        r#""architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}"#
    )
}

fn said(report: &Value) -> String {
    report["not_looked_at"].to_string()
}

/// A build service writes them so, and containers start from it.
#[test]
fn a_config_in_lower_case_has_its_secret_user_and_command() {
    let layout = Layout::new();
    let (layer, diff_id) = layout.layer("app/x", "x");
    let of = identity(&diff_id).replacen("rootfs", "rootfS", 1);
    let env = format!("NPM_TOKEN={}", token(1));
    let config = format!(r#"{{{of},"config":{{"cmd":["/app/x"],"env":["{env}"],"user":"1000"}}}}"#);
    write_index(layout.path(), vec![layout.manifest(&config, CONFIG, &[&layer])]);
    let report = has_secret(&layout.inspect(&[]));
    assert_eq!(report["image"]["user"], "1000");
    assert_eq!(report["image"]["command"], json!(["/app/x"]));
    assert_eq!(report["layers"][0]["diff_id"], diff_id.as_str());
    assert_eq!(report["not_looked_at"], json!([]));
}

#[test]
fn a_config_of_an_old_type_or_none_is_an_images() {
    for config_type in ["application/octet-stream", "application/json", "text/html", ""] {
        let layout = Layout::new();
        let (layer, diff_id) = layout.layer("app/x", "x");
        let env = format!("NPM_TOKEN={}", token(2));
        let config =
            format!(r#"{{{},"config":{{"Env":["{env}"],"User":"1"}}}}"#, identity(&diff_id));
        write_index(layout.path(), vec![layout.manifest(&config, config_type, &[&layer])]);
        has_secret(&layout.inspect(&[]));
    }
}

#[test]
fn nulls_refuse_no_image() {
    let layout = Layout::new();
    let (mut layer, diff_id) = layout.layer("app/ok", "hello");
    layer["annotations"] = json!({ "a": null });
    layer["urls"] = Value::Null;
    let config = format!(
        r#"{{"architecture":null,"os":"linux","variant":null,"created":null,"history":[null,{{"created_by":null}}],
            "config":{{"User":"1000","Labels":{{"a":null}},"Volumes":{{"/data":null}}}},"rootfs":{{"diff_ids":["{diff_id}"]}}}}"#
    );
    let mut manifest = layout.manifest(&config, CONFIG, &[&layer]);
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "1", "b": null });
    manifest["platform"] = Value::Null;
    write_index(layout.path(), vec![manifest]);
    let run = layout.inspect(&["--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["image"]["labels"], json!({ "a": "" }));
    assert_eq!(report["image"]["platform"], "linux/unknown");
    assert_eq!(report["layers"][0]["files"], 2);
}

/// Runtimes choose by platform and read no annotation.
#[test]
fn an_image_with_an_attestations_annotation_is_an_image() {
    for platform in [json!({ "os": "linux", "architecture": "amd64" }), Value::Null] {
        let layout = Layout::new();
        let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(5));
        let (layer, diff_id) = layout.layer("root/.npmrc", &npmrc);
        let config = format!(r#"{{{},"config":{{"User":"1000"}}}}"#, identity(&diff_id));
        let mut evil = layout.manifest(&config, CONFIG, &[&layer]);
        evil["platform"] = platform;
        evil["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
        layout.index(&[evil, layout.image("linux/amd64")]);
        has_secret(&layout.inspect(&["--platform", "linux/amd64"]));
    }
}

/// One manifest under two platforms: the first entry must not hide the second.
#[test]
fn a_manifest_that_stands_twice_is_chosen_by_either_platform() {
    let layout = Layout::new();
    let image = layout.image("linux/amd64");
    let mut unknown = image.clone();
    unknown["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    layout.index(&[unknown, image]);
    let run = layout.inspect(&["--platform", "linux/amd64", "--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let all = layout.inspect(&["--all-platforms", "--fail-on", "never"]);
    assert_eq!(all.status, 0, "{}", all.stderr);
}

#[test]
fn the_best_platform_that_runs_is_taken() {
    let layout = Layout::new();
    let all = ["arm/v5", "arm/v6", "arm/v7", "amd64/v3", "amd64", "amd64/v2", "arm64"];
    layout.index(&all.map(|p| layout.image(&format!("linux/{p}"))));
    for (wanted, taken) in [
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/amd64/v4", "linux/amd64/v3"),
        ("linux/arm64/v8", "linux/arm64"),
    ] {
        let run = layout.inspect(&["--platform", wanted, "--fail-on", "never"]);
        assert_eq!(run.status, 0, "{wanted}: {}", run.stderr);
        assert_eq!(run.json()["image"]["platform"], taken, "{wanted}");
    }
    let run = layout.inspect(&["--platform", "linux/riscv64"]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("linux/arm/v5, linux/arm/v6"), "{}", run.stderr);
}

#[test]
fn a_layer_that_stands_more_than_once_is_pulled_once() {
    let layout = Layout::new();
    let (layer, diff_id) = layout.layer("app/x", &"x".repeat(5000));
    let (empty, empty_id) = layout.layer("app/y", "");
    let ids = json!([diff_id, empty_id, diff_id, empty_id, diff_id]);
    let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": ids } });
    let layers = [&layer, &empty, &layer, &empty, &layer];
    write_index(layout.path(), vec![layout.manifest(&config.to_string(), CONFIG, &layers)]);
    let report = layout.inspect(&[]).json();
    let stored = layer["size"].as_u64().unwrap() + empty["size"].as_u64().unwrap();
    assert_eq!(report["size"]["compressed"], stored);
    assert_eq!(report["layers"].as_array().unwrap().len(), 5);
    let whole = layout.inspect(&["--max-compressed", &stored.to_string(), "--fail-on", "never"]);
    assert!(!rules(&whole.json()).contains(&"policy/compressed-size".to_owned()));
}

#[test]
fn one_index_under_two_names_and_a_short_history_are_no_fault() {
    let layout = Layout::new();
    let image = layout.image("linux/amd64");
    let index =
        layout.put(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [image] }));
    let named = |name: &str| {
        let mut d = index.clone();
        d["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        d
    };
    write_index(layout.path(), vec![named("localhost/ko:latest"), named("localhost/ko:stable")]);
    assert_eq!(layout.inspect(&["--fail-on", "never"]).status, 0);
    let (a, b) = (layout.layer("a", "a"), layout.layer("b", "b"));
    let config = json!({ "os": "linux", "architecture": "amd64", "history": [{ "created_by": "one" }],
        "rootfs": { "diff_ids": [a.1, b.1] } });
    write_index(layout.path(), vec![layout.manifest(&config.to_string(), CONFIG, &[&a.0, &b.0])]);
    assert_eq!(layout.inspect(&["--fail-on", "never"]).status, 0);
}

/// A signature, in the form that has an image's config.
fn signature(layout: &Layout) -> Value {
    let blob = write_blob(layout.path(), "application/vnd.dev.cosign.simplesigning.v1+json", b"{}");
    let config = json!({ "architecture": "", "os": "", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [digest(b"{}")] } });
    layout.manifest(&config.to_string(), CONFIG, &[&blob])
}

#[test]
fn an_artifact_is_called_so_and_hides_no_image_beside_it() {
    let layout = Layout::new();
    let alone = |manifest: Value, words: &str| {
        write_index(layout.path(), vec![manifest]);
        let run = layout.inspect(&[]);
        assert_eq!(run.status, 3, "{}", run.stderr);
        let kind = format!("an artifact of type `{words}`, not a container image");
        assert!(run.stderr.contains(&kind), "{}", run.stderr);
    };
    alone(signature(&layout), "application/vnd.dev.cosign.simplesigning.v1+json");
    let helm = "application/vnd.cncf.helm.config.v1+json";
    let chart =
        write_blob(layout.path(), "application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"x");
    alone(layout.manifest("{}", helm, &[&chart]), helm);
    let module = write_blob(layout.path(), "application/vnd.wasm.content.layer.v1+wasm", b"\0asm");
    let wasm = layout.manifest("{}", CONFIG, &[&module]);
    alone(wasm, "application/vnd.wasm.content.layer.v1+wasm");
    let oras = layout.put(&json!({ "mediaType": "application/vnd.oci.artifact.manifest.v1+json",
        "artifactType": "application/spdx+json", "blobs": [] }));
    alone(oras.clone(), "application/spdx+json");
    // Beside an image, without a word on their platforms.
    layout.index(&[signature(&layout), oras, layout.image("linux/amd64")]);
    let run = layout.inspect(&["--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let said = said(&run.json());
    assert!(said.contains("simplesigning") && said.contains("oci.artifact"), "{said}");
    // In the index of the layout itself, where it has no name.
    let mut image = layout.image("linux/amd64");
    for name in [json!({}), json!({ "org.opencontainers.image.ref.name": "1" })] {
        image["annotations"] = name;
        write_index(layout.path(), vec![signature(&layout), image.clone()]);
        let run = layout.inspect(&["--fail-on", "never"]);
        assert_eq!(run.status, 0, "{}", run.stderr);
    }
}

/// containerd passes over what is no layer, and finds a diff id for each of the others.
#[test]
fn blobs_beside_layers_are_named_and_shift_no_diff_id() {
    let layout = Layout::new();
    let (layer, diff_id) = layout.layer("app/x", "x");
    let other = write_blob(layout.path(), "application/vnd.in-toto+json", b"{}");
    let config = format!(r#"{{{},"config":{{"User":"1000"}}}}"#, identity(&diff_id));
    write_index(layout.path(), vec![layout.manifest(&config, CONFIG, &[&other, &layer])]);
    let run = layout.inspect(&["--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["layers"][0]["diff_id"], diff_id.as_str());
    assert!(said(&report).contains("`application/vnd.in-toto+json` is no layer's"));
}

#[test]
fn an_index_that_names_a_blob_by_an_unknown_digest_hides_no_image() {
    let layout = Layout::new();
    let mut odd = layout.image("linux/s390x");
    odd["digest"] = json!("blake3:00");
    layout.index(&[odd, layout.image("linux/amd64")]);
    let run = layout.inspect(&["--platform", "linux/amd64", "--fail-on", "never"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["image"]["platform"], "linux/amd64");
    assert!(said(&report).contains("blake3"), "{}", said(&report));
}

#[test]
fn a_windows_image_gets_no_advice_for_linux() {
    let layout = Layout::new();
    let (layer, diff_id) = layout.layer("Files/Windows/System32/app.exe", "x");
    let (more, more_id) = layout.layer("Files/Windows/System32/app.exe", &"y".repeat(900_000));
    let config = json!({ "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1",
        "config": {}, "rootfs": { "diff_ids": [diff_id, more_id] } });
    write_index(
        layout.path(),
        vec![layout.manifest(&config.to_string(), CONFIG, &[&layer, &more])],
    );
    let report = layout.inspect(&["--fail-on", "never"]).json();
    assert_eq!(report["advice"], json!([]));
    let rules = rules(&report);
    assert!(
        !rules.iter().any(|r| r.contains("root-user") || r.contains("unknown-user")),
        "{rules:?}"
    );
}

/// A registry that has the blobs of a layout, and these tags of one repository `team/app`.
fn serve(layout: &Layout, tags: &[(&str, Value)]) -> FakeRegistry {
    let blobs = layout.path().join("blobs/sha256");
    let mut known: HashMap<String, (Vec<u8>, String)> = HashMap::new();
    for (tag, d) in tags {
        let of = |key: &str| d[key].as_str().unwrap().to_owned();
        let raw = std::fs::read(blobs.join(&of("digest")[7..])).unwrap();
        known.insert((*tag).to_owned(), (raw.clone(), of("mediaType")));
        known.insert(of("digest"), (raw, of("mediaType")));
    }
    let names: Vec<&str> = tags.iter().map(|(tag, _)| *tag).collect();
    let list = json!({ "name": "team/app", "tags": names }).to_string();
    FakeRegistry::start(move |asked| {
        let name = asked.path.rsplit('/').next().unwrap_or_default();
        match asked.path.as_str() {
            "/v2/" => Answer::new(200, "{}"),
            path if path.starts_with("/v2/_catalog") => {
                Answer::new(200, r#"{"repositories":["team/app"]}"#)
            }
            path if path.contains("/tags/list") => Answer::new(200, list.clone()),
            path if path.contains("/manifests/") => match known.get(name) {
                Some((raw, kind)) => Answer::new(200, raw.clone()).with("content-type", kind),
                None => Answer::new(404, ""),
            },
            _ => match std::fs::read(blobs.join(name.trim_start_matches("sha256:"))) {
                Ok(raw) => Answer::new(200, raw),
                Err(_) => Answer::new(404, ""),
            },
        }
    })
}

/// What lies beside images under tags is listed as what it is; what clients run is looked at.
#[test]
fn a_sweep_looks_at_every_image_and_names_what_is_none() {
    let layout = Layout::new();
    let (layer, diff_id) = layout.layer("app/x", "x");
    let env = format!("NPM_TOKEN={}", token(6));
    let config = format!(r#"{{{},"config":{{"env":["{env}"],"User":"1"}}}}"#, identity(&diff_id));
    let old = layout.manifest(&config, "application/octet-stream", &[&layer]);
    let schema1 = layout.put(&json!({ "schemaVersion": 1, "fsLayers": [],
        "mediaType": "application/vnd.docker.distribution.manifest.v1+json" }));
    let oras = layout
        .put(&json!({ "mediaType": "application/vnd.cncf.oras.artifact.manifest.v1+json",
        "artifactType": "application/spdx+json" }));
    let empty = layout.put(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }));
    let beside = [("sig", signature(&layout)), ("v1", schema1), ("oras", oras), ("empty", empty)];
    let folder = tempfile::tempdir().unwrap();
    let sweep = |name: &str, registry: &FakeRegistry| {
        let store = store_in(&folder.path().join(name));
        let args = ["sweep", &registry.host, "--store", &store, "--format", "json"];
        (Home::new().run(&args), store)
    };
    let (run, _) = sweep("beside", &serve(&layout, &beside));
    assert_eq!(run.status, 0, "{}{}", run.text(), run.stderr);
    let gaps = run.json()["not_looked_at"].to_string();
    for words in ["simplesigning", "schema 1", "spdx", "holds no image"] {
        assert!(gaps.contains(words), "{words}: {gaps}");
    }
    assert!(!gaps.contains("\"failed\":true"), "{gaps}");
    let tags = [&beside[..], &[("old", old)]].concat();
    let (run, store) = sweep("all", &serve(&layout, &tags));
    assert_eq!(run.status, 1, "{}{}", run.text(), run.stderr);
    let args = ["inventory", "secrets", "--store", &store, "--format", "json"];
    let rows = Home::new().run(&args).json()["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
}

/// As on a folder: from the registry where it has the bytes.
#[test]
fn a_foreign_layer_is_fetched_from_the_registry() {
    let layout = Layout::new();
    let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(7));
    let (mut layer, diff_id) = layout.layer("root/.npmrc", &npmrc);
    layer["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    let config = format!(r#"{{{},"config":{{"User":"1000"}}}}"#, identity(&diff_id));
    let image = layout.manifest(&config, CONFIG, &[&layer]);
    let registry = serve(&layout, &[("1", image)]);
    let reference = format!("docker://{}/team/app:1", registry.host);
    let inspect = || Home::new().run(&["inspect", &reference, "--format", "json", "--no-cache"]);
    has_secret(&inspect());
    let hex = layer["digest"].as_str().unwrap()[7..].to_owned();
    std::fs::remove_file(layout.path().join("blobs/sha256").join(hex)).unwrap();
    let run = inspect();
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(said(&run.json()).contains("foreign layer"), "{}", said(&run.json()));
}
