use super::*;

/// `app.tar`, `a:b.tar`, `debian` are files or directories here.
fn there(path: &Path) -> PathKind {
    match path.to_str().unwrap() {
        "app.tar" | "./app.tar" | "dir/a:b.tar" | "plain" => PathKind::File,
        "layout" | "/abs/layout" => PathKind::Layout,
        "debian" | "./empty" | "empty" | "team/app" => PathKind::Directory,
        "/dev/fd/63" => PathKind::Stream,
        _ => PathKind::Missing,
    }
}

fn parse(text: &str) -> Result<Locator, SourceError> {
    Locator::parse_with(text, &there)
}

fn archive(path: &str, form: ArchiveForm, selector: &str) -> Locator {
    Locator::Archive {
        path: path.into(),
        form,
        selector: (!selector.is_empty()).then(|| selector.parse().unwrap()),
    }
}

fn layout(path: &str, selector: &str) -> Locator {
    Locator::Layout {
        path: path.into(),
        selector: (!selector.is_empty()).then(|| selector.parse().unwrap()),
    }
}

const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn words_are_guessed_by_what_is_there() {
    use ArchiveForm::Any;
    let registry = |r: &str| Locator::Registry(r.parse().unwrap());
    for (text, expected) in [
        ("app.tar", archive("app.tar", Any, "")),
        ("./app.tar:v1", archive("./app.tar", Any, "v1")),
        ("app.tar:localhost/app:1", archive("app.tar", Any, "localhost/app:1")),
        ("app.tar:@1", archive("app.tar", Any, "@1")),
        ("dir/a:b.tar", archive("dir/a:b.tar", Any, "")),
        ("dir/a:b.tar:1", archive("dir/a:b.tar", Any, "1")),
        ("plain", archive("plain", Any, "")),
        ("/dev/fd/63", archive("/dev/fd/63", Any, "")),
        ("layout", layout("layout", "")),
        ("/abs/layout:multi", layout("/abs/layout", "multi")),
        (&format!("layout@{D}"), layout("layout", &format!("@{D}"))),
        ("debian:12", registry("debian:12")),
        ("debian:_x", registry("debian:_x")),
        ("ghcr.io/o/r:v1", registry("ghcr.io/o/r:v1")),
        ("localhost:5000/layout", registry("localhost:5000/layout")),
        ("-", Locator::Stdin { form: Any, selector: None }),
        ("-:v1", Locator::Stdin { form: Any, selector: Some("v1".parse().unwrap()) }),
    ] {
        assert_eq!(parse(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn prefixes_force() {
    use ArchiveForm::{Docker, Oci};
    for (text, expected) in [
        ("docker://layout", Locator::Registry("layout".parse().unwrap())),
        ("oci:layout:v1", layout("layout", "v1")),
        ("oci-archive:app.tar", archive("app.tar", Oci, "")),
        ("docker-archive:app.tar:app:1", archive("app.tar", Docker, "app:1")),
        ("docker-archive:-", Locator::Stdin { form: Docker, selector: None }),
        ("docker-daemon:app:1", Locator::Daemon("app:1".to_owned())),
    ] {
        assert_eq!(parse(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_path_that_is_not_there_is_no_registry() {
    for text in [
        "./x",
        "/x",
        "../x:1",
        "x.tar",
        "x.tar:v1",
        "out/x.tar.gz",
        "x.tar.zst",
        "oci:nothing:v1",
        "oci-archive:nothing",
        "docker-archive:nothing:app:1",
    ] {
        let e = parse(text).unwrap_err();
        assert!(matches!(e, SourceError::NoSuchFile { .. }), "{text}: {e}");
        assert!(e.to_string().starts_with("no such file"), "{e}");
        assert!(e.hint().is_some());
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (text, why) in [
        ("./empty", "no OCI layout"),
        ("debian", "no OCI layout"),
        ("team/app", "no OCI layout"),
        ("oci-archive:layout", "is a directory"),
        ("./empty:v1", "no OCI layout"),
        ("containers-storage:localhost/app:1", "not supported"),
        ("app.tar:a b", "no tag may have"),
        ("app.tar:", "is empty"),
        ("docker-daemon:", "image"),
        ("docker-daemon:../../info", "image"),
        ("docker://a b", "not an image reference"),
        ("", "not an image reference"),
    ] {
        let e = parse(text).unwrap_err().to_string();
        assert!(e.contains(why), "{text}: {e}");
    }
}

/// Whoever has a folder of this name does not mean Docker Hub's image.
#[test]
fn a_directory_is_not_looked_for_at_docker_hub() {
    assert_eq!(
        parse("team/app").unwrap_err().hint().as_deref(),
        Some("to ask a registry write `docker://team/app`")
    );
    assert_eq!(parse("./empty").unwrap_err().hint(), None);
}

#[test]
fn files_open_by_what_they_hold() {
    use super::super::sample::{Tar, amd64};
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Locator::parse(path.to_str().unwrap()).unwrap().open(&DaemonSettings::default()).unwrap()
    };
    let tar = Tar::new().file("a", b"").end().bytes;
    assert!(matches!(open("1", &tar), Opened::Random(_)));
    let zst = zstd::encode_all(tar.as_slice(), 1).unwrap();
    for bytes in [&zst, b"hello".as_slice(), b""] {
        let Opened::SinglePass(pass) = open("2", bytes) else {
            panic!("a compressed file is read in one pass");
        };
        let e = pass.run(&amd64(), &mut |_, _, _| ()).err().unwrap();
        assert!(e.to_string().contains("/2: "), "{e}");
    }
}
