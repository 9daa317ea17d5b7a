//! What an operator may do to a sweep and its store: start it twice, stop it, give it too little, ask it for
//! what it must not do.

use crate::support::fake_registry::{Answer, FakeRegistry};
use crate::support::fleet::{Fleet, base, noise, store_in};
use crate::support::image_builder::LayerBuilder;
use crate::support::postgres::Postgres;
use crate::support::program::{Home, Run, show};
use crate::support::registry::{Auth, Registry};
use careen::pipeline::Plan;
use careen::source::locator::Locator;
use careen::source::registry::{ListingKind, ListingSettings};
use careen::sweep::store::{PlanFigures, Store, StorePlace, Use};
use careen::sweep::{Ending, Selection, Stop, SweepPlan, SweepProgress, Target, sweep};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn one_file_has_one_sweep_whatever_it_is_called() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::default().put(&registry, "app", "1", &base(1));
    let real = folder.path().join("deep/inventory.db");
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    let (link, dir, hard) =
        (folder.path().join("link.db"), folder.path().join("dir"), folder.path().join("hard.db"));
    std::os::unix::fs::symlink("deep/inventory.db", &link).unwrap();
    std::os::unix::fs::symlink("deep", &dir).unwrap();
    // The link is there before the file is.
    let held = Store::open(&StorePlace::File(link.clone()), Use::Sweep).unwrap();
    std::fs::hard_link(&real, &hard).unwrap();
    let through = dir.join("../deep/inventory.db");
    for name in [&real, &link, &dir.join("inventory.db"), &hard, &through] {
        let run = home.run(&["sweep", &registry.host, "--store", &show(name)]);
        assert_eq!(run.status, 3, "{}: {}", name.display(), run.stderr);
        assert!(run.stderr.contains("in use by another sweep"), "{}", run.stderr);
    }
    drop(held);
    for name in [&link, &real] {
        let run = home.run(&["sweep", &registry.host, "--store", &show(name)]);
        assert_ne!(run.status, 3, "{}", run.stderr);
    }
}

/// Runs with the limits that `sh` sets before.
fn with_limits(home: &Home, limits: &str, args: &[&str]) -> Run {
    let mut command = home.command(&[]);
    let program = command.get_program().to_owned();
    let envs: Vec<_> =
        command.get_envs().map(|(k, v)| (k.to_owned(), v.unwrap().to_owned())).collect();
    command = Command::new("sh");
    let out = command
        .args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")])
        .arg(program)
        .args(args)
        .env_clear()
        .envs(envs)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run {
        status: out.status.code().unwrap_or(-1),
        stdout: out.stdout,
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

#[test]
fn too_few_open_files_are_an_error_and_no_panic() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::default().put(&registry, "app", "1", &base(1));
    let layout = show(&base(1).write_layout(&folder.path().join("image"), "1"));
    let reference = format!("{}/app:1", registry.host);
    for files in 3..16 {
        let store = show(&folder.path().join(format!("{files}.db")));
        let all: [&[&str]; 3] = [
            &["inspect", &layout],
            &["inspect", &reference, "--no-cache"],
            &["sweep", &registry.host, "--store", &store],
        ];
        for args in all {
            let run = with_limits(&home, &format!("ulimit -n {files}"), args);
            if run.stderr.contains("error while loading shared libraries") {
                continue;
            }
            assert!(run.status == 3 || run.status <= 1, "{files} {args:?}: {}", run.stderr);
            assert!(!run.stderr.contains("panicked"), "{files} {args:?}: {}", run.stderr);
            if run.status == 3 && run.stdout.is_empty() {
                assert!(run.stderr.contains("error: "), "{files} {args:?}: {}", run.stderr);
            }
        }
    }
}

/// A user of their own for whom the system counts threads: it counts none for root.
const NOBODY: u32 = 64_321;

#[test]
fn too_few_threads_are_an_error_and_no_panic() {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let folder = tempfile::tempdir().unwrap();
    // Where another user reaches it.
    let program = folder.path().join("careen");
    let built = env!("CARGO_BIN_EXE_careen");
    std::fs::hard_link(built, &program)
        .or_else(|_| std::fs::copy(built, &program).map(drop))
        .unwrap();
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::default().put(&registry, "app", "1", &base(1));
    let layout = show(&base(1).write_layout(&folder.path().join("image"), "1"));
    let reference = format!("{}/app:1", registry.host);
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode;
    std::fs::set_permissions(folder.path(), open(0o755)).unwrap();
    std::fs::set_permissions(&data, open(0o777)).unwrap();
    let mut refused = 0;
    for threads in 1..12 {
        let store = show(&data.join(format!("{threads}.db")));
        let all: [&[&str]; 3] = [
            &["inspect", &layout],
            &["inspect", &reference],
            &["sweep", &registry.host, "--store", &store],
        ];
        for args in all {
            let mut command = Command::new("prlimit");
            command.arg(format!("--nproc={threads}")).arg(&program).args(args);
            command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
            command.env("HOME", &data).current_dir("/");
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            let out = command.output().unwrap();
            let stderr = String::from_utf8_lossy(&out.stderr);
            let status = out.status.code().unwrap_or(-1);
            if stderr.contains("prlimit: failed to execute") {
                continue;
            }
            assert!(
                status == 3 || (0..=1).contains(&status),
                "{threads} {args:?}: {status} {stderr}"
            );
            assert!(!stderr.contains("panicked"), "{threads} {args:?}: {stderr}");
            refused += usize::from(status == 3 && stderr.contains("thread"));
        }
    }
    assert!(refused > 0 || !root, "the limit was never met");
}

#[test]
fn a_closed_standard_output_is_an_error() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&base(1).write_layout(&folder.path().join("image"), "1"));
    for args in [&["inspect", &layout][..], &["files", &layout], &["--help"], &["schema"]] {
        let run = with_limits(&home, "exec >&-", args);
        assert_eq!(run.status, 3, "{args:?}: {}", run.stderr);
    }
    let run = with_limits(&home, "exec >&-", &["inspect", &layout]);
    assert!(run.stderr.contains("standard output is closed"), "{}", run.stderr);
    // What goes elsewhere needs none, and nobody closed this one.
    let file = show(&folder.path().join("report.json"));
    let run =
        with_limits(&home, "exec >&-", &["inspect", &layout, "-o", &file, "--format", "json"]);
    assert!(run.status <= 1, "{}", run.stderr);
    let run = with_limits(&home, "exec >/dev/null", &["inspect", &layout]);
    assert!(run.status <= 1, "{}", run.stderr);
}

#[test]
fn what_is_wrong_with_a_postgresql_store_is_said_with_what_to_do() {
    let home = Home::new();
    let server = Postgres::start_with_password("right");
    let whole = server.database("there");
    let (rest, _) = whole.rsplit_once('/').unwrap();
    let address = rest.rsplit_once('@').unwrap().1;
    let of = |login: &str, end: &str| format!("postgres://{login}@{address}/{end}");
    for (store, why, hint) in [
        (
            of("careen:wrong", "there"),
            "password authentication failed",
            "check the user and the password",
        ),
        (of("careen", "there"), "password", "postgres://USER:PASSWORD@HOST/DATABASE"),
        (of("careen:right", "nowhere"), "does not exist", "createdb nowhere"),
        (
            of("nobody:right", "there"),
            "password authentication failed",
            "check the user and the password",
        ),
        (of("careen:right", "there?sslmode=require"), "TLS", "sslmode=disable"),
        (
            "postgres://careen:right@127.0.0.1:1/there".to_owned(),
            "refused",
            "is the server running",
        ),
    ] {
        for args in [
            vec!["inventory", "images", "--store", &store],
            vec!["sweep", "127.0.0.1:1", "--store", &store],
        ] {
            let run = home.run(&args);
            assert_eq!(run.status, 3, "{args:?}: {}", run.stderr);
            assert!(run.stderr.contains(why), "{args:?}: {}", run.stderr);
            let told = run.stderr.split("hint: ").nth(1).unwrap_or_default();
            assert!(told.contains(hint), "{args:?}: {}", run.stderr);
            assert!(
                !run.stderr.contains("right") && !run.stderr.contains("wrong"),
                "{}",
                run.stderr
            );
        }
    }
}

#[test]
fn a_question_changes_nothing() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::default().put(&registry, "app", "1", &base(1));
    let server = Postgres::start();
    let new = show(&folder.path().join("new.db"));
    let everywhere = [
        "DELETE FROM tags",
        "DELETE FROM tags RETURNING name",
        "CREATE TABLE x (y TEXT)",
        "CREATE TEMP TABLE x AS SELECT 1",
        "INSERT INTO registries (host) VALUES ('x') RETURNING id",
        "BEGIN",
        "",
    ];
    let of_sqlite = [
        format!("VACUUM INTO '{new}'"),
        format!("vacuum main into '{new}'"),
        format!("ATTACH '{new}' AS other"),
        "PRAGMA writable_schema = 1".to_owned(),
        "PRAGMA journal_mode = DELETE".to_owned(),
        "PRAGMA wal_checkpoint".to_owned(),
        "PRAGMA query_only = 0".to_owned(),
        "SELECT load_extension('x')".to_owned(),
        "REINDEX".to_owned(),
    ];
    let of_postgres = [
        format!("COPY (SELECT 1) TO '{new}'"),
        format!("COPY (SELECT 1) TO PROGRAM 'cat > {new}'"),
        "SET default_transaction_read_only = off".to_owned(),
        "SELECT set_config('transaction_read_only', 'off', false)".to_owned(),
        "WITH x AS (DELETE FROM tags RETURNING 1) SELECT * FROM x".to_owned(),
        "SELECT 1 AS one INTO x".to_owned(),
        "/* SELECT */ COPY tags TO STDOUT".to_owned(),
        "COMMIT".to_owned(),
        "SELECT nextval('tags_id_seq')".to_owned(),
        "DO $$ BEGIN END $$".to_owned(),
    ];
    for (store, own) in
        [(store_in(folder.path()), &of_sqlite[..]), (server.database("one"), &of_postgres[..])]
    {
        assert_ne!(home.run(&["sweep", &registry.host, "--store", &store, "-q"]).status, 3);
        let ask =
            |sql: &str| home.run(&["inventory", "sql", sql, "--store", &store, "--format", "json"]);
        let all = everywhere.iter().copied().chain(own.iter().map(String::as_str));
        for sql in all {
            let run = ask(sql);
            assert!(run.status >= 2, "{sql}: {} {}", run.text(), run.stderr);
            assert!(!std::path::Path::new(&new).exists(), "{sql}");
        }
        for sql in [
            "SELECT name FROM tags",
            "/* the tags */ (SELECT name FROM tags)",
            "WITH t AS (SELECT name FROM tags) SELECT * FROM t;",
            "VALUES ('1')",
        ] {
            // SQLite takes no brackets around a whole question.
            if sql.contains("*/ (") && !store.starts_with("postgres") {
                continue;
            }
            let run = ask(sql);
            assert_eq!(run.status, 0, "{sql}: {}", run.stderr);
            assert_eq!(run.json()["rows"].as_array().unwrap().len(), 1, "{sql}");
        }
    }
    let pragma =
        ["inventory", "sql", "PRAGMA table_info(tags)", "--store", &store_in(folder.path())];
    assert_eq!(home.run(&pragma).status, 0);
}

/// A registry whose one layer begins and then is silent for ever.
fn stalling() -> FakeRegistry {
    use crate::support::image_builder::{Compression, compress, digest};
    use serde_json::json;
    let tar = LayerBuilder::new().file("x", noise(800, 3)).finish();
    let layer = compress(&tar, Compression::Gzip);
    let config = json!({"os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [digest(&tar)]}})
    .to_string();
    let manifest = json!({"schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest(&layer), "size": layer.len()}]})
    .to_string();
    let (config_path, layer_path) = (digest(config.as_bytes()), digest(&layer));
    FakeRegistry::start(move |asked| match asked.path.as_str() {
        "/v2/" => Answer::new(200, "{}"),
        p if p.starts_with("/v2/_catalog") => Answer::new(200, r#"{"repositories":["app"]}"#),
        p if p.starts_with("/v2/app/tags/list") => {
            Answer::new(200, r#"{"name":"app","tags":["1"]}"#)
        }
        p if p.contains("/manifests/") => Answer::new(200, manifest.clone())
            .with("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
        p if p.ends_with(&config_path) => Answer::new(200, config.clone()),
        p if p.ends_with(&layer_path) => {
            let mut answer =
                Answer::new(200, &layer[..300_000]).with("Content-Length", layer.len());
            answer.stall = true;
            answer
        }
        _ => Answer::new(404, ""),
    })
}

#[test]
fn the_first_interrupt_ends_a_sweep_within_seconds_and_gives_its_work_back() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = stalling();
    let store = store_in(folder.path());
    let args = ["sweep", &registry.host, "--plain-http", "--store", &store];
    let mut child = home.command(&args).spawn().unwrap();
    let start = Instant::now();
    while registry.paths().iter().filter(|p| p.contains("/blobs/")).count() < 2 {
        assert!(start.elapsed().as_secs() < 60, "the layer was never asked for");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    let sent = Instant::now();
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
    let status = child.wait().unwrap();
    assert!(sent.elapsed() < Duration::from_secs(20), "{:?}", sent.elapsed());
    assert!([Some(3), Some(130)].contains(&status.code()), "{status}");
    // The next sweep may begin at once.
    let run = home.run(&[&args[..], &["--dry-run", "--format", "json"]].concat());
    assert_eq!(run.json()["planned"]["layers_to_fetch"], 1, "{}", run.stderr);
}

/// Fails when the first bytes of a layer have come.
#[derive(Default)]
struct Fails {
    chunks: AtomicUsize,
    layers: AtomicUsize,
}

impl SweepProgress for Fails {
    fn repository(&self) {}
    fn tag(&self) {}
    fn planned(&self, _: &PlanFigures) {}
    fn fetched(&self, _: u64) {
        assert!(self.chunks.fetch_add(1, Ordering::SeqCst) > 0, "the first chunk is one too many");
    }
    fn layer(&self) {
        self.layers.fetch_add(1, Ordering::SeqCst);
    }
    fn image(&self) {}
}

#[test]
fn a_layer_on_which_a_worker_panics_is_not_the_end_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start(Auth::Anonymous, None);
    let fleet = Fleet::fill(&registry, 3);
    let plan = SweepPlan {
        target: Target::Registry { host: registry.host.clone(), prefix: String::new() },
        listing: ListingSettings { kind: ListingKind::Catalog, api: None, token: None },
        selection: Selection::new(&[], &[], &[]).unwrap(),
        store: StorePlace::File(folder.path().join("s.db")),
        inspect: Plan { advise: false, ..Plan::new(Locator::Daemon(String::new())) },
        max_age: None,
        budget: None,
        tries: 3,
        lease: Duration::from_secs(60),
        worker: "test".to_owned(),
        dry_run: false,
        plan_only: false,
        registry_host: None,
    };
    let progress = Fails::default();
    let swept = sweep(&plan, &Stop::default(), &progress).unwrap();
    assert_eq!(swept.ending, Ending::Partial);
    assert_eq!(progress.layers.load(Ordering::SeqCst), fleet.layers.len());
    assert!(swept.gaps.iter().any(|g| g.why.contains("careen failed on it")), "{:?}", swept.gaps);
    let reads = swept.gaps.iter().filter(|g| g.failed).count();
    assert!(reads < fleet.tags.len(), "only the images of one layer lack it: {:?}", swept.gaps);
}
