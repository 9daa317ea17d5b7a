//! Advice on images that are broken or lie: what could not be told is said, and the rest goes on.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, Run, show};
use crate::support::tutorial::{tutorial, with_tools};
use serde_json::{Value, json};

fn advise(image: &ImageBuilder) -> (Run, Value) {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image.write_layout(&folder.path().join("x"), "1"));
    let run = home.run(&["advise", &layout, "--format", "json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = run.json();
    (run, report)
}

fn of(report: &Value) -> &Value {
    let found = report["advice"].as_array().unwrap().iter().find(|a| a["id"] == "needed-files");
    found.unwrap_or_else(|| panic!("{report:#}"))
}

/// 4 MB that nothing needs, and a program.
fn image(more: LayerBuilder) -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            "/bin/sh -c #(nop) ADD file:1 in / ",
            with_tools(LayerBuilder::new())
                .file_as("bin/sh", 0o755, 0, b"#!no")
                .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
                .file("var/cache/apt/archives/unused.deb", vec![b'u'; 4_000_000]),
        )
        .step("/bin/sh -c #(nop)  CMD [\"bash\"]")
        .layer("COPY . /app # buildkit", more.file("app/page.html", "hello"))
        .config("Cmd", json!(["/app/run"]))
}

#[test]
fn a_broken_package_database_owns_nothing() {
    let mut garbage = b"Package: x\nVersion".to_vec();
    garbage.extend((0..2_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    let layer = LayerBuilder::new()
        .file("var/lib/dpkg/status", &garbage)
        .file("var/lib/dpkg/info/x.list", b"\xff\xfe/../../etc\n/\n\n")
        .file("lib/apk/db/installed", &garbage)
        .file_as("app/run", 0o755, 0, b"#!/app/run\n");
    let (_, report) = advise(&image(layer));
    assert!(of(&report)["estimate"]["on_disk"]["likely"].as_u64().unwrap() < 2_000_000);
}

#[test]
fn a_command_that_leads_in_a_circle_is_said_to_be_unclear() {
    let layer = LayerBuilder::new()
        .symlink("app/run", "/app/a")
        .symlink("app/a", "b")
        .symlink("app/b", "../app/run")
        .symlink("app/self", ".");
    let (run, report) = advise(&image(layer));
    let risks = of(&report)["risks"].to_string();
    assert!(risks.contains("/app/run"), "{}", run.text());
}

#[test]
fn a_command_that_does_not_exist_is_said_to_be_unclear() {
    let (_, report) = advise(&image(LayerBuilder::new().file("app/other", "x")));
    let risks = of(&report)["risks"].to_string();
    assert!(risks.contains("/app/run"), "{risks}");
    let (_, report) = advise(&image(LayerBuilder::new()).config("Cmd", json!([])));
    let risks = of(&report)["risks"].to_string();
    assert!(risks.contains("unclear"), "{risks}");
}

#[test]
fn a_program_with_lying_headers_does_no_harm() {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(64, 0);
    elf[16..20].copy_from_slice(&[3, 0, 62, 0]);
    // Headers far behind the end, and more of them than there can be.
    elf[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    elf[40..48].copy_from_slice(&0xffff_ffff_0000u64.to_le_bytes());
    elf[54..64].fill(0xff);
    elf.extend(vec![0xee; 100_000]);
    let (_, report) = advise(&image(LayerBuilder::new().file_as("app/run", 0o755, 0, &elf)));
    let risks = of(&report)["risks"].to_string();
    assert!(risks.contains("/app/run"), "what it is linked to is not known: {risks}");
}

#[test]
fn a_text_that_is_no_dockerfile_is_wrong_usage() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&tutorial().write_layout(&folder.path().join("x"), "1"));
    let own = folder.path().join("Dockerfile");
    for text in ["", "hello\n", "FROM\n", "RUN x\n", "FROM a\nRUN <<EOF\n"] {
        std::fs::write(&own, text).unwrap();
        let run = home.run(&["advise", &layout, "--dockerfile", &show(&own)]);
        assert_eq!(run.status, 2, "{text:?}: {}", run.text());
        assert!(run.stderr.contains("not a Dockerfile"), "{}", run.stderr);
    }
    let run = home.run(&["advise", &layout, "--dockerfile", "/nowhere"]);
    assert_eq!(run.status, 2, "{}", run.stderr);
}

#[test]
fn a_hostile_configuration_writes_no_instruction() {
    let image = image(LayerBuilder::new().file_as("app/run", 0o755, 0, b"#!/app/run\n"))
        .config("User", json!("0\nRUN evil"))
        .config("WorkingDir", json!("/app\nRUN evil"))
        .config("StopSignal", json!("TERM\nRUN evil"))
        .config("Env", json!(["PATH=/bin\nRUN evil", "A\nRUN evil=1"]))
        .config("ExposedPorts", json!({"80/tcp\nRUN evil": {}}));
    let (_, report) = advise(&image);
    for advice in report["advice"].as_array().unwrap() {
        let text = advice["dockerfile"].as_str().unwrap_or_default();
        assert!(!text.lines().any(|l| l.starts_with("RUN evil")), "{text}");
    }
}

/// Dockerfiles that are written otherwise than most.
const FORMS: [&str; 6] = [
    "ARG BASE=debian:12\nFROM ${BASE}\nCOPY . /app\nCMD [\"/app/run\"]\n",
    "FROM debian:12\nCOPY <<EOF /app/page.html\nFROM nowhere\nEOF\nRUN <<EOF\nset -e\nmake\nEOF\n",
    "# syntax=docker/dockerfile:1\nFROM --platform=$BUILDPLATFORM golang:1 AS build\nRUN go build\n\n     FROM debian:12\nCOPY --from=build /x /app/run\n",
    "FROM debian:12 AS one\nRUN a\nFROM one AS two\nONBUILD COPY . /app\nONBUILD RUN make\n",
    "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nRUN [\"make\"]\nADD https://example.com/x.tar /x.tar\n",
    "from debian:12\ncopy . /app\nrun make \\\n  # a comment between\n  && make install\n",
];

#[test]
fn dockerfiles_of_every_form_are_built_on() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layer = LayerBuilder::new().file_as("app/run", 0o755, 0, b"#!/app/run\n");
    let layout = show(&image(layer).write_layout(&folder.path().join("x"), "1"));
    let own = folder.path().join("Dockerfile");
    for form in FORMS {
        std::fs::write(&own, form).unwrap();
        let run = home.run(&["advise", &layout, "--dockerfile", &show(&own), "--format", "json"]);
        assert_eq!(run.status, 0, "{form}: {}", run.stderr);
        let report = run.json();
        let text = of(&report)["dockerfile"].as_str().unwrap();
        let steps = careen::dockerfile::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        // All that was there is there, and one stage more, which copies from one that has its name alone.
        let kept = form.lines().filter(|l| !l.to_lowercase().starts_with("from "));
        kept.for_each(|line| assert!(text.contains(line), "{line}: {text}"));
        let names: Vec<String> = steps
            .iter()
            .filter_map(|s| match &s.kind {
                careen::dockerfile::Kind::From { stage, .. } => stage.clone(),
                _ => None,
            })
            .collect();
        let from = text.lines().rev().find_map(|l| l.strip_prefix("COPY --from=")).unwrap();
        let from = from.split(' ').next().unwrap();
        assert_eq!(names.iter().filter(|n| *n == from).count(), 1, "{from}: {text}");
        for advice in report["advice"].as_array().unwrap() {
            let Some(text) = advice["dockerfile"].as_str() else { continue };
            assert!(!text.contains("FROM") || careen::dockerfile::parse(text).is_ok(), "{text}");
        }
    }
}

#[test]
fn one_of_several_targets_is_built_on() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layer = LayerBuilder::new().file_as("app/run", 0o755, 0, b"#!/app/run\n");
    let layout = show(&image(layer).write_layout(&folder.path().join("x"), "1"));
    let own = folder.path().join("Dockerfile");
    std::fs::write(&own, "FROM debian:12 AS app\nCOPY . /app\n\nFROM app AS test\nRUN pytest\n")
        .unwrap();
    let own = show(&own);
    let advise = |more: &[&str]| {
        home.run(
            &[&["advise", &layout, "--dockerfile", &own, "--emit", "needed-files"], more].concat(),
        )
    };
    let whole = advise(&["--target", "app"]);
    assert_eq!(whole.status, 0, "{}", whole.stderr);
    let text = whole.text();
    assert!(text.contains("FROM debian:12 AS build\nCOPY . /app\n\n# What the entry"), "{text}");
    assert!(!text.contains("pytest"), "{text}");
    for (more, why) in [
        (&["--target", "nowhere"][..], "no such stage"),
        (&["--target", "app", "--patch"], "other stages follow it"),
    ] {
        let run = advise(more);
        assert_eq!(run.status, 2, "{}", run.stderr);
        assert!(run.stderr.contains(why), "{}", run.stderr);
    }
    let patch = advise(&["--target", "test", "--patch"]);
    assert_eq!(patch.status, 0, "{}", patch.stderr);
}

#[test]
fn a_small_base_is_told_on_the_first_screen_too() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layer = LayerBuilder::new().file_as("app/run", 0o755, 0, b"#!/app/run\n");
    // Larger than distroless itself, by what nothing needs.
    let image = image(layer).layer(
        "RUN /bin/sh -c apt-get install -y gcc # buildkit",
        LayerBuilder::new().file("var/cache/apt/archives/gcc.deb", noise(30_000_000)),
    );
    let layout = show(&image.write_layout(&folder.path().join("x"), "1"));
    let report = home.run(&["inspect", &layout, "--format", "json"]).json();
    let ids: Vec<&str> =
        report["advice"].as_array().unwrap().iter().filter_map(|a| a["id"].as_str()).collect();
    assert!(ids.contains(&"distroless"), "{ids:?}");
}

/// Bytes that no compressor makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}
