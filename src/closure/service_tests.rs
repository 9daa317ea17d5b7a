//! What was learnt from applications that did not run with what was kept of them.

use super::*;
use crate::analyze::{
    Dynamic, ElfFact, Facts, Linked, OwnedFiles, PackageKind, PackageRecord, References,
};
use crate::image::testing::{facts_of, indexed, sized};
use crate::layer::Entry;

fn kept(paths: &[&str], facts: Facts, cmd: &[&str], dir: &str) -> Vec<String> {
    let entries: Vec<Entry> =
        paths.iter().map(|p| Entry { mode: 0o755, ..sized(p, 1000) }).collect();
    let layers = vec![indexed(entries, facts)];
    let facts = facts_of(layers);
    let config = ContainerConfig {
        cmd: cmd.iter().map(|w| (*w).to_owned()).collect(),
        working_dir: dir.to_owned(),
        ..ContainerConfig::default()
    };
    let closure = Closure::of(&facts, &config);
    closure.files(Mode::File).map(|(p, _)| p.to_text()).collect()
}

fn elf(entry: u32, linked: Linked) -> ElfFact {
    ElfFact {
        entry,
        elf_type: 3,
        machine: 62,
        debug_bytes: None,
        interpreter: None,
        dynamic: Dynamic::Linked(linked),
        strings: vec![],
    }
}

fn record(entry: u32, kind: PackageKind, name: &str) -> PackageRecord {
    PackageRecord {
        entry,
        kind,
        name: name.to_owned(),
        version: "1".to_owned(),
        architecture: None,
        source: None,
        declared_bytes: None,
        root: None,
        relations: Default::default(),
        ..PackageRecord::of(kind)
    }
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|w| (*w).to_owned()).collect()
}

#[test]
fn npm_gives_its_script_to_a_shell() {
    let paths = ["app/package.json", "bin/sh", "usr/bin/npm"];
    assert_eq!(kept(&paths, Facts::default(), &["npm", "start"], "/app"), paths);
}

#[test]
fn a_program_that_asks_for_local_times_gets_the_zones() {
    let paths = ["lib/apk/db/installed", "opt/clock", "usr/share/zoneinfo/Asia/Tokyo"];
    let files = |zones| {
        let mut facts = Facts::default();
        facts.elf.push(elf(1, Linked { zones, ..Linked::default() }));
        facts.packages.push(record(0, PackageKind::Apk, "tzdata"));
        facts.owned.push(OwnedFiles {
            entry: 0,
            kind: PackageKind::Apk,
            package: "tzdata".into(),
            paths: vec![LayerPath::from(paths[2])],
        });
        kept(&paths, facts, &["/opt/clock"], "")
    };
    assert_eq!(files(true), paths[1..]);
    assert_eq!(files(false), paths[1..2]);
}

#[test]
fn a_program_of_go_looks_for_zones_and_certificates_by_itself() {
    let paths = ["etc/ssl/certs/ca-certificates.crt", "opt/serve", "usr/share/zoneinfo/UTC"];
    let mut facts = Facts::default();
    facts.elf.push(elf(1, Linked::default()));
    facts.packages.push(record(1, PackageKind::Go, "example.com/serve"));
    assert_eq!(kept(&paths, facts, &["/opt/serve"], ""), paths);
}

#[test]
fn an_archive_of_java_brings_its_class_path() {
    let paths = ["opt/app.jar", "opt/lib/dep.jar", "usr/share/java/other.jar"];
    let mut facts = Facts::default();
    let includes = strings(&["lib/dep.jar", "../usr/share/java/other.jar", "missing.jar"]);
    facts.references.push(References { entry: 0, includes, ..References::default() });
    assert_eq!(kept(&paths, facts, &["java", "-jar", "/opt/app.jar"], ""), paths);
}

#[test]
fn a_library_whose_place_is_told_at_run_time_is_not_missing() {
    let paths = ["opt/java/lib/libattach.so", "opt/java/lib/server/libjvm.so"];
    let mut facts = Facts::default();
    facts.elf.push(elf(0, Linked { needed: strings(&["libjvm.so"]), ..Linked::default() }));
    facts.elf.push(elf(1, Linked::default()));
    assert_eq!(kept(&paths, facts, &["/opt/java/lib/libattach.so"], ""), paths);
}

/// The files of an npm application whose `tool` is for development, and what its sources import.
fn npm(imports: &[&str], cmd: &[&str]) -> Vec<String> {
    let paths = [
        "app/node_modules/.package-lock.json",
        "app/node_modules/lib/index.js",
        "app/node_modules/tool/cli.js",
        "app/server.js",
        "app/webpack.config.js",
        "usr/bin/node",
    ];
    let mut facts = Facts::default();
    let development = strings(&["node_modules/tool"]);
    facts.references.push(References { entry: 0, development, ..References::default() });
    let names = References { entry: 3, imports: strings(imports), ..References::default() };
    facts.references.push(names);
    // What only the build's own settings load is no use of it.
    let build = References { entry: 4, imports: strings(&["tool"]), ..References::default() };
    facts.references.push(build);
    kept(&paths, facts, cmd, "/app")
}

#[test]
fn modules_for_development_go_unless_something_uses_them() {
    let has = |files: Vec<String>| files.iter().any(|f| f == "app/node_modules/tool/cli.js");
    assert!(!has(npm(&["lib"], &["node", "server.js"])));
    assert!(has(npm(&["lib", "tool"], &["node", "server.js"])));
    assert!(has(npm(&["lib"], &["node", "node_modules/tool/cli.js"])));
}
