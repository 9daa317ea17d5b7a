//! Secrets in more than a hundred places of two images: none of them stands in clear in anything that careen
//! writes, neither in a report nor in its cache nor in the store of a sweep.

use crate::support::fleet::store_in;
use crate::support::image_builder::digest;
use crate::support::planted::{Planted, World};
use crate::support::program::{Home, show};
use crate::support::registry::{Auth, Registry};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What leaks of each run of careen, with the run.
fn leaks_of(home: &Home, planted: &Planted, runs: &[Vec<&str>]) -> Vec<String> {
    let mut out = Vec::new();
    for args in runs {
        let run = home.run(args);
        assert_ne!(run.status, 101, "{args:?}: {}", run.stderr);
        for (stream, bytes) in [("stdout", &run.stdout), ("stderr", &run.stderr.into_bytes())] {
            let leaked = planted.found_in(bytes);
            if !leaked.is_empty() {
                out.push(format!("{} ({stream}): {}", args.join(" "), leaked.join(", ")));
            }
        }
    }
    out
}

const FORMATS: [&str; 10] =
    ["text", "json", "jsonl", "html", "sarif", "markdown", "junit", "gitlab", "cyclonedx", "spdx"];

#[test]
fn no_report_has_a_secret_in_clear() {
    let (home, world) = (Home::new(), World::new());
    let (one, two) = (world.layout("one"), world.layout("two"));
    let mut runs: Vec<Vec<&str>> = Vec::new();
    for format in FORMATS {
        runs.push(vec!["inspect", &one, "--format", format, "--confidence", "possible"]);
        runs.push(vec!["check", &one, "--format", format]);
    }
    for image in [&one, &two] {
        runs.push(vec!["files", image, "--format", "json"]);
        runs.push(vec!["files", image]);
    }
    for layer in ["0", "1", "2"] {
        runs.push(vec!["files", &one, "--layer", layer]);
        runs.push(vec!["files", &one, "--layer", layer, "--format", "json"]);
    }
    for mode in ["file", "package", "sound"] {
        runs.push(vec!["files", &one, "--needed", mode, "--format", "json"]);
    }
    for path in ["app/start", "bin/sh", "srv", "etc/passwd", "srv/soft", "nothing"] {
        runs.push(vec!["why", &one, path]);
        runs.push(vec!["why", &one, path, "--format", "json"]);
    }
    for (a, b) in [(&one, &two), (&two, &one)] {
        runs.push(vec!["diff", a, b, "-v"]);
        runs.push(vec!["diff", a, b, "--format", "json"]);
    }
    runs.push(vec!["inspect", &one, "--platform", "linux/s390x"]);
    runs.push(vec!["advise", &one, "-v"]);
    runs.push(vec!["inspect", &one, "-v"]);
    runs.push(vec!["advise", &one, "-v", "--format", "json"]);
    runs.push(vec!["cat", &one, "srv/soft"]);
    let advice = home.run(&["advise", &one, "-v", "--format", "json"]).json();
    let ids: Vec<String> = advice["advice"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["dockerfile"].is_string())
        .map(|a| a["id"].as_str().unwrap().to_owned())
        .collect();
    for id in &ids {
        runs.push(vec!["advise", &one, "--emit", id]);
    }
    let leaks = leaks_of(&home, &world.planted, &runs);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));

    // What was found, was found: masks in the place of secrets, not silence.
    let report = home.report(&one, &[]);
    let found = report["findings"].as_array().unwrap().iter().filter(|f| f["category"] == "secret");
    assert!(found.count() > 30, "{report:#}");
}

#[test]
fn a_masked_name_leads_to_its_file() {
    let (home, world) = (Home::new(), World::new());
    let one = world.layout("one");
    let report = home.report(&one, &[]);
    let findings = report["findings"].as_array().unwrap();
    let path = |f: &Value| f["path"].as_str().unwrap_or_default().to_owned();
    let found = findings.iter().find(|f| path(f).ends_with("/.env")).unwrap();
    assert!(path(found).contains("**** ") || path(found).contains("****"), "{found:#}");
    let recover = found["recover"].as_str().unwrap_or_else(|| panic!("{found:#}"));
    assert!(recover.contains(&path(found)), "{recover}");
    let of = |place: &str| {
        let all = world.planted.0.iter();
        all.filter(|(p, _)| p == place).map(|(_, v)| v.clone()).next().unwrap()
    };
    let masked = home.run(&["cat", &one, &path(found)]);
    assert_eq!(masked.text(), format!("NPM_TOKEN={}\n", of("settings")), "{}", masked.stderr);
    let clear = home.run(&["cat", &one, &format!("srv/{}/.env", of("folder of a secret"))]);
    assert_eq!(clear.text(), masked.text());
}

/// All files below a folder.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// The bytes, and what is packed in them, wherever it begins.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
    let mut out = bytes.to_vec();
    for at in memchr::memmem::find_iter(bytes, ZSTD) {
        let mut inner = Vec::new();
        if let Ok(mut reader) = zstd::stream::read::Decoder::new(&bytes[at..]) {
            // Behind the frame stands something else.
            let _ = reader.read_to_end(&mut inner);
        }
        out.extend(inner);
    }
    out
}

#[test]
fn the_cache_has_no_secret_in_clear() {
    let (home, world) = (Home::new(), World::new());
    home.report(&world.layout("one"), &[]);
    let files = all_files(&home.cache());
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let bytes = unpacked(&std::fs::read(&file).unwrap());
        assert_eq!(world.planted.found_in(&bytes), [""; 0], "{}", file.display());
    }
    // From the cache the report is the same.
    let (first, again) = (Home::new(), world.layout("one"));
    assert_eq!(first.report(&again, &["--no-cache"]), home.report(&again, &[]));
}

/// Puts both images into a registry, as `NAME:TAG` with secrets in both, and one index of them.
fn push(world: &mut World, registry: &Registry) {
    let repository = format!("team/{}", world.planted.in_small_letters("name of a repository"));
    let mut manifests = Vec::new();
    for name in ["one", "two"] {
        for (_, bytes) in world.blobs(name) {
            registry.keep_blob(&repository, &bytes);
        }
        let index = std::fs::read(world.folder.path().join(name).join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let d = index["manifests"][0].clone();
        registry.keep_manifest(&repository, d["digest"].as_str().unwrap());
        let tag = world.planted.at("name of a tag");
        registry.keep_tag(&repository, &tag, d["digest"].as_str().unwrap());
        manifests.push(d);
    }
    let index = json!({"schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests,
        "annotations": {"note": world.planted.at("annotation of an index")}})
    .to_string();
    registry.keep_blob(&repository, index.as_bytes());
    registry.keep_tag(&repository, "both", &digest(index.as_bytes()));
    // No image: what it says of itself is an error's words.
    let broken = json!({"schemaVersion": 2, "mediaType": world.planted.at("media type"),
        "layers": world.planted.at("where a list belongs")})
    .to_string();
    registry.keep_blob(&repository, broken.as_bytes());
    registry.keep_tag(&repository, "broken", &digest(broken.as_bytes()));
}

/// Every text and every blob of a store, with its table and column; names of repositories and tags, which
/// must be asked for as they are, left out.
fn cells(store: &str) -> Vec<(String, Vec<u8>)> {
    let db = rusqlite::Connection::open(store).unwrap();
    let list = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| r.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut out = Vec::new();
    for table in list("SELECT name FROM sqlite_schema WHERE type = 'table'") {
        for column in list(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            if ["repositories.name", "tags.name"].contains(&format!("{table}.{column}").as_str()) {
                continue;
            }
            let mut statement =
                db.prepare(&format!("SELECT CAST(\"{column}\" AS BLOB) FROM {table}")).unwrap();
            let rows = statement.query_map([], |r| r.get::<_, Option<Vec<u8>>>(0)).unwrap();
            let cells = rows.map(|r| r.unwrap().unwrap_or_default());
            out.extend(cells.map(|cell| (format!("{table}.{column}"), cell)));
        }
    }
    out
}

#[test]
fn a_sweep_keeps_and_tells_no_secret_in_clear() {
    let (home, mut world) = (Home::new(), World::new());
    let registry = Registry::start(Auth::Anonymous, None);
    push(&mut world, &registry);
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(folder.path());
    let mut runs = vec![vec!["sweep", &registry.host, "--store", &store, "--dry-run"]];
    runs.push(vec!["sweep", &registry.host, "--store", &store, "--confidence", "possible"]);
    runs.push(vec!["sweep", &registry.host, "--store", &store, "--format", "json"]);
    let leaks = leaks_of(&home, &world.planted, &runs);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));

    let images = home.run(&["inventory", "images", "--store", &store, "--format", "json"]).json();
    let secrets = |i: &Value| i["secrets"].as_u64().unwrap();
    let rows = images["rows"].as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|i| secrets(i) > 30), "{images:#}");

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
        "changes",
        "not-looked-at",
        "sweeps",
    ];
    let mut runs = vec![vec!["inventory", "report", "--store", &store]];
    for view in views {
        for format in ["text", "jsonl", "csv"] {
            runs.push(vec!["inventory", view, "--store", &store, "--format", format, "-v"]);
        }
    }
    runs.push(vec!["inventory", "sql", "SELECT * FROM tags, repositories", "--store", &store]);
    let leaks = leaks_of(&home, &world.planted, &runs);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    for view in views {
        let file = folder.path().join("table.parquet");
        let args =
            ["inventory", view, "--store", &store, "--format", "parquet", "-o", &show(&file)];
        assert_eq!(home.run(&args).status, 0);
        let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        let text: String = rows.map(|r| format!("{}\n", r.unwrap())).collect();
        assert_eq!(world.planted.found_in(text.as_bytes()), [""; 0], "{view}: {text}");
    }

    let mut leaks: Vec<String> = Vec::new();
    for (place, cell) in cells(&store) {
        let leaked = world.planted.found_in(&unpacked(&cell));
        leaks.extend(leaked.iter().map(|secret| format!("{place}: {secret}")));
    }
    leaks.sort();
    leaks.dedup();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    // What stood there once is not left in free pages, nor in the log.
    let by_design = ["name of a repository", "name of a tag"];
    for file in
        all_files(folder.path()).iter().filter(|f| f.extension().is_none_or(|e| e != "parquet"))
    {
        let mut leaked = world.planted.found_in(&unpacked(&std::fs::read(file).unwrap()));
        leaked.retain(|place| !by_design.contains(place));
        assert_eq!(leaked, [""; 0], "{}", file.display());
    }
}

/// Characters that no reader of a table should have to deal with.
fn is_raw(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn tables_and_json_have_no_raw_control_characters() {
    use crate::support::image_builder::{ImageBuilder, LayerBuilder};
    const HOSTILE: &str = "a\u{1b}[2J\u{7f}\u{9b}31m\u{202e}gnp\u{2066}\u{feff}b";
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let token = format!("NPM_TOKEN={}\n", Planted::default().at("x"));
    let image = ImageBuilder::new()
        .layer(
            &format!("RUN echo {HOSTILE}"),
            LayerBuilder::new()
                .file_named(format!("srv/{HOSTILE}/.env").as_bytes(), token.as_bytes())
                .file("etc/os-release", format!("ID=debian\nPRETTY_NAME=\"{HOSTILE}\"\n")),
        )
        .config("User", json!(HOSTILE))
        .config("Labels", json!({ HOSTILE: HOSTILE }))
        .config("Env", json!([format!("A={HOSTILE}")]));
    let layout = show(&image.write_layout(&folder.path().join("image"), "1"));
    for format in ["json", "jsonl", "sarif", "gitlab", "cyclonedx", "spdx", "html"] {
        let run = home.run(&["inspect", &layout, "--format", format]);
        assert!(!run.text().chars().any(is_raw), "{format}");
    }
    for args in [["files", &layout, "--format", "json"], ["diff", &layout, &layout, "-v"]] {
        assert!(!home.run(&args).text().chars().any(is_raw), "{args:?}");
    }
    // The characters are still there for who reads the JSON.
    let report = home.report(&layout, &[]);
    assert_eq!(report["image"]["user"], HOSTILE);

    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = crate::support::fleet::Fleet::default();
    fleet.put(&registry, "app", "1", &image);
    let store = store_in(folder.path());
    home.run(&["sweep", &registry.host, "--store", &store, "-q"]);
    for view in ["images", "layers", "places", "secrets"] {
        for format in ["csv", "json", "text"] {
            let run = home.run(&["inventory", view, "--store", &store, "--format", format, "-v"]);
            assert_eq!(run.status, 0, "{}", run.stderr);
            assert!(!run.text().chars().any(is_raw), "{view} {format}: {:?}", run.text());
        }
    }
}
