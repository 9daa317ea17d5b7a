use super::super::sample::{Image, Tar, amd64, blob, index, oci_tar};
use super::*;
use serde_json::json;

fn open(tar: &[u8], selector: &str) -> Result<Archive, SourceError> {
    open_as(tar, ArchiveForm::Any, selector)
}

fn open_as(tar: &[u8], form: ArchiveForm, selector: &str) -> Result<Archive, SourceError> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, tar).unwrap();
    let selector = (!selector.is_empty()).then(|| selector.parse().unwrap());
    Archive::new("x.tar".to_owned(), file, form, selector)
}

fn resolve(tar: &[u8], selector: &str) -> Result<Resolution, SourceError> {
    open(tar, selector)?.resolve(&amd64())
}

fn content(a: &Archive, layer: &LayerRef) -> Vec<u8> {
    let mut out = Vec::new();
    a.open(layer).unwrap().read_to_end(&mut out).unwrap();
    out
}

fn layers(a: &Archive) -> Vec<Vec<u8>> {
    let found = a.resolve(&amd64()).unwrap();
    assert_eq!(found.images.len(), 1);
    found.images[0].layers.iter().map(|l| content(a, l)).collect()
}

fn docker_json(config: &str, tags: &[&str], layers: &[&str]) -> Vec<u8> {
    json!([{ "Config": config, "RepoTags": tags, "Layers": layers }]).to_string().into_bytes()
}

#[test]
fn a_layout_in_a_tar_gives_its_layers_also_with_dots_before_its_names() {
    let image = Image::new("amd64", &["one", "two"]);
    let index = index(&[image.descriptor(json!({"org.opencontainers.image.ref.name": "v1"}))]);
    let a = open(&oci_tar(&[&image], &index).end().bytes, "").unwrap();
    assert_eq!(layers(&a), image.layers);
    let found = a.resolve(&amd64()).unwrap();
    assert!(found.images[0].reference.ends_with(":v1"));
    assert_eq!(found.images[0].digest, Some(crate::oci::Digest::sha256(&image.manifest)));
    let mut dotted = Tar::new().dir("./");
    for (name, raw) in image.blobs() {
        dotted = dotted.file(&format!("./{name}"), raw);
    }
    let a = open(&dotted.file("./index.json", &index).bytes, "v1").unwrap();
    assert_eq!(layers(&a), image.layers);
}

#[test]
fn the_old_docker_form_shares_layers_by_links() {
    let image = Image::new("amd64", &["one", "one"]);
    let config = format!("{}.json", crate::oci::Digest::sha256(&image.config).hex());
    let tar = Tar::new()
        .file("a/VERSION", b"1.0")
        .file("a/layer.tar", &image.layers[0])
        .symlink("b/layer.tar", "../a/layer.tar")
        .file(&config, &image.config)
        .file("manifest.json", &docker_json(&config, &["app:1"], &["a/layer.tar", "b/layer.tar"]))
        .end();
    let a = open(&tar.bytes, "").unwrap();
    assert_eq!(layers(&a), image.layers);
    let found = &a.resolve(&amd64()).unwrap().images[0];
    assert_eq!(found.layers[1].blob, BlobName::Member("a/layer.tar".into()));
    assert_eq!(found.digest, None);
    assert!(found.remarks.is_empty(), "{:?}", found.remarks);
    assert!(found.reference.ends_with(":app:1"), "{}", found.reference);
    for selector in ["app:1", "docker.io/library/app:1", "1", "@0"] {
        assert!(resolve(&tar.bytes, selector).is_ok(), "{selector}");
    }
    assert!(resolve(&tar.bytes, "2").is_err());
}

#[test]
fn the_new_docker_form_is_read_by_its_index_and_named_by_its_repo_tags() {
    let (a, b) = (Image::new("amd64", &["a"]), Image::new("amd64", &["b"]));
    let entry = |i: &Image, tag: &str| json!({ "Config": blob(&i.config), "RepoTags": [tag], "Layers": [blob(&i.layers[0])] });
    let manifest = json!([entry(&a, "app:a"), entry(&b, "app:b")]).to_string();
    let index = index(&[a.descriptor(json!({})), b.descriptor(json!({}))]);
    let tar = oci_tar(&[&a, &b], &index).file("manifest.json", manifest.as_bytes()).end();
    let found = &resolve(&tar.bytes, "app:b").unwrap().images[0];
    assert_eq!(found.config_raw, b.config);
    assert!(found.digest.is_some() && found.remarks.is_empty(), "{:?}", found.remarks);
    assert!(matches!(resolve(&tar.bytes, ""),
        Err(SourceError::Ambiguous { names, .. }) if names == ["app:a", "app:b"]));
}

#[test]
fn manifests_that_disagree_are_named_and_a_forced_form_decides() {
    let (a, b) = (Image::new("amd64", &["a"]), Image::new("amd64", &["b"]));
    let manifest = docker_json(&blob(&a.config), &["app:a"], &[&blob(&a.layers[0])]);
    let tar = |index: Vec<u8>, manifest: &[u8]| {
        oci_tar(&[&a, &b], &index).file("manifest.json", manifest).end().bytes
    };
    let only_b = tar(index(&[b.descriptor(json!({}))]), &manifest);
    let found = resolve(&only_b, "").unwrap();
    assert_eq!(found.images[0].config_raw, b.config);
    let [unseen] = found.unseen.as_slice() else { panic!("{:?}", found.unseen) };
    assert!(unseen.failed && unseen.what.contains("app:a"), "{unseen:?}");
    assert!(unseen.why.contains("`docker-archive:"), "{unseen:?}");
    let forced = |form| open_as(&only_b, form, "").unwrap().resolve(&amd64()).unwrap();
    let (docker, oci) = (forced(ArchiveForm::Docker), forced(ArchiveForm::Oci));
    assert_eq!((&docker.images[0].config_raw, docker.unseen.len()), (&a.config, 0));
    assert_eq!((&oci.images[0].config_raw, oci.unseen.len()), (&b.config, 0));
    // One more image for the readers of manifest.json alone, of a platform that nobody asks for.
    let c = Image::new("arm64", &["c"]);
    let entry = |i: &Image| json!({ "Config": blob(&i.config), "Layers": [blob(&i.layers[0])] });
    let both = json!([entry(&b), entry(&c)]).to_string();
    let more = oci_tar(&[&b, &c], &index(&[b.descriptor(json!({}))]))
        .file("manifest.json", both.as_bytes())
        .end();
    let unseen = resolve(&more.bytes, "").unwrap().unseen;
    assert!(unseen.len() == 1 && unseen[0].what.contains(&blob(&c.config)), "{unseen:?}");
    // What docker 25 and later write.
    let agreed = tar(index(&[a.descriptor(json!({}))]), &manifest);
    let found = resolve(&agreed, "").unwrap();
    assert!(found.unseen.is_empty() && found.images[0].digest.is_some(), "{:?}", found.unseen);
}

#[test]
fn keys_of_a_docker_manifest_are_read_in_any_case() {
    let a = Image::new("amd64", &["a"]);
    let entry = json!({
        "config": blob(&a.config), "repotags": ["app:a"], "LAYERS": null, "layers": [blob(&a.layers[0])],
    });
    let manifest = json!([entry]).to_string();
    let tar = oci_tar(&[&a], b"").file("manifest.json", manifest.as_bytes()).end();
    let archive = open_as(&tar.bytes, ArchiveForm::Docker, "app:a").unwrap();
    assert_eq!(layers(&archive), a.layers);
    let found = &archive.resolve(&amd64()).unwrap().images[0];
    let [repeated] = found.repeated.as_slice() else { panic!("{:?}", found.repeated) };
    assert_eq!(
        (repeated.document.as_str(), &repeated.fields[..]),
        ("manifest.json", &["Layers".to_owned()][..])
    );
    // Whoever reads the archive as a layout hands it on to engines that read `manifest.json`.
    let tar = oci_tar(&[&a], &index(&[a.descriptor(json!({}))]))
        .file("manifest.json", manifest.as_bytes())
        .end();
    assert_eq!(resolve(&tar.bytes, "").unwrap().images[0].repeated, found.repeated);
}

#[test]
fn a_root_file_system_is_called_so() {
    for name in ["etc/os-release", "./.dockerenv", "bin/busybox"] {
        let tar = Tar::new().dir("app/").file(name, b"x").end();
        let e = resolve(&tar.bytes, "").err().unwrap().to_string();
        assert!(e.contains("root file system") && e.contains("docker export"), "{e}");
    }
}

#[test]
fn a_manifest_that_stands_twice_is_remarked() {
    let (a, b) = (Image::new("amd64", &["a"]), Image::new("amd64", &["b"]));
    let twice = oci_tar(&[&a, &b], &index(&[b.descriptor(json!({}))]))
        .file("index.json", &index(&[a.descriptor(json!({}))]))
        .end();
    let found = &resolve(&twice.bytes, "").unwrap().images[0];
    assert_eq!(found.config_raw, a.config);
    assert!(found.remarks[0].contains("more than once"));
}

#[test]
fn an_export_of_several_platforms_is_named_by_the_engine_and_holds_one_of_them() {
    let (arm, amd) = (Image::new("arm64", &["a"]), Image::new("amd64", &["b"]));
    let with_platform = |i: &Image, architecture: &str| {
        let mut d = i.descriptor(json!({}));
        d["platform"] = json!({ "os": "linux", "architecture": architecture });
        d
    };
    let inner = index(&[with_platform(&arm, "arm64"), with_platform(&amd, "amd64")]);
    let top = json!({
        "mediaType": crate::oci::media_type::OCI_INDEX,
        "digest": crate::oci::Digest::sha256(&inner), "size": inner.len(),
        "annotations": {
            "io.containerd.image.name": "docker.io/library/app:1",
            "org.opencontainers.image.ref.name": "1",
        },
    });
    let tar = oci_tar(&[&amd], &index(&[top]))
        .file(&blob(&inner), &inner)
        .file(
            "manifest.json",
            &docker_json(&blob(&amd.config), &["app:1"], &[&blob(&amd.layers[0])]),
        )
        .end();
    for (selector, name) in
        [("", "docker.io/library/app:1"), ("1", "1"), ("app:1", "docker.io/library/app:1")]
    {
        let found = resolve(&tar.bytes, selector).unwrap();
        assert_eq!(found.images[0].config_raw, amd.config);
        assert_eq!(found.images[0].reference, format!("x.tar:{name}"));
        assert!(found.images[0].remarks.is_empty(), "{:?}", found.images[0].remarks);
    }
    let a = open(&tar.bytes, "").unwrap();
    let all = a.resolve(&PlatformChoice::All).unwrap();
    assert_eq!(all.images.len(), 1);
    assert!(all.unseen[0].failed && all.unseen[0].what.contains("linux/arm64"));
}

#[test]
fn a_platform_that_manifest_json_does_not_name_is_no_disagreement() {
    let (arm, amd) = (Image::new("arm64", &["a"]), Image::new("amd64", &["b"]));
    let manifest = docker_json(&blob(&arm.config), &[], &[&blob(&arm.layers[0])]);
    let both = index(&[arm.descriptor(json!({})), amd.descriptor(json!({}))]);
    let tar = oci_tar(&[&arm, &amd], &both).file("manifest.json", &manifest).end();
    let found = resolve(&tar.bytes, "").unwrap();
    assert_eq!(found.images[0].config_raw, amd.config);
    assert!(found.images[0].remarks.is_empty(), "{:?}", found.images[0].remarks);
}

#[test]
fn platforms_side_by_side_without_names_are_one_image() {
    let (arm, amd) = (Image::new("arm64", &["a"]), Image::new("amd64", &["b"]));
    let tar =
        oci_tar(&[&arm, &amd], &index(&[arm.descriptor(json!({})), amd.descriptor(json!({}))]));
    assert_eq!(resolve(&tar.bytes, "").unwrap().images[0].config_raw, amd.config);
    let all = open(&tar.bytes, "").unwrap().resolve(&PlatformChoice::All).unwrap();
    assert_eq!(all.images.len(), 2);
}

#[test]
fn a_missing_layer_fails_alone() {
    let image = Image::new("amd64", &["one", "two"]);
    let tar = Tar::new()
        .file("one.tar", &image.layers[0])
        .dir("dir.tar")
        .symlink("loop.tar", "loop.tar")
        .file("c.json", &image.config)
        .file(
            "manifest.json",
            &docker_json("c.json", &[], &["one.tar", "two.tar", "dir.tar", "loop.tar", "../x"]),
        )
        .end();
    let a = open(&tar.bytes, "").unwrap();
    let found = &a.resolve(&amd64()).unwrap().images[0];
    assert_eq!(content(&a, &found.layers[0]), image.layers[0]);
    for (layer, why) in found.layers[1..].iter().zip([
        "two.tar` not found",
        "not a regular file",
        "loop of links",
        "leads out",
    ]) {
        let e = a.open(layer).err().unwrap().to_string();
        assert!(e.contains(why), "{e}");
    }
    assert!(found.remarks[0].contains("5 layers but config has 2"));
}

#[test]
fn a_config_named_after_another_digest_is_remarked() {
    let image = Image::new("amd64", &["one"]);
    let config = format!("{}.json", "0".repeat(64));
    let tar = Tar::new()
        .file("one.tar", &image.layers[0])
        .file(&config, &image.config)
        .file("manifest.json", &docker_json(&config, &[], &["one.tar"]));
    let found = &resolve(&tar.bytes, "").unwrap().images[0];
    assert!(found.remarks[0].contains("another digest"), "{:?}", found.remarks);
}

#[test]
fn a_cut_archive_keeps_what_stands_before_the_cut() {
    let image = Image::new("amd64", &["one"]);
    let tar = Tar::new()
        .file("c.json", &image.config)
        .file("manifest.json", &docker_json("c.json", &[], &["one.tar"]))
        .file("one.tar", &image.layers[0])
        .bytes;
    let a = open(&tar[..tar.len() - 600], "").unwrap();
    let found = a.resolve(&amd64()).unwrap();
    assert!(found.unseen[0].failed && found.unseen[0].why.contains("middle of a member"));
    let mut out = Vec::new();
    let e = a.open(&found.images[0].layers[0]).unwrap().read_to_end(&mut out);
    assert_eq!(e.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    let e = resolve(&tar[..700], "").err().unwrap().to_string();
    assert!(e.contains("middle of a member"), "{e}");
}

#[test]
fn what_is_no_image_says_so() {
    let image = Image::new("amd64", &["one"]);
    for (tar, why) in [
        (Tar::new().file("a", b"").end(), "neither index.json"),
        (Tar::new().file("repositories", b"{}").end(), "1.10"),
        (Tar::new().file("manifest.json", b"[]").end(), "holds no image"),
        (Tar::new().file("manifest.json", b"{").end(), "invalid JSON"),
        (Tar::new().file("manifest.json", &[b' '; 5 << 20]).end(), "larger than"),
        (Tar::new().file("index.json", b"{\"manifests\":[]}").end(), "holds no image"),
        (Tar::new().dir("index.json").end(), "neither index.json"),
        (Tar::new().file("index.json", &index(&[image.descriptor(json!({}))])).end(), "not found"),
    ] {
        let e = resolve(&tar.bytes, "").err().unwrap().to_string();
        assert!(e.contains(why), "{why}: {e}");
    }
    let e = open(b"no tar", "").err().unwrap().to_string();
    assert!(e.contains("middle of a member"), "{e}");
    let e = open(&[b'x'; 1024], "").err().unwrap().to_string();
    assert!(e.contains("not a tar header"), "{e}");
}
