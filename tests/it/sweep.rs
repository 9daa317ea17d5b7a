//! A whole registry, the real server: what a sweep costs, what it survives, what it says.

use crate::support::fleet::{Fleet, store_in};
use crate::support::program::Home;
use crate::support::registry::{Auth, Registry};
use serde_json::Value;
use std::collections::BTreeMap;

/// All that a store knows, but for times and numbers of runs.
pub fn inventory(home: &Home, store: &str) -> BTreeMap<String, Value> {
    let views = [
        "images",
        "layers",
        "secrets",
        "places",
        "tools",
        "bases",
        "waste",
        "repositories",
        "duplicates",
        "advice",
    ];
    let view = |v: &str| {
        let run = home.run(&["inventory", v, "--store", store, "--format", "json"]);
        assert_eq!(run.status, 0, "{v}: {}", run.stderr);
        let mut rows = run.json()["rows"].as_array().unwrap().clone();
        // The engines sort text differently.
        rows.sort_by_key(Value::to_string);
        Value::from(rows)
    };
    views.iter().map(|v| ((*v).to_owned(), view(v))).collect()
}

/// How often each layer was sent.
fn fetched(registry: &Registry, fleet: &Fleet) -> BTreeMap<String, usize> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (path, status) in registry.asked("/blobs/") {
        let digest = path.rsplit('/').next().unwrap().to_owned();
        if status == 200 && fleet.layers.contains_key(&digest) {
            *times.entry(digest).or_default() += 1;
        }
    }
    times
}

#[test]
fn each_layer_is_fetched_once_and_on_the_second_sweep_not_at_all() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let fleet = Fleet::fill(&registry, 60);
    let store = store_in(folder.path());
    assert!(fleet.tags.len() > 300);
    let sweep = |more: &[&str]| {
        home.run(
            &[&["sweep", &registry.host, "--store", &store, "--format", "json"], more].concat(),
        )
    };

    let dry = sweep(&["--dry-run"]);
    assert_eq!(dry.status, 0, "{}", dry.stderr);
    let planned = &dry.json()["planned"];
    assert_eq!(planned["tags"], fleet.tags.len());
    assert_eq!(planned["layers"], fleet.layers.len());
    assert_eq!(planned["bytes_to_fetch"], fleet.layer_bytes());
    assert!(fetched(&registry, &fleet).is_empty(), "a dry run reads no layer");

    let first = sweep(&[]);
    assert_eq!(first.status, 1, "{}", first.stderr);
    assert_eq!(first.json()["fetched_bytes"], fleet.layer_bytes());
    let times = fetched(&registry, &fleet);
    assert_eq!(times.len(), fleet.layers.len());
    assert!(times.values().all(|n| *n == 1), "{times:?}");
    let documents = registry.asked("/blobs/").len() - times.len();
    let configs: std::collections::BTreeSet<_> = fleet.tags.values().collect();
    assert!(documents <= configs.len() + 1, "a config is fetched once: {documents}");

    registry.forget_log();
    let second = sweep(&[]);
    assert_eq!(second.status, 1, "{}", second.stderr);
    assert_eq!(second.json()["fetched_bytes"], 0);
    assert!(registry.asked("/blobs/").is_empty());
    let manifests = registry.asked("/manifests/");
    assert_eq!(manifests.len(), fleet.tags.len());
    assert!(manifests.iter().all(|(_, status)| *status == 304), "tags that have not moved");

    let before = inventory(&home, &store);
    assert_eq!(
        before["images"].as_array().unwrap().len(),
        planned["images"].as_u64().unwrap() as usize
    );
    registry.forget_log();
    assert_eq!(sweep(&["--max-age", "1h"]).status, 1);
    assert!(registry.asked("/manifests/").is_empty(), "tags asked for lately are believed");
}
