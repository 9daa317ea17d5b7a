//! The same image in every container form and compression gives one report, apart from what the form
//! itself says.

use crate::support::image_builder::{Compression, ImageBuilder, LayerBuilder, compress};
use crate::support::program::{Home, show, skopeo};
use crate::support::registry::{Auth, PASSWORD, Registry, USER};
use crate::support::tls::pki;
use serde_json::{Value, json};
use std::path::Path;

fn image() -> ImageBuilder {
    // Assembled, so that this file holds no token.
    let token = ["ghp_", "FAKE0FAKE0FAKE0FAKE0FAKE0FAKE0", "2u3rZN"].concat();
    let status = "Package: dash\nStatus: install ok installed\nInstalled-Size: 9\nArchitecture: amd64\nVersion: 0.5\n";
    ImageBuilder::new()
        .layer(
            "/bin/sh -c #(nop) ADD file:1 in / ",
            LayerBuilder::new()
                .file("etc/os-release", "PRETTY_NAME=\"Test 1\"\n")
                .file("var/lib/dpkg/status", status)
                .file("var/lib/dpkg/info/dash.list", "/.\n/usr/bin/dash\n")
                .file_as("usr/bin/dash", 0o4755, 0, &[7; 5000])
                .symlink("bin", "usr/bin"),
        )
        .layer(
            "COPY . . # buildkit",
            LayerBuilder::new()
                .file("app/.env", format!("TOKEN={token}\n"))
                .file("app/data", vec![b'x'; 300_000])
                .file("app/tool", vec![b'y'; 1000])
                .hardlink("app/same", "app/tool"),
        )
        .layer(
            "RUN /bin/sh -c rm .env && chown 1 data # buildkit",
            LayerBuilder::new().whiteout("app/.env").file_as(
                "app/data",
                0o644,
                1,
                &vec![b'x'; 300_000],
            ),
        )
        .config("Cmd", json!(["/bin/dash"]))
        .config("User", json!("1000"))
}

/// The report without transport facts: names, digests and sizes of what is stored, and the advice on
/// tags, which only a registry has.
fn content(mut report: Value) -> Value {
    for key in ["reference", "digest"] {
        report["image"][key] = Value::Null;
    }
    report["size"]["compressed"] = Value::Null;
    for layer in report["layers"].as_array_mut().unwrap() {
        layer["digest"] = Value::Null;
        layer["size"]["compressed"] = Value::Null;
    }
    let findings = report["findings"].as_array_mut().unwrap();
    findings.retain(|f| f["rule"] != "config/mutable-tag");
    for finding in findings {
        finding["layer_digest"] = Value::Null;
        finding["recover"] = Value::Null;
    }
    for advice in report["advice"].as_array_mut().unwrap() {
        advice["estimate"]["compressed"] = Value::Null;
    }
    report
}

#[track_caller]
fn same(what: &str, report: Value, expected: &Value) {
    let report = content(report);
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&report[key], value, "{what}: {key}");
    }
}

fn layout(folder: &Path, name: &str, compression: Compression) -> String {
    show(&image().compression(compression).write_layout(&folder.join(name), "1"))
}

#[test]
fn every_form_of_an_image_gives_the_same_report() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| show(&folder.path().join(name));
    let gzip = layout(folder.path(), "gzip", Compression::Gzip);
    let expected = content(home.report(&gzip, &["--no-cache"]));
    // The file that the chown stored again, and the deleted one.
    let hidden = expected["size"]["content"].as_u64().unwrap()
        - expected["size"]["on_disk"].as_u64().unwrap();
    assert_eq!((hidden, &expected["waste"]["bytes"]), (300_000 + 47, &json!(300_047)));
    assert_eq!(expected["waste"]["paths"][0]["kind"], "metadata-only");
    let secret = &expected["findings"][0];
    assert_eq!(
        (&secret["rule"], &secret["state"]),
        (&json!("secret/github-pat"), &json!("deleted-later"))
    );

    for (name, compression) in [("zstd", Compression::Zstd), ("none", Compression::None)] {
        let path = layout(folder.path(), name, compression);
        same(name, home.report(&path, &["--no-cache"]), &expected);
    }
    skopeo(&format!("oci:{gzip}:1"), &format!("oci-archive:{}:1", at("oci.tar")));
    skopeo(&format!("oci:{gzip}:1"), &format!("docker-archive:{}:app/x:1", at("docker.tar")));
    for name in ["oci.tar", "docker.tar"] {
        let tar = std::fs::read(folder.path().join(name)).unwrap();
        same(name, home.report(&at(name), &["--no-cache"]), &expected);
        for (suffix, how) in [("gz", Compression::Gzip), ("zst", Compression::Zstd)] {
            let whole = format!("{name}.{suffix}");
            std::fs::write(folder.path().join(&whole), compress(&tar, how)).unwrap();
            same(&whole, home.report(&at(&whole), &["--no-cache"]), &expected);
        }
        let piped = home.run_with(&["inspect", "-", "--format", "json", "--no-cache"], &tar);
        same("standard input", piped.json(), &expected);
    }
}

#[test]
fn every_registry_gives_the_same_report() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let path = layout(folder.path(), "gzip", Compression::Gzip);
    let expected = content(home.report(&path, &["--no-cache"]));

    let open = Registry::start(Auth::Anonymous, None);
    open.push(Path::new(&path), None);
    same("anonymous", home.report(&format!("{}/app/x:1", open.host), &["--no-cache"]), &expected);

    let locked = Registry::start(Auth::Htpasswd, None);
    locked.push(Path::new(&path), Some(&format!("{USER}:{PASSWORD}")));
    let name = format!("{}/app/x:1", locked.host);
    let args = [
        "inspect",
        &name,
        "--format",
        "json",
        "--no-cache",
        "--username",
        USER,
        "--password-stdin",
    ];
    let run = home.run_with(&args, PASSWORD.as_bytes());
    same("basic auth", run.json(), &expected);
    let refused = home.run(&["inspect", &name]);
    assert_eq!(refused.status, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("hint:") && refused.stdout.is_empty(), "{}", refused.stderr);

    let keys = pki();
    let secure = Registry::start(Auth::Anonymous, Some(&keys));
    secure.push(Path::new(&path), None);
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &keys.ca).unwrap();
    let name = format!("{}/app/x:1", secure.host);
    same("TLS", home.report(&name, &["--no-cache", "--ca-file", &show(&ca)]), &expected);
    assert_eq!(
        home.run(&["inspect", &name, "--no-cache"]).status,
        3,
        "an unknown authority is refused"
    );
}

#[test]
fn a_cached_layer_is_not_fetched_again() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let path = layout(folder.path(), "gzip", Compression::Gzip);
    let cold = home.report(&path, &[]);
    // Without the layers only the cache can know them.
    let layers: Vec<String> = cold["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["digest"].as_str().unwrap()["sha256:".len()..].to_owned())
        .collect();
    for layer in &layers {
        std::fs::remove_file(folder.path().join("gzip/blobs/sha256").join(layer)).unwrap();
    }
    assert_eq!(home.report(&path, &[]), cold);
    let without = home.run(&["inspect", &path, "--no-cache", "--format", "json"]);
    assert_eq!(without.status, 3);
    assert_eq!(without.json()["size"]["content"], Value::Null, "unknown is not 0");
}
