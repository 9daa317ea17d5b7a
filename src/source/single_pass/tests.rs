use super::super::sample::{Image, Tar, amd64, blob, index, oci_tar};
use super::*;
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use std::io::Write as _;

type Outcome = Result<(Resolution, HashMap<BlobName, io::Result<Vec<u8>>>), SourceError>;

fn read_all(_: &str, size: u64, body: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    body.read_to_end(&mut out)?;
    assert_eq!(out.len() as u64, size);
    Ok(out)
}

fn run(bytes: &[u8]) -> Outcome {
    SinglePass::new("-".into(), bytes, None).run(&amd64(), &mut read_all)
}

fn layers(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (found, mut contents) = run(bytes).unwrap();
    assert!(found.unseen.is_empty(), "{:?}", found.unseen);
    found.images[0].layers.iter().map(|l| contents.remove(&l.blob).unwrap().unwrap()).collect()
}

fn gzip(raw: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::fast());
    e.write_all(raw).unwrap();
    e.finish().unwrap()
}

fn docker_json(layers: &[&str]) -> Vec<u8> {
    json!([{ "Config": "c.json", "RepoTags": null, "Layers": layers }]).to_string().into_bytes()
}

fn oci() -> (Image, Vec<u8>) {
    let image = Image::new("amd64", &["one", "two"]);
    let tar = oci_tar(&[&image], &index(&[image.descriptor(json!({}))])).end();
    (image, tar.bytes)
}

#[test]
fn every_wrapping_and_every_order_of_members_gives_the_same_layers() {
    let (image, tar) = oci();
    for bytes in [tar.clone(), gzip(&tar), zstd::encode_all(tar.as_slice(), 1).unwrap()] {
        assert_eq!(layers(&bytes), image.layers);
    }
    let first = Tar::new()
        .file("manifest.json", &docker_json(&["b.tar", "a.tar"]))
        .symlink("b.tar", "x/b.tar")
        .hardlink("a.tar", "x/a.tar")
        .file("x/b.tar", &image.layers[0])
        .file("x/a.tar", &gzip(&image.layers[1]))
        .file("c.json", &image.config)
        .end();
    let found = layers(&first.bytes);
    assert_eq!(found, [image.layers[0].clone(), gzip(&image.layers[1])]);
}

#[test]
fn one_layer_under_two_names_is_one_result() {
    let image = Image::new("amd64", &["one", "one"]);
    let tar = Tar::new()
        .file("a.tar", &image.layers[0])
        .symlink("b.tar", "a.tar")
        .file("c.json", &image.config)
        .file("manifest.json", &docker_json(&["a.tar", "b.tar"]))
        .end();
    let (found, contents) = run(&tar.bytes).unwrap();
    assert_eq!(contents.len(), 1);
    assert!(found.images[0].layers.iter().all(|l| contents.contains_key(&l.blob)));
}

#[test]
fn a_layer_that_looks_like_json_is_a_layer_and_json_called_a_layer_is_handed_out() {
    let odd = Tar::new().file("{\"a\":1}", b"x").end().bytes;
    let image = Image::new("amd64", &["one"]);
    let tar = Tar::new()
        .file("odd.tar", &odd)
        .file("c.json", &image.config)
        .file("manifest.json", &docker_json(&["odd.tar", "c.json"]))
        .end();
    assert_eq!(layers(&tar.bytes), [odd, image.config]);
}

#[test]
fn small_members_are_handed_out_only_when_an_image_names_them() {
    let image = Image::new("amd64", &["one"]);
    let empty = gzip(&[0; 1024]);
    let tar = Tar::new()
        .file("a/VERSION", b"1.0")
        .file("a.tar", &image.layers[0])
        .file("empty.tar", &empty)
        .file("c.json", &image.config)
        .file("manifest.json", &docker_json(&["a.tar", "empty.tar"]))
        .end();
    let mut handed_out = Vec::new();
    SinglePass::new("-".into(), tar.bytes.as_slice(), None)
        .run(&amd64(), &mut |name, _, _| handed_out.push(name.to_owned()))
        .unwrap();
    assert_eq!(handed_out, ["a.tar", "empty.tar"]);
    assert_eq!(layers(&tar.bytes), [image.layers[0].clone(), empty]);
}

#[test]
fn what_the_callback_leaves_unread_is_skipped() {
    let (image, tar) = oci();
    let (_, contents) = SinglePass::new("-".into(), tar.as_slice(), None)
        .run(&amd64(), &mut |_, size, _| size)
        .unwrap();
    let sizes: u64 = contents.values().sum();
    assert_eq!(sizes, image.layers.iter().map(|l| l.len() as u64).sum::<u64>());
}

#[test]
fn a_wrong_checksum_behind_the_tar_is_reported() {
    let (_, tar) = oci();
    let mut bytes = gzip(&tar);
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    let (found, contents) = run(&bytes).unwrap();
    assert!(found.unseen[0].failed, "{:?}", found.unseen);
    assert_eq!(contents.len(), 2);
    // Long padding hides it from a reader that stops at the end blocks.
    let mut padded = tar.clone();
    padded.resize(tar.len() + (1 << 20), 0);
    let mut bytes = gzip(&padded);
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    assert!(run(&bytes).unwrap().0.unseen[0].failed);
    padded.push(1);
    let (found, _) = run(&gzip(&padded)).unwrap();
    assert!(found.images[0].remarks[0].contains("behind the end"));
}

#[test]
fn a_cut_stream_keeps_what_came_before() {
    let image = Image::new("amd64", &["one", "two"]);
    let tar = Tar::new()
        .file("c.json", &image.config)
        .file("manifest.json", &docker_json(&["1.tar", "2.tar"]))
        .file("1.tar", &image.layers[0])
        .file("2.tar", &image.layers[1])
        .bytes;
    let (found, contents) = run(&tar[..tar.len() - 700]).unwrap();
    assert!(found.unseen[0].why.contains("middle of a member"));
    assert_eq!(contents.len(), 2);
    let failed = contents.values().filter(|c| c.is_err()).count();
    assert_eq!(failed, 1);
    let zst = zstd::encode_all(tar.as_slice(), 1).unwrap();
    let e = run(&zst[..zst.len() / 4]).err().unwrap().to_string();
    assert!(e.contains("archive"), "{e}");
}

#[test]
fn limits_hold() {
    let (_, tar) = oci();
    let e = SinglePass::new("-".into(), tar.as_slice(), None)
        .with_tar_limit(2000)
        .run(&amd64(), &mut read_all)
        .err()
        .unwrap();
    assert!(e.to_string().contains("bomb"), "{e}");
    let big = Tar::new().file("manifest.json", &[b'['; 5 << 20]).end();
    assert!(matches!(run(&big.bytes), Err(SourceError::TooLarge { .. })));
    let mut many = Tar::new();
    let padding = format!("[{}]", " ".repeat(4_000_000));
    for i in 0..17 {
        many = many.file(&format!("{i}.json"), padding.as_bytes());
    }
    let many = many.file("manifest.json", &docker_json(&[])).end();
    let found =
        SinglePass::new("-".into(), many.bytes.as_slice(), None).run(&amd64(), &mut |_, _, _| ());
    assert!(matches!(found, Err(SourceError::NotFound { .. })), "the small manifest still fits");
}

#[test]
fn what_is_no_archive_says_so() {
    for (bytes, why) in [
        (b"".as_slice(), "neither a tar"),
        (b"hello", "neither a tar"),
        (b"\xfd7zXZ\0", "xz"),
        (&gzip(b"hello"), "middle of a member"),
        (&Tar::new().file("manifest.json", b"{nope").end().bytes, "invalid JSON"),
        (&Tar::new().file("a", b"x").end().bytes, "neither index.json"),
    ] {
        let e = run(bytes).err().unwrap().to_string();
        assert!(e.contains(why), "{why}: {e}");
    }
    let image = Image::new("amd64", &["one"]);
    let tar = Tar::new()
        .file(&blob(&image.manifest), &image.manifest)
        .file("index.json", &index(&[image.descriptor(json!({}))]))
        .end();
    let e = run(&tar.bytes).err().unwrap().to_string();
    assert!(e.contains("not found"), "{e}");
}

/// Both readings of one archive: what they find, with `None` for a layer that cannot be read.
type Seen = Option<Vec<(Vec<u8>, Vec<Option<Vec<u8>>>)>>;

fn at_random_places(bytes: &[u8]) -> Seen {
    use super::super::{Source as _, archive::Archive};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let archive = Archive::new("-".into(), file, ArchiveForm::Any, None).ok()?;
    let found = archive.resolve(&amd64()).ok()?;
    let layer = |l: &super::super::LayerRef| {
        let mut out = Vec::new();
        archive.open(l).ok()?.read_to_end(&mut out).ok()?;
        Some(out)
    };
    let see = |i: super::super::FoundImage| (i.config_raw, i.layers.iter().map(layer).collect());
    Some(found.images.into_iter().map(see).collect())
}

fn in_one_pass(bytes: &[u8]) -> Seen {
    let (found, layers) = run(bytes).ok()?;
    let layer = |l: &super::super::LayerRef| layers.get(&l.blob)?.as_ref().ok().cloned();
    let see = |i: super::super::FoundImage| (i.config_raw, i.layers.iter().map(layer).collect());
    Some(found.images.into_iter().map(see).collect())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None,
        ..Default::default()
    })]

    /// However an archive is damaged, both ways of reading it see the same, and neither panics.
    #[test]
    fn damage_is_seen_alike(
        docker in proptest::bool::ANY,
        places in proptest::collection::vec((0..100_000_usize, proptest::num::u8::ANY), 0..4),
        resum in proptest::bool::ANY,
        cut in 0..20_000_usize,
    ) {
        let mut bytes = if docker {
            let image = Image::new("amd64", &["one", "two"]);
            Tar::new()
                .file("c.json", &image.config)
                .file("1.tar", &image.layers[0])
                .symlink("d/2.tar", "../1.tar")
                .file("manifest.json", &docker_json(&["1.tar", "d/2.tar"]))
                .end()
                .bytes
        } else {
            oci().1
        };
        for (place, value) in places {
            let place = place % bytes.len();
            bytes[place] = value;
            if let (true, Some(block)) = (resum, bytes[place / 512 * 512..].first_chunk_mut::<512>()) {
                // Most changes of a header would only be a wrong checksum.
                if &block[257..262] == b"ustar" {
                    super::super::sample::sum(block);
                }
            }
        }
        let bytes = &bytes[..bytes.len().min(cut + 2000)];
        proptest::prop_assert_eq!(at_random_places(bytes), in_one_pass(bytes));
    }
}
