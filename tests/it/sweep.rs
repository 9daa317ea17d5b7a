//! A whole registry, the real server: what a sweep costs, what it survives, what it says.

use crate::support::fake_registry::{Answer, FakeRegistry};
use crate::support::fleet::{Fleet, app, noise, store_in, token};
use crate::support::image_builder::LayerBuilder;
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
    let sql = "UPDATE careen_schema SET version = 99";
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
    // Whoever sweeps next finds nothing to do, and says the same.
    let swept = home.run(&["sweep", &slow.host, "--store", &many, "--format", "json"]);
    assert_eq!(swept.status, 1, "{}", swept.stderr);
    assert_eq!(swept.json()["fetched_bytes"], 0);
    assert_eq!(inventory(&home, &many), inventory(&home, &alone));
}

/// `repository:tag` of all tags in force.
fn tags(home: &Home, store: &str) -> Vec<String> {
    let sql = "SELECT r.name || ':' || t.name FROM tags t JOIN repositories r ON r.id = t.repository \
               WHERE t.selected IS NOT NULL ORDER BY 1";
    let run = home.run(&["inventory", "sql", sql, "--store", store, "--format", "csv"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.text().lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_sweep_is_narrowed_by_prefix_globs_versions_age_and_lists() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 4);
    let sweep = |n: usize, args: &[&str]| {
        let store = store_in(&folder.path().join(n.to_string()));
        let run = home.run(&[&["sweep", "--dry-run", "--store", &store], args].concat());
        assert_eq!(run.status, 0, "{args:?}: {}", run.stderr);
        tags(&home, &store)
    };
    let host = registry.host.as_str();
    let prefix = format!("{host}/team-1");
    let all = ["latest", "v1", "v2", "v3", "v4"].map(|t| format!("team-1/app-1:{t}")).to_vec();
    assert_eq!(sweep(1, &[&prefix]), all);
    assert_eq!(sweep(2, &[host, "--repository", "team-1/*"]), all);
    let versions = ["team-2/app-2:v4", "team-3/app-3:v4"];
    let chosen = sweep(3, &[host, "--tags", "semver:latest", "--repository", "team-[23]/*"]);
    assert_eq!(chosen, versions);
    let some = sweep(4, &[&prefix, "--tag", "v*", "--exclude", "team-1/app-1:v[13]"]);
    assert_eq!(some, ["team-1/app-1:v2", "team-1/app-1:v4"]);
    assert_eq!(sweep(5, &[&prefix, "--tags", "newest:2"]).len(), 2);
    assert!(sweep(6, &[&prefix, "--since", "2026-01-03"]).is_empty());
    assert_eq!(sweep(7, &[&prefix, "--since", "2026-01-02"]), all);
    let list = folder.path().join("list");
    std::fs::write(&list, format!("# what runs\n{host}/team-1/app-1:v2\n\n{host}/base/debian:*\n"))
        .unwrap();
    let mut named = sweep(8, &["--from", &show(&list)]);
    assert_eq!(named.pop().unwrap(), "team-1/app-1:v2");
    assert_eq!(named.len(), 6);
    let pods = folder.path().join("pods.json");
    let pod = format!(
        r#"{{"kind":"List","items":[{{"spec":{{"containers":[{{"name":"a","image":"{host}/team-3/app-3:v1"}}]}}}}]}}"#
    );
    std::fs::write(&pods, pod).unwrap();
    assert_eq!(sweep(9, &["--from-kubernetes", &show(&pods)]), ["team-3/app-3:v1"]);
    // Of the image for two platforms, one.
    let store = store_in(&folder.path().join("10"));
    let multi = format!("{host}/team-0/multi");
    let args = ["sweep", &multi, "--dry-run", "--store", &store, "--platform", "linux/arm64"];
    let run = home.run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(run.json()["planned"]["images"], 1);
    for wrong in [
        &["sweep", "team/app"][..],
        &["sweep"],
        &["sweep", host, "--tags", "oldest"],
        &["sweep", host, "--repository", "[", "--store", "x.db"],
        &["sweep", host, "--since", "yesterday"],
        &["sweep", "--from-kubernetes", &show(&list)],
        &["worker", "--store", &store],
    ] {
        let run = home.run(wrong);
        assert_eq!(run.status, 2, "{wrong:?}: {}", run.stderr);
    }
}

#[test]
fn the_next_sweep_says_what_changed_and_measures_what_was_proposed() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let store = store_in(folder.path());
    let big = |tools: bool| {
        let image = crate::support::fleet::base(1);
        let image = match tools {
            true => image.layer(
                "RUN /bin/sh -c apt-get install -y gcc # buildkit",
                LayerBuilder::new().file("usr/share/doc/gcc/manual", noise(3000, 9)),
            ),
            false => image,
        };
        image.layer("COPY . /app # buildkit", LayerBuilder::new().file("app/x", noise(50, 3)))
    };
    fleet.put(&registry, "shop/web", "1", &big(true));
    fleet.put(&registry, "shop/web", "2", &big(true).config("User", "1000".into()));
    fleet.put(&registry, "shop/old", "1", &app(0, 1));
    let sweep = || {
        let run = home.run(&["sweep", &registry.host, "--store", &store, "--format", "json"]);
        assert!(run.status <= 1, "{}", run.stderr);
        run.json()
    };
    let first = sweep();
    let advice = first["advice"].as_array().unwrap();
    let tools = advice.iter().find(|a| a["kind"] == "unneeded").unwrap();
    assert!(tools["title"].as_str().unwrap().contains("apt-get install -y gcc"), "{tools}");
    let predicted = tools["registry_bytes"].as_u64().unwrap();
    assert!((3_000_000..3_200_000).contains(&predicted), "{predicted}");
    assert_eq!(tools["pull_bytes"], predicted * 2, "two tags");

    // The advice is followed, a tag is new, a repository is gone.
    fleet.put(&registry, "shop/web", "1", &big(false));
    fleet.put(&registry, "shop/web", "2", &big(false).config("User", "1000".into()));
    fleet.put(&registry, "shop/new", "1", &big(false));
    registry.remove_tag("shop/old", "1");
    let second = sweep();
    let measured = second["measured"].as_array().unwrap();
    let tools = measured.iter().find(|m| m["kind"] == "unneeded").unwrap();
    for kind in ["registry", "pull"] {
        let predicted = tools[format!("predicted_{kind}_bytes")].as_f64().unwrap();
        let measured = tools[format!("measured_{kind}_bytes")].as_f64().unwrap();
        assert!((measured / predicted - 1.0).abs() < 0.05, "{kind}: {predicted} {measured}");
    }
    let changes = home.run(&["inventory", "changes", "--store", &store, "--format", "json"]).json();
    let changes: Vec<(String, String)> = changes["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (r["change"].as_str().unwrap().to_owned(), r["image"].as_str().unwrap().to_owned())
        })
        .collect();
    let named = |change: &str, name: &str| (change.to_owned(), format!("{}/{name}", registry.host));
    assert_eq!(
        changes,
        [
            named("gone", "shop/old:1"),
            named("moved", "shop/web:1"),
            named("moved", "shop/web:2"),
            named("new", "shop/new:1"),
        ]
    );
}

#[test]
fn a_secret_is_followed_to_the_layer_and_the_repository_that_brought_it() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let store = store_in(folder.path());
    let leaky = || {
        let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(1));
        let layer = LayerBuilder::new().file("root/.npmrc", npmrc);
        crate::support::fleet::base(2).layer("RUN npm login # buildkit", layer)
    };
    fleet.put(&registry, "base/node", "20", &leaky());
    for n in 0..5 {
        let own = LayerBuilder::new().file("app/n", n.to_string());
        let image = leaky().layer("COPY . /app # buildkit", own);
        fleet.put(&registry, &format!("a-team/app-{n}"), "1", &image);
    }
    let run = home.run(&["sweep", &registry.host, "--store", &store, "-q"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let ask = |args: &[&str]| {
        let words = [&["inventory"], args, &["--store", &store, "--format", "json"]].concat();
        home.run(&words).json()["rows"].as_array().unwrap().clone()
    };
    let secrets = ask(&["secrets"]);
    let found = secrets.iter().find(|s| s["path"] == "root/.npmrc").unwrap();
    assert_eq!(found["brought_by"], format!("{}/base/node", registry.host));
    assert_eq!((&found["tags"], &found["repositories"]), (&6.into(), &6.into()));
    assert_eq!(found["instruction"], "RUN npm login");
    let print = found["fingerprint"].as_str().unwrap();
    assert_eq!(ask(&["places", "--fingerprint", &print[..12]]).len(), 6);
    assert_eq!(ask(&["images", "--fingerprint", print, "--repository", "a-*"]).len(), 5);
    let layer = found["layer"].as_str().unwrap();
    assert_eq!(ask(&["images", "--layer", layer]).len(), 6);
    assert_eq!(ask(&["images", "--root"]).len(), 6);
    let whole = std::fs::read(&store).unwrap();
    let secret = token(1);
    assert!(!whole.windows(secret.len()).any(|w| w == secret.as_bytes()), "in clear in the store");
    let advice = ask(&["advice"]);
    assert_eq!(advice[0]["kind"], "leak");
    assert_eq!(advice[0]["tags"], 6);

    // Every other form says the same.
    let csv = home.run(&["inventory", "secrets", "--store", &store, "--format", "csv"]).text();
    assert_eq!(csv.lines().count(), secrets.len() + 1);
    let lines = home.run(&["inventory", "secrets", "--store", &store, "--format", "jsonl"]).text();
    assert_eq!(lines.lines().count(), secrets.len());
    let parquet = folder.path().join("s.parquet");
    let args =
        ["inventory", "secrets", "--store", &store, "--format", "parquet", "-o", &show(&parquet)];
    assert_eq!(home.run(&args).status, 0);
    assert_eq!(&std::fs::read(&parquet).unwrap()[..4], b"PAR1");
    let page = home.run(&["inventory", "report", "--store", &store]).text();
    assert!(page.contains("Content-Security-Policy") && page.contains("base/node"));
    let wrong = home.run(&["inventory", "sql", "DELETE FROM tags", "--store", &store]);
    assert_ne!(wrong.status, 0);
    assert_eq!(ask(&["images"]).len(), 6);
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
fn a_second_sweep_of_the_same_file_waits_for_nobody_and_says_so() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 2);
    let slow = Proxy::start(&registry.host, |_, _| Fault::Slow(300));
    let store = store_in(folder.path());
    let mut first = home.command(&["sweep", &slow.host, "--store", &store]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let second = home.run(&["sweep", &slow.host, "--store", &store]);
    let _ = first.kill();
    let _ = first.wait();
    assert_eq!(second.status, 3);
    assert!(second.stderr.contains("in use by another sweep"), "{}", second.stderr);
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
