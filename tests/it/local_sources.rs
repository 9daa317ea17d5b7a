//! One image in every form that stands on a disk or comes through a pipe, written by skopeo: the
//! layers must be the same, byte for byte, and the manifests where the form carries them.

use careen::oci::{Digest, Platform};
use careen::source::daemon::DaemonSettings;
use careen::source::locator::{Locator, Opened};
use careen::source::{FoundImage, PlatformChoice, Resolution, SourceError};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A layout with one image of three layers; the second is stored as gzip or zstd.
struct Sample {
    dir: tempfile::TempDir,
    /// The tars, base first.
    tars: Vec<Vec<u8>>,
    manifest: Digest,
}

fn gzip(raw: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::fast());
    e.write_all(raw).unwrap();
    e.finish().unwrap()
}

fn zst(raw: &[u8]) -> Vec<u8> {
    zstd::encode_all(raw, 3).unwrap()
}

fn inflate(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match raw {
        [0x1f, 0x8b, ..] => MultiGzDecoder::new(raw).read_to_end(&mut out).unwrap(),
        [0x28, 0xb5, ..] => return zstd::decode_all(raw).unwrap(),
        plain => return plain.to_vec(),
    };
    out
}

fn layer_tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, content).unwrap();
    tar.into_inner().unwrap()
}

impl Sample {
    /// skopeo puts no zstd layer into a docker-archive.
    fn new(second: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layout = dir.path().join("layout");
        std::fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
        let put = |raw: &[u8], kind: &str| {
            let digest = Digest::sha256(raw);
            std::fs::write(layout.join("blobs/sha256").join(digest.hex()), raw).unwrap();
            json!({
                "mediaType": format!("application/vnd.oci.image.{kind}"),
                "digest": digest, "size": raw.len(),
            })
        };
        let noise: Vec<u8> =
            (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let tars = vec![
            layer_tar("etc/os-release", b"ID=sample\n"),
            layer_tar("usr/lib/noise", &noise),
            layer_tar("app/run", b"#!/bin/sh\n"),
        ];
        let layers = [
            put(&gzip(&tars[0]), "layer.v1.tar+gzip"),
            match second {
                "zstd" => put(&zst(&tars[1]), "layer.v1.tar+zstd"),
                _ => put(&gzip(&tars[1]), "layer.v1.tar+gzip"),
            },
            put(&tars[2], "layer.v1.tar"),
        ];
        let config = json!({
            "os": "linux", "architecture": "amd64", "config": { "User": "1000" },
            "rootfs": {
                "type": "layers",
                "diff_ids": tars.iter().map(|t| Digest::sha256(t)).collect::<Vec<_>>(),
            },
            "history": [{ "created_by": "a" }, { "created_by": "b" }, { "created_by": "c" }],
        });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": put(config.to_string().as_bytes(), "config.v1+json"), "layers": layers,
        })
        .to_string();
        let mut descriptor = put(manifest.as_bytes(), "manifest.v1+json");
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": "v1" });
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });
        std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
        std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self { dir, tars, manifest: Digest::sha256(manifest.as_bytes()) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn skopeo(&self, from: &str, to: &str) {
        let at = |(transport, rest): (&str, &str)| {
            format!("{transport}:{}/{rest}", self.dir.path().display())
        };
        let done = Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--quiet"])
            // Without it the plain layer is compressed on the way.
            .args(to.starts_with("oci").then_some("--preserve-digests"))
            .arg(at(from.split_once(':').unwrap()))
            .arg(at(to.split_once(':').unwrap()))
            .output()
            .expect("skopeo must be installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The image in `words`, and its layers as tars.
    fn check(&self, words: &str, stdin: Option<&Path>) -> FoundImage {
        let (found, stored) = read(words, stdin).unwrap_or_else(|e| panic!("{words}: {e}"));
        assert!(found.unseen.is_empty(), "{words}: {:?}", found.unseen);
        let image = found.images.into_iter().next().unwrap();
        assert!(image.remarks.is_empty(), "{words}: {:?}", image.remarks);
        let tars: Vec<Vec<u8>> = stored.iter().map(|raw| inflate(raw)).collect();
        assert!(tars == self.tars, "{words}: other layers");
        for (layer, tar) in image.layers.iter().zip(&tars) {
            assert_eq!(layer.declared_diff_id.unwrap().0, Digest::sha256(tar));
        }
        for (layer, raw) in image.layers.iter().zip(&stored) {
            if let Some(d) = &layer.descriptor {
                assert_eq!((d.digest, d.size), (Digest::sha256(raw), raw.len() as u64));
            }
        }
        assert_eq!(image.config.config.user, "1000");
        assert_eq!(image.config.history.len(), 3);
        image
    }
}

/// Resolves the words and reads the stored bytes of every layer of the first image.
fn read(words: &str, stdin: Option<&Path>) -> Result<(Resolution, Vec<Vec<u8>>), SourceError> {
    let choice = PlatformChoice::One {
        platform: Platform::new("linux", "amd64", None),
        named_by_user: true,
    };
    let open_stdin = || -> Box<dyn Read + Send> {
        Box::new(std::fs::File::open(stdin.expect("stdin is asked for")).unwrap())
    };
    match Locator::parse(words)?.open_with(open_stdin, &DaemonSettings::default())? {
        Opened::Registry(r) => panic!("{words} was taken for {r}"),
        Opened::Random(source) => {
            let found = source.resolve(&choice)?;
            // All at once, each a byte further in turn: the layers share nothing.
            let mut readers: Vec<_> =
                found.images[0].layers.iter().map(|l| source.open(l)).collect::<Result<_, _>>()?;
            let mut stored = vec![Vec::new(); readers.len()];
            let mut buffer = vec![0; 1000];
            loop {
                let mut read = 0;
                for (reader, out) in readers.iter_mut().zip(&mut stored) {
                    let n = reader.read(&mut buffer).unwrap();
                    out.extend(&buffer[..n]);
                    read += n;
                }
                if read == 0 {
                    return Ok((found, stored));
                }
            }
        }
        Opened::SinglePass(pass) => {
            let (found, layers) = pass.run(&choice, &mut |_, _, body| {
                let mut out = Vec::new();
                body.read_to_end(&mut out).map(|_| out)
            })?;
            let stored = found.images[0]
                .layers
                .iter()
                .map(|l| layers[&l.blob].as_ref().unwrap().clone())
                .collect();
            Ok((found, stored))
        }
    }
}

fn words(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_layout_directory_gives_its_layers() {
    let sample = Sample::new("zstd");
    let layout = words(&sample.path("layout"));
    for words in [
        layout.clone(),
        format!("{layout}:v1"),
        format!("oci:{layout}:v1"),
        format!("{layout}@{}", sample.manifest),
    ] {
        let image = sample.check(&words, None);
        assert_eq!(image.digest, Some(sample.manifest));
        assert_eq!(image.pinned, words.contains('@'));
    }
}

/// The archive as a file, compressed as a whole, and through a pipe.
fn check_archive(sample: &Sample, prefix: &str, selectors: &[&str], digest: Option<Digest>) {
    let plain = sample.path("image.tar");
    let raw = std::fs::read(&plain).unwrap();
    let gz = sample.path("image.tar.gz");
    std::fs::write(&gz, gzip(&raw)).unwrap();
    let zstd = sample.path("image.tar.zst");
    std::fs::write(&zstd, zst(&raw)).unwrap();
    for path in [&plain, &gz, &zstd] {
        let file = words(path);
        let mut images = vec![
            sample.check(&file, None),
            sample.check(&format!("{prefix}:{file}"), None),
            sample.check("-", Some(path)),
            sample.check(&format!("{prefix}:-"), Some(path)),
        ];
        for selector in selectors {
            images.push(sample.check(&format!("{file}:{selector}"), None));
            images.push(sample.check(&format!("-:{selector}"), Some(path)));
        }
        for image in images {
            assert_eq!(image.digest, digest, "{}", image.reference);
        }
        let e = read(&format!("{file}:other"), None).unwrap_err();
        assert!(matches!(e, SourceError::NotFound { .. }), "{e}");
        let wrong = match prefix {
            "oci-archive" => "docker-archive",
            _ => "oci-archive",
        };
        let e = read(&format!("{wrong}:{file}"), None).unwrap_err();
        assert!(e.to_string().contains("there is no"), "{e}");
    }
}

#[test]
fn an_oci_archive_gives_the_same_layers() {
    let sample = Sample::new("zstd");
    sample.skopeo("oci:layout:v1", "oci-archive:image.tar:v1");
    check_archive(&sample, "oci-archive", &["v1", "@0"], Some(sample.manifest));
}

#[test]
fn a_docker_archive_gives_the_same_layers() {
    let sample = Sample::new("gzip");
    sample.skopeo("oci:layout:v1", "docker-archive:image.tar:localhost/app:v1");
    check_archive(&sample, "docker-archive", &["localhost/app:v1", "v1", "@0"], None);
}

#[cfg(unix)]
#[test]
fn a_fifo_is_read_once() {
    let sample = Sample::new("zstd");
    sample.skopeo("oci:layout:v1", "oci-archive:oci.tar:v1");
    let fifo = sample.path("pipe");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let raw = std::fs::read(sample.path("oci.tar")).unwrap();
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::write(fifo, raw).unwrap()
    });
    sample.check(&fifo.display().to_string(), None);
    writer.join().unwrap();
}

#[test]
fn several_images_of_one_docker_archive_are_told_apart() {
    let sample = Sample::new("gzip");
    sample.skopeo("oci:layout:v1", "docker-archive:two.tar:localhost/app:v1");
    // skopeo can add to a docker-archive only while it writes it; two tags of one image are what
    // `docker save a b` writes for it.
    let path = sample.path("two.tar");
    let raw = std::fs::read(&path).unwrap();
    let mut out = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(raw.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut header = entry.header().clone();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if entry.path().unwrap().as_os_str() == "manifest.json" {
            let mut images: Vec<serde_json::Value> = serde_json::from_slice(&content).unwrap();
            let mut other = images[0].clone();
            other["RepoTags"] = json!(["localhost/other:v2"]);
            other["Layers"].as_array_mut().unwrap().pop();
            images.push(other);
            content = serde_json::to_vec(&images).unwrap();
            header.set_size(content.len() as u64);
            header.set_cksum();
        }
        out.append(&header, content.as_slice()).unwrap();
    }
    std::fs::write(&path, out.into_inner().unwrap()).unwrap();
    let words = path.display().to_string();
    let e = read(&words, None).unwrap_err();
    assert!(
        matches!(&e, SourceError::Ambiguous { names, .. } if names == &["localhost/app:v1", "localhost/other:v2"]),
        "{e}"
    );
    assert_eq!(e.hint().unwrap(), format!("try `{words}:localhost/app:v1`"));
    sample.check(&format!("{words}:v1"), None);
    let (found, stored) = read(&format!("{words}:localhost/other:v2"), None).unwrap();
    assert_eq!(stored.len(), 2);
    assert!(found.images[0].remarks[0].contains("2 layers but config has 3"));
}
