//! The written Dockerfile, really built: buildah makes the image, the image runs, and weighs what was said.
//!
//! A small form of `tests/advice/build`, with programs of this machine.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What a build stage has to have, and what the application calls.
const PROGRAMS: [&str; 7] = ["sh", "tar", "mkdir", "chmod", "chown", "sort", "head"];

/// A base of this machine's own programs with the libraries that they load.
fn base() -> ImageBuilder {
    let mut files: BTreeSet<String> = BTreeSet::new();
    let mut layer = LayerBuilder::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        .file("etc/group", "root:x:0:\n")
        .file("var/cache/apt/archives/unused.deb", vec![b'u'; 6_000_000])
        .symlink("bin", "usr/bin")
        .symlink("lib", "usr/lib")
        .symlink("lib64", "usr/lib64");
    for program in PROGRAMS {
        let mut path = ["/usr/bin", "/bin"].iter().map(|d| format!("{d}/{program}"));
        let path = path.find(|p| Path::new(p).exists()).expect(program);
        layer =
            layer.file_as(&format!("usr/bin/{program}"), 0o755, 0, &std::fs::read(&path).unwrap());
        let out = Command::new("ldd").arg(&path).output().expect("ldd is part of libc-bin");
        let text = String::from_utf8(out.stdout).unwrap();
        let libraries =
            text.lines().filter_map(|l| l.split_whitespace().find(|w| w.starts_with('/')));
        files.extend(libraries.map(str::to_owned));
    }
    for path in files {
        let inside = path.trim_start_matches('/').trim_start_matches("usr/");
        let bytes = std::fs::read(&path).unwrap();
        layer = layer.file_as(&format!("usr/{inside}"), 0o755, 0, &bytes);
    }
    ImageBuilder::new()
        .layer("/bin/sh -c #(nop) ADD file:1 in / ", layer)
        .step("/bin/sh -c #(nop)  CMD [\"bash\"]")
        .config("Env", serde_json::json!(["PATH=/usr/bin:/bin"]))
}

struct Buildah(tempfile::TempDir);

impl Buildah {
    fn run(&self, words: &[&str]) -> String {
        let folder = self.0.path();
        let out = Command::new("buildah")
            .args(["--root", &show(&folder.join("root")), "--runroot", &show(&folder.join("run"))])
            .args(["--storage-driver", "vfs"])
            .args(words)
            .env("BUILDAH_ISOLATION", "chroot")
            .output()
            .expect("buildah is needed (Debian: buildah)");
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "buildah {words:?}: {error}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }
}

#[test]
fn the_written_dockerfile_builds_runs_and_weighs_what_was_said() {
    // buildah takes the path for a name, and names have no capitals.
    let prefix = format!("careen-build-{}", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).rand_bytes(0).tempdir().unwrap();
    let home = Home::new();
    let script = "#!/bin/sh\nprintf 'b\\na\\n' | sort | head -n 1\n";
    let below = show(&base().write_layout(&folder.path().join("base"), "1"));
    let application = base()
        .layer(
            "COPY . /app # buildkit",
            LayerBuilder::new().file_as("app/run", 0o755, 0, script.as_bytes()),
        )
        .config("Cmd", serde_json::json!(["/app/run"]));
    let image = show(&application.write_layout(&folder.path().join("app"), "1"));
    let layer = home.report(&below, &[])["layers"][0]["diff_id"].as_str().unwrap().to_owned();
    let table = folder.path().join("bases.toml");
    let text = format!("[[base]]\nname = \"localhost/careen-base:1\"\nlayers = [\"{layer}\"]\n");
    std::fs::write(&table, text).unwrap();
    let advise = |more: &[&str]| {
        let run = home.run(&[&["advise", &image, "--bases", &show(&table)], more].concat());
        assert_eq!(run.status, 0, "{}", run.stderr);
        run
    };
    let written = advise(&["--emit", "needed-files"]).text();
    let report = advise(&["--format", "json"]).json();
    let all = report["advice"].as_array().unwrap();
    let estimate = &all.iter().find(|a| a["id"] == "needed-files").unwrap()["estimate"];

    let context = folder.path().join("context");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(context.join("run"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(context.join("run"), mode).unwrap();
    std::fs::write(folder.path().join("Dockerfile"), &written).unwrap();
    let buildah = Buildah(tempfile::tempdir().unwrap());
    let id = buildah.run(&["pull", "-q", &format!("oci:{below}")]);
    buildah.run(&["tag", &id, "localhost/careen-base:1"]);
    let dockerfile = show(&folder.path().join("Dockerfile"));
    let context = show(&context);
    buildah.run(&["bud", "-q", "--layers", "-t", "localhost/out", "-f", &dockerfile, &context]);
    let container = buildah.run(&["from", "localhost/out"]);
    assert_eq!(buildah.run(&["run", &container, "--", "/app/run"]), "a");

    let built = folder.path().join("built");
    buildah.run(&[
        "push",
        "-q",
        "--format",
        "oci",
        "localhost/out",
        &format!("oci:{}:1", show(&built)),
    ]);
    let size = &home.report(&format!("{}:1", show(&built)), &[])["size"];
    for what in ["on_disk", "compressed"] {
        let (low, high) = (&estimate[what]["low"], &estimate[what]["high"]);
        let got = size[what].as_u64().unwrap();
        assert!(
            low.as_u64().unwrap() <= got && got <= high.as_u64().unwrap(),
            "{what}: {got} is not within {low} to {high}"
        );
    }
    assert!(size["on_disk"].as_u64().unwrap() < 6_000_000 + 100_000);
}
