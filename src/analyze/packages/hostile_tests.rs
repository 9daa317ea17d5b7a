//! Every reader of a file that is read whole, against what a hostile author would write.

use super::*;
use crate::analyze::Facts;
use crate::layer::LayerPath;
use proptest::prelude::*;

/// A reader, a path that it reads, and a good file.
fn readers() -> Vec<(Box<dyn Analyzer>, &'static str, Vec<u8>)> {
    let wall = "{\"jsonwall\":\"1.0\",\"count\":2}\n{\"kind\":\"content\",\"slice\":\"a_b\",\"path\":\"/x\"}\n";
    vec![
        (
            Box::new(Whole::<Conda>::default()),
            "o/conda-meta/a.json",
            br#"{"name": "a", "version": "1", "channel": "x", "files": ["a", "b"]}"#.to_vec(),
        ),
        (
            Box::new(Whole::<Composer>::default()),
            "v/composer/installed.json",
            br#"{"packages": [{"name": "a/b", "version": "1", "install-path": "../a/b"}]}"#.to_vec(),
        ),
        (
            Box::new(Whole::<Dotnet>::default()),
            "a.deps.json",
            br#"{"targets": {"t": {"A/1": {"runtime": {"lib/A.dll": {}}}}}, "libraries": {"A/1": {"type": "package"}}}"#
                .to_vec(),
        ),
        (
            Box::new(Whole::<Chisel>::default()),
            "x/manifest.wall",
            zstd::encode_all(wall.as_bytes(), 3).unwrap(),
        ),
        (
            Box::new(Whole::<RpmManifest>::default()),
            "var/lib/rpmmanifest/container-manifest-2",
            b"a\t1-1\t1\t1\tv\t(none)\t5\tx86_64\t0\ta-1-1.src.rpm\n".to_vec(),
        ),
    ]
}

fn bytes_of(facts: &Facts) -> usize {
    let mark = Facts::default().mark();
    usize::try_from(facts.weight_since(&mark)).unwrap()
}

#[test]
fn short_elements_without_end_stay_small() {
    let long = format!("{}/conda-meta/a.json", "p".repeat(3900));
    let files = format!(
        "{{\"name\": \"a\", \"version\": \"1\", \"files\": [{}\"a\"]}}",
        "\"a\",".repeat(2 << 20)
    );
    let empty = format!("[{}{{}}]", "{},".repeat(2 << 20));
    let libraries = format!(
        "{{\"libraries\": {{{}\"z/1\": {{}}}}}}",
        "\"a/1\": {\"type\": \"package\"},".repeat(200_000)
    );
    for (path, text) in [
        (long.as_str(), &files),
        ("v/composer/installed.json", &empty),
        ("a.deps.json", &libraries),
    ] {
        for (mut reader, _, _) in readers() {
            let facts = feed(reader.as_mut(), path, text.as_bytes(), 1 << 20);
            assert!(bytes_of(&facts) < 64 << 20, "{path}: {}", bytes_of(&facts));
            let told = facts.packages.is_empty() || !facts.unread.is_empty();
            assert!(told, "{path}: {} packages", facts.packages.len());
        }
    }
}

#[test]
fn no_root_or_file_lies_outside_the_image_or_is_too_long() {
    let name = "../".repeat(3000) + &"d/".repeat(3000);
    let composer = format!(r#"[{{"name": "{name}", "version": "1"}}]"#);
    let conda = format!(r#"{{"name": "a", "version": "1", "files": ["{name}", "ok"]}}"#);
    for (path, text) in [("v/composer/installed.json", composer), ("c/conda-meta/a.json", conda)] {
        for (mut reader, _, _) in readers() {
            let facts = feed(reader.as_mut(), path, text.as_bytes(), 1 << 20);
            let roots = facts.packages.iter().filter_map(|p| p.root.as_ref());
            let all: Vec<&LayerPath> =
                roots.chain(facts.owned.iter().flat_map(|o| &o.paths)).collect();
            assert!(all.iter().all(|p| p.as_bytes().len() <= 4095), "{path}");
        }
    }
}

proptest! {
    #[test]
    fn no_file_panics(at in 0usize..200, byte: u8, cut in 0usize..300, junk: Vec<u8>) {
        for (mut reader, path, good) in readers() {
            let mut bytes = good.clone();
            if let Some(b) = bytes.get_mut(at) { *b = byte; }
            bytes.truncate(cut);
            let _ = feed(reader.as_mut(), path, &bytes, 50);
            let _ = feed(reader.as_mut(), path, &junk, 50);
            let deep = [&b"[".repeat(3000)[..], &junk].concat();
            let _ = feed(reader.as_mut(), path, &deep, 50);
            // A reader is none the worse for it.
            prop_assert!(!feed(reader.as_mut(), path, &good, 50).packages.is_empty()
                || path.ends_with(".wall"));
        }
    }
}
