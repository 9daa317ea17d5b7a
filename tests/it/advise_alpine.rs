//! The proposal for Alpine: written where all that is needed has a counterpart there, else stopped with the reason.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use crate::support::tutorial::with_tools;
use serde_json::{Value, json};

/// A base of Debian with these packages, each of one program or file.
fn debian(packages: &[(&str, &str)]) -> ImageBuilder {
    let mut status = String::new();
    let mut layer = with_tools(LayerBuilder::new())
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/cache/apt/archives/unused.deb", vec![b'u'; 20_000_000]);
    for (name, path) in packages {
        status += &format!(
            "Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"
        );
        layer = layer
            .file(&format!("var/lib/dpkg/info/{name}.list"), format!("/{path}\n"))
            .file_as(path, 0o755, 0, name.as_bytes());
    }
    ImageBuilder::new()
        .layer("/bin/sh -c #(nop) ADD file:1 in / ", layer.file("var/lib/dpkg/status", status))
        .step("/bin/sh -c #(nop)  CMD [\"bash\"]")
}

fn alpine(image: &ImageBuilder) -> Value {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image.write_layout(&folder.path().join("x"), "1"));
    let run = home.run(&["advise", &layout, "--format", "json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = run.json();
    let found = report["advice"].as_array().unwrap().iter().find(|a| a["id"] == "alpine");
    found.unwrap_or_else(|| panic!("{report:#}")).clone()
}

fn with_script(base: ImageBuilder, script: &str) -> ImageBuilder {
    base.layer(
        "COPY . /app # buildkit",
        LayerBuilder::new().file_as("app/run.sh", 0o755, 0, script.as_bytes()),
    )
    .config("Env", json!(["PATH=/usr/bin:/bin"]))
    .config("WorkingDir", json!("/app"))
    .config("Cmd", json!(["/app/run.sh"]))
}

#[test]
fn a_script_gets_the_packages_of_what_it_calls() {
    let base =
        debian(&[("dash", "bin/sh"), ("curl", "usr/bin/curl"), ("coreutils", "usr/bin/sort")]);
    let image = with_script(base, "#!/bin/sh\ncurl -s file:///app/x | sort\n");
    let advice = alpine(&image);
    assert_eq!(advice["possible"], true, "{advice:#}");
    let text = advice["dockerfile"].as_str().unwrap();
    let last = text.split("\nFROM ").last().unwrap();
    assert!(
        last.starts_with("alpine:3.23\nRUN apk add --no-cache curl\nCOPY --from=build "),
        "{text}"
    );
    assert!(last.contains("/app"), "{text}");
    // What busybox has instead knows less.
    assert!(advice["risks"].to_string().contains("sort are busybox's there"), "{advice:#}");
    let on_disk = &advice["estimate"]["on_disk"];
    assert!(on_disk["low"].as_u64() < on_disk["high"].as_u64(), "{advice:#}");
}

#[test]
fn what_has_no_counterpart_for_sure_stops_it() {
    let base = debian(&[("dash", "bin/sh"), ("oddity", "usr/bin/oddity")]);
    let image = with_script(base, "#!/bin/sh\noddity --serve\n");
    let advice = alpine(&image);
    assert_eq!(
        (&advice["possible"], &advice["dockerfile"]),
        (&json!(false), &Value::Null),
        "{advice:#}"
    );
    assert!(
        advice["blockers"][0]
            .as_str()
            .unwrap()
            .starts_with("oddity (/usr/bin/oddity) has no counterpart"),
        "{advice:#}"
    );
}

#[test]
fn an_image_on_alpine_needs_no_other() {
    let image = with_script(
        ImageBuilder::new()
            .layer(
                "/bin/sh -c #(nop) ADD file:1 in / ",
                LayerBuilder::new()
                    .file("etc/os-release", "ID=alpine\nVERSION_ID=3.23.0\n")
                    .file_as("bin/sh", 0o755, 0, b"#!no")
                    .file("var/cache/apk/x", vec![b'x'; 900_000]),
            )
            .step("/bin/sh -c #(nop)  CMD [\"/bin/sh\"]"),
        "#!/bin/sh\n",
    );
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image.write_layout(&folder.path().join("x"), "1"));
    let report = home.run(&["advise", &layout, "--format", "json"]).json();
    assert!(!report["advice"].to_string().contains("\"alpine\""), "{report:#}");
}
