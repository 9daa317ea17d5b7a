//! `careen cat` and `--reveal`: what the image holds can be got back, and secrets come only on request.

use crate::support::image_builder::{Compression, ImageBuilder, LayerBuilder, compress};
use crate::support::program::{Home, show, skopeo};

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
