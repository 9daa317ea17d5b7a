//! The list of rules as a whole, and each rule on an image that has the thing and one that has not.

use super::*;
use crate::analyze::secrets::Patterns;
use crate::analyze::{Confidence, KeptFile, OwnedFiles, PackageKind, PackageRecord, SecretMatch};
use crate::image::testing::*;
use crate::image::{ImageFacts, ImageLayer, ReadImage};
use crate::index::{LayerIndex, Oddity};
use crate::layer::{Entry, LayerPath};
use crate::oci::{HistoryEntry, ImageConfig};
use crate::source::{FoundImage, RepeatedKeys};

pub(super) fn image(reference: &str, config: ImageConfig, layers: Vec<ImageLayer>) -> ReadImage {
    ReadImage {
        found: FoundImage {
            reference: reference.into(),
            digest: None,
            platform: config.platform(),
            manifest_raw: None,
            config_raw: Vec::new(),
            config,
            layers: Vec::new(),
            annotations: Default::default(),
            pinned: false,
            is_local: false,
            remarks: Vec::new(),
            repeated: Vec::new(),
        },
        layers,
    }
}

pub(super) fn findings(image: &ReadImage) -> Vec<Finding> {
    findings_under(image, &Default::default(), None)
}

/// With the owner's demands.
pub(super) fn findings_under(
    image: &ReadImage,
    policy: &policy::Policy,
    before: Option<policy::Before>,
) -> Vec<Finding> {
    with_context(image, policy, before, check)
}

pub(super) fn with_context<T>(
    image: &ReadImage,
    policy: &policy::Policy,
    before: Option<policy::Before>,
    look: impl FnOnce(&RuleContext) -> T,
) -> T {
    look(&RuleContext {
        facts: &ImageFacts::new(image.clone(), &[]),
        policy,
        before,
        patterns: &Patterns::builtin(),
        reveal: false,
    })
}

/// Findings of one rule as severity and message.
pub(super) fn of(id: &str, image: &ReadImage) -> Vec<(Severity, String)> {
    findings(image).into_iter().filter(|f| f.rule == id).map(|f| (f.severity, f.message)).collect()
}

fn with_layer(index: LayerIndex) -> ReadImage {
    image("/x", ImageConfig::default(), vec![layer_of(index)])
}

fn entries(entries: Vec<Entry>) -> ReadImage {
    with_layer(index(entries))
}

fn user(name: &str, passwd: Option<&str>) -> ReadImage {
    let mut index = index(match passwd {
        Some(p) => vec![file("etc/passwd", p.as_bytes())],
        None => vec![],
    });
    if let Some(p) = passwd {
        index.facts.kept.push(KeptFile { entry: 0, bytes: p.into(), truncated: false });
    }
    let mut image = with_layer(index);
    image.found.config.config.user = name.into();
    image
}

fn history(steps: &[&str]) -> ReadImage {
    let config = ImageConfig {
        history: steps
            .iter()
            .map(|s| HistoryEntry {
                created_by: (*s).into(),
                empty_layer: true,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    image("/x", config, vec![])
}

#[test]
fn rules_have_an_id_of_their_own_and_every_section() {
    let mut ids: Vec<&str> = all().iter().map(|r| r.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all().len());
    for rule in all() {
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-' || c == '/';
        assert!(rule.id.chars().all(kebab), "{}", rule.id);
        let mut rest = rule.doc;
        for section in SECTIONS {
            let (_, after) =
                rest.split_once(section).unwrap_or_else(|| panic!("{}: {section}", rule.id));
            assert!(after.trim_start().len() > 20, "{}: {section} is empty", rule.id);
            rest = after;
        }
        assert!(super::rule(rule.id).is_some_and(|r| r.id == rule.id));
    }
    assert_eq!(super::rule("secret/github-pat").unwrap().id, "secret");
    assert!(super::rule("no/such").is_none());
}

#[test]
fn root_by_every_spelling() {
    let passwd = "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";
    for root in ["", "0", "root", "0:0", "root:root", "root:1000", "toor", "00"] {
        assert_eq!(of("config/root-user", &user(root, Some(passwd))).len(), 1, "{root}");
        assert!(of("config/unknown-user", &user(root, Some(passwd))).is_empty(), "{root}");
    }
    for other in ["app", "app:root", "1000", "65532:0"] {
        assert!(of("config/root-user", &user(other, Some(passwd))).is_empty(), "{other}");
        assert!(of("config/unknown-user", &user(other, Some(passwd))).is_empty(), "{other}");
    }
    assert_eq!(of("config/unknown-user", &user("ghost", Some(passwd))).len(), 1);
    assert_eq!(of("config/unknown-user", &user("ghost", None)).len(), 1);
}

#[test]
fn a_health_check_may_stand_in_the_history_only() {
    let id = "config/no-healthcheck";
    assert_eq!(of(id, &history(&[])).len(), 1);
    assert!(of(id, &history(&["/bin/sh -c #(nop) HEALTHCHECK CMD [\"x\"]"])).is_empty());
    assert_eq!(of(id, &history(&["HEALTHCHECK NONE"])).len(), 1);
}

#[test]
fn a_moving_tag() {
    let id = "config/mutable-tag";
    let of = |r: &str| of(id, &image(r, ImageConfig::default(), vec![]));
    assert_eq!(of("docker.io/library/debian:latest")[0].0, Severity::Low);
    assert_eq!(of("docker.io/library/debian:12")[0].0, Severity::Info);
    assert!(of("/tmp/x.tar:latest").is_empty());
    let mut pinned = image("docker.io/library/debian:12", ImageConfig::default(), vec![]);
    pinned.found.pinned = true;
    assert!(super::tests::of(id, &pinned).is_empty());
}

#[test]
fn rights_that_reach_too_far() {
    let with = |mode: u32, e: Entry| Entry { mode, ..e };
    let image = entries(vec![
        with(0o4755, sized("usr/bin/su", 1)),
        with(0o4755, sized("app/tool", 1)),
        with(0o1777, dir("tmp")),
        with(0o777, symlink("l", "tmp")),
        with(0o777, dir("app/data")),
        with(0o666, sized("app/f", 1)),
        Entry {
            capability: Some([0x0200_0001u32, 1 << 12, 0, 0, 0].map(u32::to_le_bytes).concat()),
            ..sized("app/net", 1)
        },
    ]);
    assert_eq!(
        of("config/setuid", &image),
        [
            (Severity::Medium, "/app/tool is setuid".to_string()),
            (Severity::Info, "/usr/bin/su is setuid".to_string()),
        ]
    );
    assert_eq!(
        of("config/world-writable", &image)[0].1,
        "2 paths can be written by everyone: /app/data, /app/f"
    );
    assert_eq!(of("config/file-capability", &image)[0].1, "/app/net has cap_net_admin");
    let many = (0..30).map(|i| with(0o4755, sized(&format!("b/{i}"), 1))).collect();
    assert_eq!(of("config/setuid", &entries(many)).len(), 1);
}

/// Docker and containerd set mode and owner at a hard link too; buildah shows the last header at both names.
#[test]
fn a_hard_link_sets_the_rights_of_its_file() {
    let rights = |file, link| {
        let link = Entry { mode: link, ..hard_link("usr/bin/b", "usr/bin/a") };
        of("config/setuid", &entries(vec![Entry { mode: file, ..sized("usr/bin/a", 1) }, link]))
    };
    let told = (Severity::Medium, "/usr/bin/a is setuid".to_owned());
    assert_eq!(rights(0o755, 0o4755), [told]);
    assert_eq!(rights(0o4755, 0o755), []);
}

#[test]
fn a_setuid_file_whose_first_name_is_gone_is_told_by_its_other_name() {
    let program = Entry { mode: 0o4755, ..sized("usr/bin/a", 1) };
    let link = Entry { mode: 0o4755, ..hard_link("usr/bin/b", "usr/bin/a") };
    let deleted = file("usr/bin/.wh.a", b"");
    let layers = vec![layer_of(index(vec![program, link])), layer_of(index(vec![deleted]))];
    let told = (Severity::Medium, "/usr/bin/b is setuid".to_owned());
    assert_eq!(of("config/setuid", &image("/x", ImageConfig::default(), layers)), [told]);
}

#[test]
fn lists_and_caches_left_behind() {
    let image = entries(vec![
        sized("var/lib/apt/lists/a_Packages", 5_000_000),
        sized("var/lib/apt/lists/b_Packages", 1_000_000),
        sized("root/.cache/pip/x", 2_000_000),
        sized("home/u/.npm/x", 3_000_000),
        dir("home/u"),
        sized("var/cache/apk/tiny", 10),
    ]);
    assert_eq!(
        of("config/package-lists", &image)[0].1,
        "apt package lists in /var/lib/apt/lists: 6.00 MB in 2 files"
    );
    let caches = of("config/package-cache", &image);
    assert_eq!(caches.len(), 2, "{caches:?}");
}

#[test]
fn build_steps() {
    let urls = history(&["ADD https://u:pw@h.test/x?t=1 /x # buildkit", "ADD file:1 in /"]);
    let found = of("build/add-url", &urls);
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("h.test") && !found[0].1.contains("pw"));
    let id = "build/copy-before-install";
    let install = "RUN /bin/sh -c npm ci # buildkit";
    assert_eq!(of(id, &history(&["COPY . . # buildkit", install])).len(), 1);
    assert!(of(id, &history(&["COPY package.json . # buildkit", install, "COPY . ."])).is_empty());
    assert_eq!(of("build/unpinned-base", &history(&["FROM debian:12"])).len(), 1);
    assert!(of("build/unpinned-base", &history(&["FROM debian@sha256:00", "RUN x"])).is_empty());
}

/// The fingerprint of the one finding of a rule.
#[track_caller]
fn print_of(id: &str, image: &ReadImage) -> String {
    let mut found = findings(image).into_iter().filter(|f| f.rule == id);
    let print = found.next().expect(id).fingerprint;
    assert!(found.next().is_none(), "{id}");
    print
}

/// A count, a tag, a size or the number of a layer is not what a finding is: an alert must not close and
/// open again because of them.
#[test]
fn a_fingerprint_outlives_what_a_build_changes() {
    let tagged = |r: &str| image(r, ImageConfig::default(), vec![]);
    let id = "config/mutable-tag";
    assert_eq!(print_of(id, &tagged("debian:12")), print_of(id, &tagged("debian:13")));

    let built = |files: usize| {
        let file = |n: usize| Entry { mtime: 1_000 + n as i64, ..sized(&format!("f{n}"), 1) };
        let mut image = entries((0..files).map(file).collect());
        image.found.config.created = Some("1970-01-01T01:00:00Z".into());
        image
    };
    let id = "build/timestamps";
    assert_eq!(print_of(id, &built(61)), print_of(id, &built(63)));

    let based = |name: &str| history(&[&format!("FROM {name}")]);
    let id = "build/unpinned-base";
    assert_eq!(print_of(id, &based("debian:12.1")), print_of(id, &based("debian:12.2")));

    let odd = |below: usize, bytes: u64, name: &str| {
        let mut odd = index(vec![sized(name, 1)]);
        odd.oddities = vec![Oddity::TrailingData { bytes }];
        let declared = Some(index(vec![]).diff_id);
        let odd = ImageLayer { declared_diff_id: declared, ..layer_of(odd) };
        let clean = (0..below).map(|n| layer_of(index(vec![sized(&format!("b{n}"), 1)])));
        image("/x", ImageConfig::default(), clean.chain([odd]).collect())
    };
    for id in ["integrity/trailing-data", "integrity/diff-id"] {
        assert_eq!(print_of(id, &odd(0, 7, "x")), print_of(id, &odd(2, 9, "x")), "{id}");
        assert_ne!(print_of(id, &odd(0, 7, "x")), print_of(id, &odd(0, 7, "y")), "{id}");
    }
}

#[test]
fn odd_bytes() {
    let mut odd = index(vec![sized("etc/x", 1)]);
    odd.oddities = vec![
        Oddity::TrailingData { bytes: 7 },
        Oddity::EscapingPath { entry: 0 },
        Oddity::EscapingPath { entry: 9 },
        Oddity::UnknownType { entry: 0 },
        Oddity::TooLongPath { entry: 0 },
    ];
    let mut image = with_layer(odd);
    assert_eq!(of("integrity/trailing-data", &image).len(), 1);
    assert_eq!(
        of("integrity/escaping-path", &image)[0].1,
        "2 names in layer 0 climb out of the root"
    );
    assert_eq!(of("integrity/unknown-type", &image)[0].1, "a name in layer 0 has an unknown type");
    assert_eq!(
        of("integrity/too-long-path", &image)[0].1,
        "a name in layer 0 is too long to be unpacked"
    );
    image.found.config.os = "windows".to_owned();
    assert!(of("integrity/too-long-path", &image).is_empty());
    assert!(of("integrity/diff-id", &image).is_empty());
    image.layers[0].declared_diff_id = Some(index(vec![]).diff_id);
    assert_eq!(of("integrity/diff-id", &image).len(), 1);
}

#[test]
fn a_document_with_repeated_keys_is_one_finding_and_others_are_none() {
    let mut image = entries(vec![sized("etc/x", 1)]);
    let id = "integrity/repeated-keys";
    assert!(of(id, &image).is_empty());
    let fields = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let documents = [
        ("the manifest", fields(&["layers"])),
        ("the manifest", fields(&["layers", "config"])),
        ("the configuration", fields(&["a", "b", "c", "d", "e", "f", "g"])),
    ];
    image.found.repeated =
        documents.into_iter().filter_map(|(d, f)| RepeatedKeys::of(d, f)).collect();
    let found = of(id, &image);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].0, Severity::High);
    let all = format!("{found:?}");
    assert!(all.contains("the manifest holds `layers`, `config` more than once"), "{all}");
    assert!(all.contains("`e`, and 2 others more than once"), "{all}");
}

#[test]
fn a_secret_in_a_deleted_file_says_so() {
    let mut first = index(vec![sized("root/.netrc", 9)]);
    first.facts.secrets.push(SecretMatch {
        entry: 0,
        inside: None,
        pattern: "netrc".into(),
        line: Some(1),
        offset: 0,
        masked: "**** (9 characters)".into(),
        fingerprint: "00".into(),
        confidence: Confidence::Likely,
        plain: None,
    });
    let layers = vec![layer_of(first), layer(vec![file("root/.wh..netrc", b"")])];
    let found = findings(&image("/x", ImageConfig::default(), layers));
    let secret = found.iter().find(|f| f.rule == "secret/netrc").unwrap();
    assert_eq!(secret.state, State::DeletedLater);
    assert_eq!((secret.layer, secret.line), (Some(0), Some(1)));
    assert!(found.is_sorted_by(|a, b| a.severity >= b.severity));
}

fn key_in(index: &mut LayerIndex, entry: u32, confidence: Confidence) {
    index.facts.secrets.push(SecretMatch {
        entry,
        inside: None,
        pattern: "rsa-private-key".into(),
        line: None,
        offset: 0,
        masked: "****".into(),
        fingerprint: "00".into(),
        confidence,
        plain: None,
    });
}

/// A layer with a package whose one file is entry 2.
fn packaged(kind: PackageKind, path: &str) -> LayerIndex {
    let files = ["x.dist-info/METADATA", "x.dist-info/RECORD", path];
    let mut index = index(files.map(|f| sized(f, 9)).to_vec());
    index.facts.packages.push(PackageRecord {
        entry: 0,
        kind,
        name: "x".into(),
        version: "1".into(),
        architecture: None,
        source: None,
        declared_bytes: None,
        root: None,
        relations: Default::default(),
        ..PackageRecord::of(kind)
    });
    index.facts.owned.push(OwnedFiles {
        entry: if kind == PackageKind::Python { 1 } else { 0 },
        kind,
        package: "x".into(),
        paths: vec![LayerPath::from(path)],
    });
    index
}

#[test]
fn a_key_that_a_package_ships_is_an_example_unless_someone_may_have_put_it_there() {
    let severities = |layers| {
        let found = findings(&image("/x", ImageConfig::default(), layers));
        let keys = found.into_iter().filter(|f| f.category == Category::Secret);
        keys.map(|f| f.severity).collect::<Vec<_>>()
    };
    let one = |kind, path, confidence| {
        let mut index = packaged(kind, path);
        key_in(&mut index, 2, confidence);
        severities(vec![layer_of(index)])
    };
    let verified = Confidence::VerifiedFormat;
    let (info, low, sure) = ([Severity::Info], [Severity::Low], [Severity::Critical]);
    assert_eq!(one(PackageKind::Rpm, "usr/lib/a.so", verified), info);
    assert_eq!(one(PackageKind::Rpm, "etc/a.conf", verified), sure);
    assert_eq!(one(PackageKind::Python, "a.py", verified), sure);
    assert_eq!(one(PackageKind::Python, "a.py", Confidence::Likely), low);

    // Copied without its package: a self-test key all the same.
    let mut library = index(vec![sized("deps/a.so", 10)]);
    key_in(&mut library, 0, verified);
    assert_eq!(severities(vec![layer_of(library.clone())]), sure);
    library.facts.elf.push(crate::analyze::ElfFact {
        entry: 0,
        elf_type: 3,
        machine: 62,
        debug_bytes: None,
        dynamic: crate::analyze::Dynamic::None,
        strings: vec![],
        interpreter: None,
    });
    assert_eq!(severities(vec![layer_of(library)]), low);

    // A later step writes another file over the package's.
    let base = layer_of(packaged(PackageKind::Rpm, "usr/lib/a.so"));
    let mut over = index(vec![sized("usr/lib/a.so", 10)]);
    key_in(&mut over, 0, verified);
    assert_eq!(severities(vec![base, layer_of(over)]), sure);
}

#[test]
fn secrets_of_authors_and_annotations_are_found() {
    let url = |n: u8| format!("postgres://shop:pl3aseR0tate{n}me@db.internal:5432/shop");
    let mut image = entries(vec![]);
    image.found.config.author = Some(url(1));
    let step = HistoryEntry { author: url(2), empty_layer: true, ..Default::default() };
    image.found.config.history = [step].into_iter().collect();
    image.found.annotations.insert("org.example.database".to_owned(), url(3));
    let secrets = findings(&image).into_iter().filter(|f| f.rule.starts_with("secret/"));
    assert_eq!(secrets.count(), 3);
}
