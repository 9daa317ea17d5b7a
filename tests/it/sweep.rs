//! A whole registry, the real server: what a sweep costs, what it survives, what it says.

use crate::support::fake_registry::{Answer, FakeRegistry};
use crate::support::fleet::{Fleet, store_in};
use crate::support::postgres::Postgres;
use crate::support::program::{Home, show};
use crate::support::proxy::{Fault, Proxy};
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
    // No config is kept: it may hold secrets. Once for the dry run, once for the sweep that followed.
    assert!(documents <= 2 * configs.len() + 1, "a config is fetched once a sweep: {documents}");

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

/// Runs `careen` with the arguments, and kills it after so many milliseconds if it is not done.
fn kill_after(home: &Home, args: &[&str], milliseconds: u64) -> bool {
    let mut child = home.command(args).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
    if child.try_wait().unwrap().is_some() {
        return false;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

#[test]
fn a_sweep_that_is_killed_again_and_again_comes_to_the_same_inventory() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 12);
    // Slow enough that a kill meets it in the middle of a layer.
    let slow = Proxy::start(&registry.host, |path, _| match path.contains("/blobs/") {
        true => Fault::Slow(20),
        false => Fault::None,
    });
    let (quiet, killed) = (folder.path().join("quiet"), folder.path().join("killed"));
    let [quiet, killed] = [store_in(&quiet), store_in(&killed)];
    let sweep = |store: &str| home.run(&["sweep", &slow.host, "--store", store]);
    assert_eq!(sweep(&quiet).status, 1);
    let mut kills = 0;
    for n in 0..20u64 {
        // From "just begun" to "nearly done", not in that order.
        let after = 60 + (n * 137) % 900;
        let args = ["sweep", &slow.host, "--store", &killed];
        kills += usize::from(kill_after(&home, &args, after));
    }
    assert!(kills >= 10, "killed only {kills} times");
    let last = sweep(&killed);
    assert_eq!(last.status, 1, "{}", last.stderr);
    assert_eq!(inventory(&home, &killed), inventory(&home, &quiet));
}

#[test]
fn faults_of_the_registry_are_ridden_out_and_what_stays_broken_is_named() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let fleet = Fleet::fill(&registry, 10);
    let broken = fleet.layers.keys().nth(3).unwrap().clone();
    let never = broken.clone();
    // Every first request meets with something; one layer is always wrong.
    let proxy = Proxy::start(&registry.host, move |path, before| {
        let kind = path.bytes().map(u32::from).sum::<u32>() % 5;
        match (before, kind) {
            _ if path.ends_with(&never) => Fault::WrongByte,
            (0, 0) => Fault::TooMany,
            (0, 1) => Fault::Broken,
            (0, 2) if path.contains("/blobs/") => Fault::Cut,
            (0, 3) => Fault::Slow(30),
            _ => Fault::None,
        }
    });
    let [quiet, faulty] = ["quiet", "faulty"].map(|n| store_in(&folder.path().join(n)));
    let direct = home.run(&["sweep", &registry.host, "--store", &quiet, "-q"]);
    assert_eq!(direct.status, 1, "{}", direct.stderr);
    let run = home.run(&["sweep", &proxy.host, "--store", &faulty, "--format", "json"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let json = run.json();
    assert_eq!(json["state"], "partial");
    let gaps = json["not_looked_at"].as_array().unwrap();
    assert!(!gaps.is_empty());
    let short = &broken[..19];
    for gap in gaps {
        assert!(gap["why"].as_str().unwrap().contains(short), "only {short}: {gap}");
        assert!(gap["why"].as_str().unwrap().contains("expected digest"), "{gap}");
    }
    // All that does not have that layer is as it would be without faults.
    let with = |store: &str, host: &str| {
        let mut rows: Vec<Value> = inventory(&home, store)["images"].as_array().unwrap().clone();
        rows.retain(|r| !r["partial"].as_bool().unwrap_or(false));
        let text = Value::from(rows).to_string().replace(host, "HOST");
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    };
    let (all, some) = (with(&quiet, &registry.host), with(&faulty, &proxy.host));
    assert!(some.len() < all.len() && some.len() > all.len() / 2, "{} {}", some.len(), all.len());
    assert!(some.iter().all(|row| all.contains(row)));
    // When the registry is well again, so is the next sweep.
    let from = folder.path().join("list");
    std::fs::write(&from, format!("{}/base/debian:10\n", registry.host)).unwrap();
    let again =
        home.run(&["sweep", "--from", &show(&from), "--store", &faulty, "--format", "json"]);
    assert_eq!(again.json()["state"], "complete", "{}", again.stderr);
}

#[test]
fn a_store_that_cannot_be_used_is_an_error_and_a_damaged_one_is_set_aside() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 1);
    let at = |name: &str| folder.path().join(name);
    let sweep = |store: &str| home.run(&["sweep", &registry.host, "--store", store, "-q"]);

    // Somebody's file, and somebody's database: left alone.
    std::fs::write(at("notes.txt"), "dear diary ".repeat(100)).unwrap();
    let run = sweep(&show(&at("notes.txt")));
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("is no store of careen's"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(at("notes.txt")).unwrap(), "dear diary ".repeat(100));
    let other = show(&at("other.db"));
    let made = std::process::Command::new("sqlite3").args([&other, "CREATE TABLE x (y)"]).status();
    assert!(made.unwrap().success());
    let run = sweep(&other);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("another program's database"), "{}", run.stderr);

    // Our own, damaged in the middle: set aside with its name, never silently made anew.
    let store = show(&at("inventory.db"));
    assert_eq!(sweep(&store).status, 1);
    let mut bytes = std::fs::read(&store).unwrap();
    let pages = bytes.len() / 4096;
    for page in 1..pages {
        bytes[page * 4096..page * 4096 + 100].fill(0xff);
    }
    std::fs::write(&store, &bytes).unwrap();
    let _ = std::fs::remove_file(at("inventory.db-wal"));
    let run = sweep(&store);
    assert_eq!(run.status, 3);
    assert!(
        run.stderr.contains("is damaged") && run.stderr.contains("set aside"),
        "{}",
        run.stderr
    );
    assert_eq!(std::fs::read(at("inventory.db.damaged-1")).unwrap(), bytes);
    assert!(!at("inventory.db").exists());
    assert_eq!(sweep(&store).status, 1, "and begins a new one when asked again");

    // A store from the future.
    let sql = "UPDATE careen_schema SET version = 99 \
        WHERE version = (SELECT max(version) FROM careen_schema)";
    let made = std::process::Command::new("sqlite3").args([&store, sql]).status();
    assert!(made.unwrap().success());
    let run = sweep(&store);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("has schema 99"), "{}", run.stderr);
}

#[test]
fn three_workers_one_of_them_killed_and_the_server_restarted_come_to_the_same_inventory() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 12);
    let slow = Proxy::start(&registry.host, |path, _| match path.contains("/blobs/") {
        true => Fault::Slow(40),
        false => Fault::None,
    });
    let server = Postgres::start();
    let (alone, many) = (store_in(folder.path()), server.database("fleet"));
    assert_eq!(home.run(&["sweep", &slow.host, "--store", &alone]).status, 1);
    let planned =
        home.run(&["sweep", &slow.host, "--store", &many, "--plan-only", "--format", "json"]);
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    let args = ["worker", "--store", &many, "--idle", "3s", "--lease", "3s", "--jobs", "1"];
    let mut workers: Vec<_> = (0..3).map(|_| home.command(&args).spawn().unwrap()).collect();
    std::thread::sleep(std::time::Duration::from_millis(900));
    let mut first = workers.remove(0);
    assert!(first.try_wait().unwrap().is_none(), "there was nothing left to kill");
    first.kill().unwrap();
    first.wait().unwrap();
    server.restart();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    // The last worker has ended the run that was left to them.
    let sweeps = home.run(&["inventory", "sweeps", "--store", &many, "--format", "json"]).json();
    assert_eq!(sweeps["rows"][0]["state"], "complete", "{sweeps}");
    // Whoever sweeps next finds nothing to do, and says the same.
    let swept = home.run(&["sweep", &slow.host, "--store", &many, "--format", "json"]);
    assert_eq!(swept.status, 1, "{}", swept.stderr);
    assert_eq!(swept.json()["fetched_bytes"], 0);
    assert_eq!(inventory(&home, &many), inventory(&home, &alone));
}

#[test]
fn a_catalog_without_end_odd_names_and_an_index_of_itself_are_no_harm() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let store = |name: &str| store_in(&folder.path().join(name));
    // The same page for ever.
    let endless = FakeRegistry::start(|asked| match asked.path.as_str() {
        p if p.starts_with("/v2/_catalog") => {
            let next = format!("</v2/_catalog?n=1000&x={}>; rel=\"next\"", p.len());
            Answer::new(200, r#"{"repositories":["a/b"]}"#).with("Link", next)
        }
        p if p.ends_with("/tags/list?n=1000") => Answer::new(200, r#"{"name":"a/b","tags":null}"#),
        _ => Answer::new(404, ""),
    });
    let run = home.run(&["sweep", &endless.host, "--plain-http", "--store", &store("endless")]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(run.text().contains("list of repositories"), "{}", run.text());
    // Names that no reference can have, a tag with a terminal's escape, and an index that names itself.
    let odd = FakeRegistry::start(|asked| match asked.path.as_str() {
        "/v2/_catalog?n=1000" => {
            Answer::new(200, r#"{"repositories":["UPPER","../../etc","ok/app","<b>x</b>"]}"#)
        }
        "/v2/ok/app/tags/list?n=1000" => {
            Answer::new(200, r#"{"name":"ok/app","tags":["self","a\u001b[31mb","sp ace","-"]}"#)
        }
        p if p.starts_with("/v2/ok/app/manifests/") => {
            let digest = format!("sha256:{}", "1".repeat(64));
            let index = serde_json::json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json",
                    "digest": digest, "size": 300}]});
            Answer::new(200, index.to_string())
                .with("Content-Type", "application/vnd.oci.image.index.v1+json")
        }
        _ => Answer::new(404, ""),
    });
    let run = home.run(&["sweep", &odd.host, "--plain-http", "--store", &store("odd")]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let text = run.text();
    assert!(text.contains("PARTIAL") && text.contains("ok/app:self"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_second_sweep_of_the_same_store_waits_for_nobody_and_says_so() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 2);
    let slow = Proxy::start(&registry.host, |_, _| Fault::Slow(300));
    let server = Postgres::start();
    for store in [store_in(folder.path()), server.database("one")] {
        let mut first = home.command(&["sweep", &slow.host, "--store", &store]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1000));
        let second = home.run(&["sweep", &slow.host, "--store", &store]);
        let _ = first.kill();
        let _ = first.wait();
        assert_eq!(second.status, 3, "{store}");
        assert!(second.stderr.contains("in use by another sweep"), "{}", second.stderr);
    }
}

#[test]
fn a_budget_stops_before_it_is_overspent_and_the_next_sweep_goes_on() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let fleet = Fleet::fill(&registry, 4);
    let store = store_in(folder.path());
    let budget = (fleet.layer_bytes() / 2).to_string();
    let args = ["sweep", &registry.host, "--store", &store, "--format", "json"];
    let first = home.run(&[&args[..], &["--budget", &budget]].concat());
    assert_eq!(first.status, 3, "{}", first.stderr);
    let spent = first.json()["fetched_bytes"].as_u64().unwrap();
    assert!(spent > 0 && spent <= fleet.layer_bytes() / 2, "{spent}");
    assert_eq!(first.json()["state"], "stopped");
    let second = home.run(&args);
    assert_eq!(second.json()["state"], "complete");
    assert_eq!(second.json()["fetched_bytes"], fleet.layer_bytes() - spent);
}

#[test]
fn an_interrupt_finishes_what_is_under_way_and_keeps_it() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let fleet = Fleet::fill(&registry, 6);
    let slow = Proxy::start(&registry.host, |path, _| match path.contains("/blobs/") {
        true => Fault::Slow(100),
        false => Fault::None,
    });
    let store = store_in(folder.path());
    for signal in ["-INT", "-TERM"] {
        let args = ["sweep", &slow.host, "--store", &store, "--jobs", "1"];
        let layers = || fetched(&registry, &fleet).values().sum::<usize>();
        let before = layers();
        let mut child = home.command(&args).spawn().unwrap();
        // On a busy machine it may take long until the first layer is there.
        let start = std::time::Instant::now();
        while layers() == before {
            assert!(start.elapsed().as_secs() < 60, "{signal}: no layer was fetched");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let sent =
            std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        assert_eq!(
            child.wait().unwrap().code(),
            Some(3),
            "{signal}: it is not complete, and says so"
        );
    }
    let last = home.run(&["sweep", &slow.host, "--store", &store, "--format", "json"]).json();
    assert_eq!(last["state"], "complete");
    assert!(last["fetched_bytes"].as_u64().unwrap() < fleet.layer_bytes(), "something was kept");
    let times = fetched(&registry, &fleet);
    assert!(times.values().all(|n| *n == 1), "what was under way was finished: {times:?}");
}
