//! `careen cat` and `--reveal`: what the image holds can be got back, and secrets come only on request.

use crate::support::image_builder::{Compression, ImageBuilder, LayerBuilder, compress};
use crate::support::program::{Home, show, skopeo};
use std::process::Command;

fn password() -> String {
    ["xK9", "vQ2mZ", "7pLw4", "TnB8"].concat()
}

fn image() -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            "COPY . .",
            LayerBuilder::new()
                .file("app/.env", format!("DB_PASSWORD={}\n", password()))
                .file("app/page", "first")
                .symlink("current", "app"),
        )
        .layer(
            "RUN rm",
            LayerBuilder::new().whiteout("app/.env").file("app/page", vec![b'p'; 3 << 20]),
        )
}

#[test]
fn a_deleted_file_comes_back_from_every_form() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| show(&folder.path().join(name));
    let layout = show(&image().write_layout(&folder.path().join("layout"), "1"));
    skopeo(&format!("oci:{layout}:1"), &format!("docker-archive:{}:app/x:1", at("docker.tar")));
    let tar = std::fs::read(at("docker.tar")).unwrap();
    std::fs::write(at("docker.tar.gz"), compress(&tar, Compression::Gzip)).unwrap();
    let secret = format!("DB_PASSWORD={}\n", password());
    for image in [layout, at("docker.tar"), at("docker.tar.gz")] {
        let deleted = home.run(&["cat", &image, "/app/.env", "--layer", "0"]);
        assert_eq!(
            (deleted.status, deleted.text()),
            (0, secret.clone()),
            "{image}: {}",
            deleted.stderr
        );
        let gone = home.run(&["cat", &image, "/app/.env"]);
        assert_eq!((gone.status, gone.text().as_str()), (2, ""), "{}", gone.stderr);
        let current = home.run(&["cat", &image, "/current/page"]);
        assert!(
            current.stdout == vec![b'p'; 3 << 20],
            "{image}: through the link, the last version"
        );
        assert_eq!(home.run(&["cat", &image, "app/page", "--layer", "0"]).text(), "first");
        assert_eq!(home.run(&["cat", &image, "app"]).status, 2, "a directory is no file");
        assert_eq!(home.run(&["cat", &image, "app/page", "--layer", "9"]).status, 2);
    }
    let piped = home.run_with(&["cat", "-", "app/page"], &tar);
    assert_eq!(piped.status, 2);
    assert!(piped.stderr.contains("hint: "), "{}", piped.stderr);
}

#[test]
fn a_secret_is_in_clear_only_on_request_and_never_in_the_cache() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image().write_layout(folder.path(), "1"));
    for args in [
        &["inspect", &layout, "--fail-on", "never"][..],
        &["inspect", &layout, "--fail-on", "never", "-v"],
        &["inspect", &layout, "--fail-on", "never", "--format", "json"],
    ] {
        let run = home.run(args);
        assert!(run.text().contains("app/.env"), "it is found");
        assert!(!run.text().contains(&password()) && !run.stderr.contains(&password()));
    }
    let shown = home.run(&["inspect", &layout, "--format", "json", "--reveal"]);
    assert!(shown.text().contains(&password()), "with a warm cache too");
    let mut files = vec![home.cache()];
    let mut seen = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        seen += 1;
        let raw = std::fs::read(&path).unwrap();
        let inflated = zstd_inside(&raw);
        let secret = password().into_bytes();
        for bytes in [&raw, &inflated] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret), "{}", path.display());
        }
    }
    assert!(seen > 0, "there is a cache to look into");
}

/// The inflated content of a cache entry, wherever in it the zstd frame begins.
fn zstd_inside(bytes: &[u8]) -> Vec<u8> {
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    match bytes.windows(4).position(|w| w == magic) {
        Some(at) => {
            let mut out = Vec::new();
            let mut decoder = zstd::stream::read::Decoder::new(&bytes[at..]).unwrap();
            // What stands behind the frame is the entry's own.
            let _ = std::io::copy(&mut decoder, &mut out);
            out
        }
        None => Vec::new(),
    }
}

/// A name that cannot be written to a terminal as it is: the report's command gets its bytes all the same.
#[test]
fn the_command_of_a_report_works_for_every_name() {
    let names = [
        &b"new\nline"[..],
        b"esc\x1b[31m",
        "turned\u{202e}gnp".as_bytes(),
        "line\u{2028}end".as_bytes(),
        "c1\u{9b}x".as_bytes(),
        b"latin\xff1",
        b"latin\xfe1",
        b"it's $HOME",
    ];
    let secret = |n: usize| format!("DB_PASSWORD={}{n}\n", password());
    let mut layer = LayerBuilder::new();
    for (n, name) in names.iter().enumerate() {
        layer = layer.file_named(&[b"app/", *name, b"/.env"].concat(), secret(n).as_bytes());
    }
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout =
        show(&ImageBuilder::new().layer("COPY . .", layer).write_layout(folder.path(), "1"));
    let report = home.run(&["inspect", &layout, "--format", "json"]).json();
    let findings = report["findings"].as_array().unwrap();
    let commands = findings.iter().filter_map(|f| f["recover"].as_str());
    let mut got: Vec<String> = commands
        .filter_map(|command| {
            let words = format!("set -- {command}; shift; printf '%s\\0' \"$@\"");
            let out = Command::new("sh").args(["-c", &words]).output().unwrap().stdout;
            let out = String::from_utf8(out).unwrap();
            let args: Vec<&str> = out.trim_end_matches('\0').split('\0').collect();
            args[2].starts_with("app/").then(|| {
                let run = home.run(&args);
                assert_eq!(run.status, 0, "{command}: {}", run.stderr);
                // Without a layer it is the same file.
                assert_eq!(home.run(&args[..3]).text(), run.text());
                run.text()
            })
        })
        .collect();
    got.sort();
    got.dedup();
    assert_eq!(got, (0..names.len()).map(secret).collect::<Vec<_>>());
}

/// What is there under its very name comes first, and two that are shown alike are neither.
#[test]
fn a_shown_name_is_only_taken_where_it_is_clear() {
    let layer = LayerBuilder::new()
        .file("a\\nb", "backslash")
        .file("a\nb", "line break")
        .file("c\\n\nd", "one")
        .file("c\n\\nd", "two");
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout =
        show(&ImageBuilder::new().layer("COPY . .", layer).write_layout(folder.path(), "1"));
    assert_eq!(home.run(&["cat", &layout, "a\\nb"]).text(), "backslash");
    assert_eq!(home.run(&["cat", &layout, "c\\n\\nd"]).status, 2);
}
