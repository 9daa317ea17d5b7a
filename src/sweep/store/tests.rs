//! The store by itself: what both engines must do alike, here on a file. `tests/it/sweep.rs` runs whole
//! sweeps on a real PostgreSQL server.

use super::engine::{Engine, args};
use super::planning::NewImage;
use super::*;
use crate::index::LayerIndex;
use crate::oci::{DiffId, Digest};

const ANALYSIS: &str = "a1";
const JUDGEMENT: &str = "j1";

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(&StorePlace::File(folder.path().join("s.db")), Use::Sweep).unwrap()
}

fn digest(n: u8) -> Digest {
    Digest::sha256(&[n])
}

fn image(n: u8, layers: &[u8]) -> NewImage {
    NewImage {
        digest: digest(n),
        platform: "linux/amd64".to_owned(),
        created: Some(i64::from(n)),
        layers: layers.iter().map(|l| (digest(*l), u64::from(*l) * 10, "tar".to_owned())).collect(),
        manifest: None,
    }
}

/// A run over one repository with these tags, each an image, and what it comes to.
fn planned(store: &Store, tags: &[(&str, NewImage)], policy: TagPolicy) -> PlanFigures {
    let run = store.begin_run("r").unwrap();
    let registry = store.registry("r").unwrap();
    let repository = store.repository(run, registry, "app").unwrap();
    let names: Vec<String> = tags.iter().map(|(t, _)| (*t).to_owned()).collect();
    store.tags_listed(run, repository, &names).unwrap();
    for (tag, image) in tags {
        let root = image.digest;
        store.put_images(&root, std::slice::from_ref(image), &[]).unwrap();
        store.tag_resolved(run, repository, tag, &root).unwrap();
    }
    let scope = Scope { registry, prefix: "", complete: true, narrowed: false };
    store.select(run, policy, None, Some(scope)).unwrap();
    store.enqueue(run, None, ANALYSIS, JUDGEMENT, true).unwrap()
}

fn index() -> LayerIndex {
    LayerIndex {
        diff_id: DiffId(digest(99)),
        tar_bytes: 1,
        content_bytes: 1,
        entries: Default::default(),
        facts: Default::default(),
        oddities: Vec::new(),
    }
}

fn finish(store: &Store, job: &LayerJob) {
    let (size, fetched) = (job.size, job.size);
    let result = LayerResult { index: index(), body: vec![1, 2, 3], size, fetched };
    store.layer_done(job, ANALYSIS, &result).unwrap();
}

#[test]
fn the_heaviest_layer_comes_first_and_each_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    // Layer 20 is in three images, layer 50 in one: 600 against 500.
    let figures = planned(
        &store,
        &[("a", image(1, &[20, 50])), ("b", image(2, &[20])), ("c", image(3, &[20, 7]))],
        TagPolicy::All,
    );
    assert_eq!((figures.tags, figures.images, figures.layers), (3, 3, 3));
    assert_eq!((figures.layer_bytes, figures.loop_bytes), (770, 1170));
    let mut order = Vec::new();
    while let Some(job) = store.claim_layer(ANALYSIS, "w", 60, u64::MAX).unwrap() {
        assert_eq!(job.sources, [("r".to_owned(), "app".to_owned())]);
        finish(&store, &job);
        order.push(job.size);
    }
    assert_eq!(order, [200, 500, 70]);
    // A second run over the same finds nothing to fetch.
    let figures = planned(&store, &[("a", image(1, &[20, 50]))], TagPolicy::All);
    assert_eq!(figures.layers_to_fetch, 0);
}

#[test]
fn a_dead_workers_layer_is_free_when_its_lease_is_over_and_counts_once_if_both_finish() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    planned(&store, &[("a", image(1, &[20]))], TagPolicy::All);
    let dead = store.claim_layer(ANALYSIS, "dead", -1, u64::MAX).unwrap().unwrap();
    assert!(store.claim_layer(ANALYSIS, "w", 60, u64::MAX).unwrap().is_none());
    store.reclaim(false).unwrap();
    let job = store.claim_layer(ANALYSIS, "w", 60, u64::MAX).unwrap().unwrap();
    assert_eq!((job.layer, job.tries), (dead.layer, 2));
    store.reclaim(false).unwrap();
    assert!(store.claim_layer(ANALYSIS, "x", 60, u64::MAX).unwrap().is_none(), "it is alive");
    finish(&store, &job);
    finish(&store, &dead);
    let rows = store.read(|e| e.rows("SELECT state, fetched FROM jobs", args![])).unwrap();
    assert_eq!(rows, [Row(vec!["done".into(), Value::Int(200)])]);
    let state = store.queue_state(ANALYSIS, JUDGEMENT).unwrap();
    assert_eq!((state.layers_left, state.layers_done, state.images_left), (0, 1, 1));
}

#[test]
fn a_claim_whose_answer_was_lost_is_the_same_claim_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    planned(&store, &[("a", image(1, &[20, 30]))], TagPolicy::All);
    let claim = |w: &str| store.claim_layer(ANALYSIS, w, 60, u64::MAX).unwrap().map(|j| j.layer);
    let first = claim("w/0");
    assert_eq!(claim("w/0"), first);
    assert!(claim("w/1").is_some_and(|other| Some(other) != first));
}

#[test]
fn a_layer_that_fails_waits_then_is_set_aside_and_gets_new_tries_from_the_next_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    planned(&store, &[("a", image(1, &[20]))], TagPolicy::All);
    let job = store.claim_layer(ANALYSIS, "w", 60, u64::MAX).unwrap().unwrap();
    store.layer_failed(&job, ANALYSIS, "w", "cut", Some(3600), 5).unwrap();
    assert!(store.claim_layer(ANALYSIS, "w", 60, u64::MAX).unwrap().is_none(), "it waits");
    assert!(
        store.claim_image(ANALYSIS, JUDGEMENT, "w", 60).unwrap().is_none(),
        "so does its image"
    );
    store.write(|e| e.run("UPDATE jobs SET not_before = 0", args![])).unwrap();
    let job = store.claim_layer(ANALYSIS, "w", 60, u64::MAX).unwrap().unwrap();
    store.layer_failed(&job, ANALYSIS, "w", "cut again", None, 5).unwrap();
    let image_job = store.claim_image(ANALYSIS, JUDGEMENT, "w", 60).unwrap().unwrap();
    assert_eq!(image_job.layers[0].failed.as_deref(), Some("cut again"));
    let result = ImageResult { partial: true, ..ImageResult::default() };
    store.image_judged(image_job.image, JUDGEMENT, &result).unwrap();
    assert!(store.queue_state(ANALYSIS, JUDGEMENT).unwrap().is_empty());
    planned(&store, &[("a", image(1, &[20]))], TagPolicy::All);
    let state = store.queue_state(ANALYSIS, JUDGEMENT).unwrap();
    assert_eq!((state.layers_left, state.images_left), (1, 1));
}

#[test]
fn only_the_newest_tags_are_chosen_and_tags_that_go_are_kept_in_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let all = [("a", image(1, &[20])), ("b", image(2, &[30])), ("c", image(3, &[40]))];
    let figures = planned(&store, &all, TagPolicy::Newest(2));
    assert_eq!(figures.layer_bytes, 700);
    let figures = planned(&store, &all, TagPolicy::All);
    assert_eq!(figures.layer_bytes, 900);
    planned(&store, &all[..2], TagPolicy::All);
    let history = "SELECT t.name, h.root FROM tag_history h JOIN tags t ON t.id = h.tag \
                   WHERE t.name = 'c' ORDER BY h.run, h.root";
    let rows = store.read(|e| e.rows(history, args![])).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].text(1).unwrap(), "");
    let current = "SELECT COUNT(*) FROM tags WHERE selected IS NOT NULL";
    let count = store.read(|e| e.row(current, args![])).unwrap().unwrap();
    assert_eq!(count.int(0).unwrap(), 2);
}

#[test]
fn what_is_unfinished_is_rolled_back_and_a_full_disk_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let failed: Result<(), StoreError> = store.write(|e: &mut dyn Engine| {
        e.run("INSERT INTO registries (host) VALUES ('x')", args![])?;
        Err(StoreError::Shape { column: 0, wanted: "this" })
    });
    assert!(failed.is_err());
    let count = |store: &Store| {
        store
            .read(|e| e.row("SELECT COUNT(*) FROM registries", args![]))
            .unwrap()
            .unwrap()
            .int(0)
            .unwrap()
    };
    assert_eq!(count(&store), 0);
    store.write(|e| e.rows("PRAGMA max_page_count = 120", args![])).unwrap();
    let put = |n: u8| {
        let manifest = Some(crate::oci::digest::hex(&noise(10_000, n)));
        store.put_images(&digest(n), &[NewImage { manifest, ..image(n, &[]) }], &[])
    };
    let error = (0..100).find_map(|n| put(n).err()).unwrap();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.hint().unwrap().contains("make room"));
    let kept = "SELECT m.body FROM manifests m JOIN images i ON i.id = m.image WHERE i.digest = $1";
    let first = store.read(|e| e.row(kept, args![digest(0).to_string()])).unwrap().unwrap();
    assert_eq!(first.text(0).unwrap(), crate::oci::digest::hex(&noise(10_000, 0)));
}

/// What does not compress.
fn noise(bytes: usize, seed: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = Digest::sha256(&[seed]);
    while out.len() < bytes {
        out.extend_from_slice(block.as_bytes());
        block = Digest::sha256(block.as_bytes());
    }
    out.truncate(bytes);
    out
}

#[test]
fn two_sweeps_do_not_share_a_file_and_readers_do_not_mind() {
    let folder = tempfile::tempdir().unwrap();
    let place = StorePlace::File(folder.path().join("s.db"));
    let first = Store::open(&place, Use::Sweep).unwrap();
    assert!(matches!(Store::open(&place, Use::Sweep), Err(StoreError::InUse { .. })));
    let reader = Store::open(&place, Use::Read).unwrap();
    assert!(reader.begin_run("x").is_err(), "a reader cannot write");
    drop(first);
    assert!(Store::open(&place, Use::Sweep).is_ok());
}

#[test]
fn an_address_is_shown_without_its_password() {
    let place =
        StorePlace::parse("Postgres://careen:hunter2@127.0.0.1:1/db?connect_timeout=1").unwrap();
    assert!(!format!("{place:?}").contains("hunter2"));
    let Err(error) = Store::open(&place, Use::Work) else { panic!("there is no server") };
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert!(error.to_string().contains("postgres://127.0.0.1:1/db"), "{error}");
    assert_eq!(StorePlace::parse("a/b.db").unwrap(), StorePlace::File("a/b.db".into()));
    for wrong in ["host=db password=hunter2", "mysql://u:hunter2@h/x"] {
        let error = StorePlace::parse(wrong).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn every_table_is_described() {
    let text = include_str!("../../../docs/inventory.md");
    let steps = [include_str!("schema_1.sql"), include_str!("schema_2.sql")].concat();
    let named = |what: &'static str| steps.lines().filter_map(move |l| l.strip_prefix(what));
    let gone: Vec<&str> = named("DROP TABLE ").map(|t| t.trim_end_matches(';')).collect();
    for table in named("CREATE TABLE ") {
        let name = table.split([' ', '(']).next().unwrap();
        if gone.contains(&name) {
            continue;
        }
        assert!(text.contains(&format!("`{name}`")), "docs/inventory.md does not describe {name}");
    }
}

#[test]
fn a_store_of_an_older_careen_loses_its_documents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let needle = "hunter2 in a config, which older stores had";
    {
        let mut old = sqlite::Sqlite::open(&path, false).unwrap();
        let dialect = old.dialect();
        old.script(&dialect.spell_tables(include_str!("schema_1.sql"))).unwrap();
        old.run("INSERT INTO careen_schema (version) VALUES (1)", args![]).unwrap();
        let keep = "INSERT INTO documents (digest, body) VALUES ('d', $1)";
        old.run(keep, args![needle.as_bytes().to_vec()]).unwrap();
    }
    let place = StorePlace::File(path);
    let Err(error) = Store::open(&place, Use::Read) else { panic!("it is not read as it is") };
    assert!(error.to_string().contains("older careen"), "{error}");
    drop(open(&folder));
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, needle.as_bytes()).is_none());
    }
    assert!(Store::open(&place, Use::Read).is_ok());
}
