//! Packages of Node that are asked for, imported and started, and those that only wait.

use super::*;
use crate::analyze::modules::ModuleAnalyzer;
use crate::analyze::packages::NodeAnalyzer;
use crate::analyze::references::ReferenceAnalyzer;
use crate::analyze::{Analyzer, Facts};
use crate::image::testing::{facts_of, file, indexed, symlink};
use crate::layer::Interest;

/// What of `app/node_modules` is kept, manifests left out.
fn kept(cmd: &[&str], files: &[(&str, &str)], links: &[(&str, &str)]) -> Vec<String> {
    let mut entries: Vec<_> = files.iter().map(|(p, t)| file(p, t.as_bytes())).collect();
    entries.extend(links.iter().map(|(p, t)| symlink(p, t)));
    let mut facts = Facts::default();
    let mut analyzers: [Box<dyn Analyzer>; 3] = [
        Box::new(ModuleAnalyzer::new()),
        Box::new(NodeAnalyzer::new()),
        Box::new(ReferenceAnalyzer::new()),
    ];
    for (number, (entry, (_, text))) in entries.iter().zip(files).enumerate() {
        for analyzer in &mut analyzers {
            if analyzer.begin(number as u32, entry) != Interest::Skip {
                analyzer.chunk(text.as_bytes());
                analyzer.end(&mut facts);
            }
        }
    }
    let facts = facts_of(vec![indexed(entries, facts)]);
    let config = ContainerConfig {
        cmd: cmd.iter().map(|w| (*w).to_owned()).collect(),
        working_dir: "/app".to_owned(),
        ..ContainerConfig::default()
    };
    let closure = Closure::of(&facts, &config);
    assert_eq!(closure.files(Mode::Sound).count(), closure.items.len());
    let all = closure.files(Mode::File).map(|(p, _)| p.to_text());
    let of = |p: String| p.strip_prefix("app/node_modules/").map(str::to_owned);
    all.filter_map(of).filter(|p| !p.ends_with("package.json")).collect()
}

const APP: &str = r#"{"name": "app", "scripts": {"start": "serve x"},
    "dependencies": {"express": "4", "typescript": "5"}, "devDependencies": {"jest": "1", "late": "1"}}"#;

fn package(name: &str, needs: &str) -> String {
    format!(r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{{needs}}}}}"#)
}

fn image(server: &str) -> Vec<(&'static str, String)> {
    vec![
        ("usr/bin/node", "\u{7f}ELF".to_owned()),
        ("app/package.json", APP.to_owned()),
        ("app/server.js", server.to_owned()),
        ("app/a.test.js", "require('jest')".to_owned()),
        ("app/node_modules/express/package.json", package("express", r#""deep": "1""#)),
        ("app/node_modules/express/index.js", String::new()),
        ("app/node_modules/express/node_modules/deep/package.json", package("deep", "")),
        ("app/node_modules/express/node_modules/deep/i.js", String::new()),
        ("app/node_modules/deep/package.json", package("deep", "")),
        ("app/node_modules/deep/i.js", String::new()),
        ("app/node_modules/typescript/package.json", package("typescript", "")),
        ("app/node_modules/typescript/tsc.js", String::new()),
        ("app/node_modules/jest/package.json", package("jest", r#""deep": "2""#)),
        ("app/node_modules/jest/jest.js", "x".repeat(4 << 20)),
        ("app/node_modules/@a/late/package.json", package("@a/late", "")),
        ("app/node_modules/@a/late/l.js", "x".repeat(4 << 20)),
        ("app/node_modules/serve/package.json", package("serve", "")),
        ("app/node_modules/serve/main.js", "x".repeat(4 << 20)),
    ]
}

fn of(cmd: &[&str], files: &[(&'static str, String)]) -> Vec<String> {
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let links = [
        ("app/node_modules/.bin/serve", "../serve/main.js"),
        ("app/node_modules/.bin/jest", "../jest/jest.js"),
    ];
    kept(cmd, &files, &links)
}

#[test]
fn what_is_asked_for_imported_or_started_is_kept_with_what_it_asks_for() {
    let kept =
        of(&["node", "server.js"], &image("import('@a/late/x')\n// require('typescript')\n"));
    let nested = "express/node_modules/deep/i.js";
    assert_eq!(kept, [".bin/serve", "@a/late/l.js", "express/index.js", nested, "serve/main.js"]);
    let kept = of(&["node", "server.js"], &image("const ts = require('typescript')"));
    let main = "typescript/tsc.js";
    assert_eq!(kept, [".bin/serve", "express/index.js", nested, "serve/main.js", main]);
}

#[test]
fn where_the_program_builds_while_it_runs_all_is_kept() {
    for (cmd, server) in [
        (&["node", "-r", "ts-node/register", "server.js"][..], ""),
        (&["node_modules/.bin/nodemon", "server.js"], ""),
        (&["node", "server.js"], "require('@babel/register')"),
        (&["node"], ""),
        (&["node", "other.js"], ""),
    ] {
        assert!(of(cmd, &image(server)).contains(&"jest/jest.js".to_owned()), "{cmd:?} {server}");
    }
    let mut unread = image("");
    unread.push((
        "app/node_modules/odd/package.json",
        "{\"name\":\"odd\",\"version\":\"1\",\"dependencies\":".to_owned(),
    ));
    // That one is no package, since it says nothing; this one says too little.
    assert!(!of(&["node", "server.js"], &unread).contains(&"jest/jest.js".to_owned()));
}

#[test]
fn sources_of_a_native_module_are_left_out_where_it_is_built() {
    let mut files = image("require('native')");
    for (path, text) in [
        ("app/node_modules/native/package.json", package("native", "")),
        ("app/node_modules/native/binding.gyp", String::new()),
        ("app/node_modules/native/lib/index.js", String::new()),
        ("app/node_modules/native/src/a.cc", String::new()),
        ("app/node_modules/native/deps/sqlite.tar.gz", String::new()),
        ("app/node_modules/native/deps/table.json", String::new()),
        ("app/node_modules/native/build/Release/native.node", String::new()),
        ("app/node_modules/native/build/Release/obj.target/a", String::new()),
        ("app/node_modules/native/prebuilds/darwin-x64/a.node", String::new()),
        ("app/node_modules/native/prebuilds/linux-x64/a.node", String::new()),
    ] {
        files.push((path, text));
    }
    let kept: Vec<_> = of(&["node", "server.js"], &files)
        .into_iter()
        .filter(|p| p.starts_with("native/"))
        .collect();
    let expected = [
        "build/Release/native.node",
        "deps/table.json",
        "lib/index.js",
        "prebuilds/linux-x64/a.node",
    ];
    assert_eq!(kept, expected.map(|p| format!("native/{p}")));
}
