//! Files as people hand them over: whole archives compressed by any of Docker's compressions, root file systems,
//! several images in one tar, folders and tars whose names read like references.

use crate::support::image_builder::{
    Compression, ImageBuilder, LayerBuilder, compress, digest, write_blob, write_index,
};
use crate::support::program::{Home, Run, show};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn inspect(words: &str) -> Run {
    Home::new().run(&["inspect", words, "--format", "json", "--no-cache", "--fail-on", "never"])
}

/// A docker-archive: each image with its tags and the content of its one file.
fn docker_archive(images: &[(&[&str], &str)]) -> Vec<u8> {
    let (mut tar, mut manifest) = (LayerBuilder::new(), Vec::new());
    for (tags, content) in images {
        let layer = LayerBuilder::new().file("app/which", content).finish();
        let config = json!({ "architecture": "amd64", "os": "linux", "config": { "User": "1" },
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] } })
        .to_string();
        let names = [
            format!("{}.json", &digest(config.as_bytes())[7..]),
            format!("{}/layer.tar", &digest(&layer)[7..]),
        ];
        tar = tar.file(&names[0], &config).file(&names[1], &layer);
        manifest.push(json!({ "Config": names[0], "RepoTags": tags, "Layers": [names[1]] }));
    }
    tar.file("manifest.json", Value::from(manifest).to_string()).finish()
}

/// Compresses with a program of the system.
fn by(program: &str, bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let out = Command::new(program).arg("-c").arg(&path).output().unwrap();
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

#[test]
fn a_whole_archive_may_have_any_of_dockers_compressions() {
    let folder = tempfile::tempdir().unwrap();
    let tar = docker_archive(&[(&["shop:1"], "a")]);
    for (name, bytes) in [
        ("one.tar", tar.clone()),
        ("one.tar.gz", compress(&tar, Compression::Gzip)),
        ("one.tar.zst", compress(&tar, Compression::Zstd)),
        ("one.tar.xz", by("xz", &tar)),
        ("two-streams.tar.xz", [by("xz", &tar[..1000]), by("xz", &tar[1000..])].concat()),
        ("one.tar.bz2", by("bzip2", &tar)),
        ("two-streams.tar.bz2", [by("bzip2", &tar[..1000]), by("bzip2", &tar[1000..])].concat()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let run = inspect(&show(&path));
        assert_eq!(run.status, 0, "{name}: {}", run.stderr);
        assert_eq!(run.json()["layers"][0]["files"], 1, "{name}");
        let cut = folder.path().join(format!("cut-{name}"));
        std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(inspect(&show(&cut)).status, 3, "{name}");
    }
}

/// Docker and Podman unpack such layers.
#[test]
fn a_layer_may_have_any_of_them_too() {
    let layer = LayerBuilder::new().file("app/which", "a").finish();
    for program in ["xz", "bzip2"] {
        let folder = tempfile::tempdir().unwrap();
        let blob = write_blob(
            folder.path(),
            "application/vnd.oci.image.layer.v1.tar",
            &by(program, &layer),
        );
        let config = json!({ "os": "linux", "architecture": "amd64", "config": { "User": "1" },
            "rootfs": { "diff_ids": [digest(&layer)] } });
        let kind = "application/vnd.oci.image.config.v1+json";
        let config = write_blob(folder.path(), kind, config.to_string().as_bytes());
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [blob] });
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = write_blob(folder.path(), kind, manifest.to_string().as_bytes());
        write_index(folder.path(), vec![manifest]);
        let run = inspect(&show(folder.path()));
        assert_eq!(run.status, 0, "{program}: {}", run.stderr);
        assert_eq!(run.json()["layers"][0]["files"], 1, "{program}");
    }
}

#[test]
fn a_root_file_system_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let tar = LayerBuilder::new()
        .dir("etc/")
        .file("etc/os-release", "ID=alpine\n")
        .file("bin/sh", "x")
        .finish();
    for (name, bytes) in
        [("rootfs.tar", tar.clone()), ("rootfs.tar.gz", compress(&tar, Compression::Gzip))]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let run = inspect(&show(&path));
        assert_eq!(run.status, 3, "{name}: {}", run.stderr);
        assert!(run.stderr.contains("the root file system of a container"), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
}

#[test]
fn one_of_several_images_in_a_tar_is_named_by_its_tag() {
    let folder = tempfile::tempdir().unwrap();
    let two = folder.path().join("two.tar");
    std::fs::write(&two, docker_archive(&[(&["shop:1"], "a"), (&["shop:2", "shop:latest"], "bb")]))
        .unwrap();
    let run = inspect(&show(&two));
    assert_eq!(run.status, 2, "{}", run.stderr);
    assert!(run.stderr.contains("shop:1, shop:2"), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("hint: try `{}:shop:1`", show(&two))), "{}", run.stderr);
    for (tag, bytes) in [("shop:1", 1), ("shop:2", 2), ("latest", 2)] {
        let run = inspect(&format!("{}:{tag}", show(&two)));
        assert_eq!(run.status, 0, "{tag}: {}", run.stderr);
        assert_eq!(run.json()["size"]["content"], bytes, "{tag}");
    }
}

/// The words that name it are those of a reference; what lies there has no tag that moves.
#[test]
fn a_local_path_has_no_tag_that_moves() {
    let folder = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new()
        .layer("one", LayerBuilder::new().file("app/which", "a"))
        .config("User", json!("1000"));
    let layout = image.write_layout(&folder.path().join("team/app"), "1.0");
    let named = LayerBuilder::new();
    let named = files(&layout).into_iter().fold(named, |tar, (name, bytes)| tar.file(&name, bytes));
    std::fs::write(folder.path().join("named"), named.finish()).unwrap();
    std::fs::write(folder.path().join("old"), docker_archive(&[(&["shop:1"], "a")])).unwrap();
    for words in ["team/app", "team/app:1.0", "named", "named:1.0", "old", "old:shop:1"] {
        let home = Home::new();
        let mut command = home.command(&["inspect", words, "--format", "json", "--no-cache"]);
        let out = command
            .current_dir(folder.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(0), "{words}: {}", String::from_utf8_lossy(&out.stderr));
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        let rules: Vec<&Value> =
            report["findings"].as_array().unwrap().iter().map(|f| &f["rule"]).collect();
        assert!(!rules.contains(&&json!("config/mutable-tag")), "{words}: {rules:?}");
    }
}

/// All files of a layout by their names in it.
fn files(layout: &Path) -> Vec<(String, Vec<u8>)> {
    let blobs = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
    let mut names: Vec<PathBuf> = blobs.map(|e| e.unwrap().path()).collect();
    names.extend([layout.join("index.json"), layout.join("oci-layout")]);
    let name = |path: &PathBuf| path.strip_prefix(layout).unwrap().display().to_string();
    names.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

/// skopeo reads `manifest.json`, Docker's image store `index.json`: both must be looked at, or it is said.
#[test]
fn an_archive_with_two_indexes_is_read_as_the_user_says() {
    let folder = tempfile::tempdir().unwrap();
    let layout = ImageBuilder::new()
        .layer("one", LayerBuilder::new().file("app/which", "index"))
        .config("User", json!("1000"))
        .write_layout(&folder.path().join("layout"), "1.0");
    let docker = docker_archive(&[(&["shop:1"], "manifest.json")]);
    // The end of a tar is 1024 zeros.
    let mut both = docker[..docker.len() - 1024].to_vec();
    let tar = LayerBuilder::new();
    both.extend(
        files(&layout).into_iter().fold(tar, |t, (name, bytes)| t.file(&name, bytes)).finish(),
    );
    let path = folder.path().join("both.tar");
    std::fs::write(&path, both).unwrap();
    let content = |run: &Run| run.json()["size"]["content"].clone();
    let run = inspect(&format!("docker-archive:{}", show(&path)));
    assert_eq!((run.status, content(&run)), (0, json!(13)), "{}", run.stderr);
    let run = inspect(&format!("oci-archive:{}", show(&path)));
    assert_eq!((run.status, content(&run)), (0, json!(5)), "{}", run.stderr);
    let run = inspect(&show(&path));
    assert_eq!((run.status, content(&run)), (3, json!(5)), "{}", run.stderr);
    let said = run.json()["not_looked_at"].to_string();
    assert!(said.contains("image `shop:1` of manifest.json"), "{said}");
    assert!(said.contains("docker-archive:"), "{said}");
}
