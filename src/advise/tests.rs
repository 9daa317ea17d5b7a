use super::*;
use crate::analyze::Confidence;
use crate::image::ReadImage;
use crate::image::history::History;
use crate::image::packages::InstalledPackages;
use crate::image::testing::{file, image as read_image, layer, sized};
use crate::image::unneeded::UnneededItem;
use crate::layer::LayerPath;
use crate::rules::{Category, Severity, State};
use std::collections::BTreeMap;

/// Two layers: 10 MB of content at a ratio of 0.4, of which 4 MB are rewritten as they are and 1 MB is
/// deleted by the second.
fn image() -> ReadImage {
    let mut base = layer(vec![
        sized("gcc", 3_000_000),
        sized("data", 4_000_000),
        sized("tmp", 1_000_000),
        sized("app", 2_000_000),
    ]);
    base.compressed = Some(4_000_000);
    let mut top = layer(vec![sized("data", 4_000_000), file(".wh.tmp", b"")]);
    top.compressed = Some(1_600_000);
    read_image(vec![base, top])
}

fn gcc() -> UnneededItem {
    UnneededItem {
        kind: "build-tool".into(),
        why: "it builds".into(),
        bytes: 3_000_000,
        paths: vec![LayerPath::from("gcc")],
        owner: Some("gcc-12".into()),
        layers: BTreeMap::from([(0, 3_000_000)]),
    }
}

fn secret() -> Finding {
    Finding {
        rule: "secret/x".into(),
        category: Category::Secret,
        severity: Severity::Critical,
        confidence: Confidence::Likely,
        state: State::DeletedLater,
        inside: None,
        package: None,
        members: Vec::new(),
        also: Vec::new(),
        path: None,
        line: None,
        layer: Some(0),
        step: None,
        masked: None,
        fingerprint: "f".into(),
        message: "m".into(),
        advice: None,
        plain: None,
    }
}

fn run(image: &ReadImage, unneeded: &[UnneededItem], findings: &[Finding]) -> Vec<Advice> {
    let facts = ImageFacts {
        history: History::default(),
        unneeded: unneeded.to_vec(),
        packages: InstalledPackages::default(),
        ..ImageFacts::new(image.clone(), &[])
    };
    let steps = [Some("ADD / /".to_owned()), Some("RUN chown -R app /".to_owned())];
    advise(&Evidence {
        facts: &facts,
        findings,
        steps: &steps,
        bases: &Offline,
        config: &image.found.config.config,
        shortened: None,
        closure: None,
        dockerfile: None,
        redact: &str::to_owned,
        secrets_in: &|_| Vec::new(),
        all: false,
    })
}

#[test]
fn a_secret_comes_first_then_the_largest_saving() {
    let advice = run(&image(), &[gcc()], &[secret()]);
    let ids: Vec<_> = advice.iter().map(|a| a.id).collect();
    assert_eq!(ids, ["remove-secrets", "copy-with-owner", "multi-stage"]);
    assert!(
        advice[1].because.contains("4.00 MB") && advice[1].because.contains("RUN chown -R app /")
    );
}

#[test]
fn an_interval_is_ordered_and_saves_no_more_than_is_there() {
    for a in run(&image(), &[gcc()], &[]) {
        let compressed = a.estimate.compressed.unwrap();
        let on_disk = a.estimate.on_disk.unwrap();
        for (interval, now) in [(compressed, 5_600_000), (on_disk, 9_000_000)] {
            assert!(
                interval.low <= interval.likely && interval.likely <= interval.high,
                "{interval:?}"
            );
            assert!(interval.high <= now, "{interval:?}");
        }
        if a.id == "copy-with-owner" {
            // Hidden bytes are not on disk now; 4 of 10 MB of the first layer's 4 MB go.
            assert_eq!((on_disk.likely, compressed.likely), (9_000_000, 4_000_000));
        }
    }
}

#[test]
fn a_layer_that_was_not_looked_at_leaves_no_estimate() {
    let mut image = image();
    image.layers[1].state =
        crate::image::LayerState::NotLookedAt { why: "cut".into(), failed: true };
    let advice = run(&image, &[gcc()], &[]);
    assert_eq!(advice[0].estimate, Estimate::default());
}

#[test]
fn a_clean_image_needs_no_advice() {
    let mut image = image();
    image.layers.truncate(1);
    assert_eq!(run(&image, &[], &[]), []);
}

/// `app` is started and needs `libx.so.1`, which stands beside a compiler of 90 MB.
fn started() -> ReadImage {
    use crate::analyze::{Dynamic, ElfFact, Linked};
    use crate::image::LayerState;
    use crate::oci::HistoryEntry;
    let mut only = layer(vec![
        sized("app/run", 1_000_000),
        sized("app/.env", 40),
        sized("app/__pycache__/x.pyc", 70_000),
        sized("app/x.py", 100),
        sized("usr/lib/libx.so.1", 2_000_000),
        sized("usr/lib/gcc/cc1", 90_000_000),
        sized("bin/sh", 1),
        sized("usr/sbin/tar", 1),
        sized("usr/sbin/mkdir", 1),
        sized("usr/sbin/chmod", 1),
        sized("usr/sbin/chown", 1),
    ]);
    only.compressed = Some(31_000_000);
    if let LayerState::Indexed(index) = &mut only.state {
        let index = std::sync::Arc::get_mut(index).unwrap();
        let elf = |entry, dynamic| ElfFact {
            entry,
            elf_type: 2,
            machine: 62,
            debug_bytes: None,
            interpreter: None,
            dynamic,
            strings: vec![],
        };
        let linked = Linked { needed: vec!["libx.so.1".into()], ..Linked::default() };
        index.facts.elf =
            vec![elf(0, Dynamic::Linked(linked)), elf(4, Dynamic::None), elf(5, Dynamic::None)];
        index.facts.owned = vec![crate::analyze::OwnedFiles {
            entry: 5,
            kind: crate::analyze::PackageKind::Apk,
            package: "gcc".into(),
            paths: vec![LayerPath::from("usr/lib/gcc/cc1"), LayerPath::from("usr/lib/libx.so.1")],
        }];
        index.facts.packages = vec![crate::analyze::PackageRecord {
            entry: 5,
            kind: crate::analyze::PackageKind::Apk,
            name: "gcc".into(),
            version: "1".into(),
            architecture: None,
            source: None,
            declared_bytes: None,
            root: None,
            relations: Default::default(),
            ..crate::analyze::PackageRecord::of(crate::analyze::PackageKind::Apk)
        }];
    }
    let mut image = image();
    image.layers = vec![only];
    let config = &mut image.found.config;
    config.config.cmd = vec!["/app/run".into(), "--port=80".into()];
    config.config.working_dir = "/app".into();
    config.config.env = vec!["PATH=/bin".into(), "TOKEN=hush".into()];
    let step = |text: &str, comment: &str| HistoryEntry {
        created_by: text.into(),
        comment: comment.into(),
        ..Default::default()
    };
    let steps = [step("/bin/sh -c #(nop) COPY . /app", "FROM localhost/base:1")];
    config.history = steps.into_iter().collect();
    image
}

#[test]
fn what_runs_is_copied_into_an_empty_image_and_nothing_secret_with_it() {
    let facts = ImageFacts::new(started(), &[]);
    let config = &facts.image.found.config.config;
    let closure = Closure::of(&facts, config);
    let leaked =
        Finding { path: Some(LayerPath::from("app/.env")), state: State::Visible, ..secret() };
    let all = advise(&Evidence {
        facts: &facts,
        findings: &[leaked],
        steps: &[None],
        bases: &Offline,
        config,
        shortened: None,
        closure: Some(&closure),
        dockerfile: None,
        redact: &|text| text.replace("hush", "****"),
        secrets_in: &|text| text.match_indices("hush").map(|(at, s)| at..at + s.len()).collect(),
        all: false,
    });
    let needed = all.iter().find(|a| a.id == "needed-files").expect("a proposal");
    let on_disk = needed.estimate.on_disk.unwrap();
    assert_eq!(on_disk.likely, 3_000_100);
    insta::assert_snapshot!(needed.dockerfile.as_deref().unwrap());
}
