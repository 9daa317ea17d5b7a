//! `careen why`, `careen files --needed` and `careen advise`: what the entry point needs, against what the
//! machine's own dynamic linker says, and what is written from it.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use crate::support::tutorial::{tutorial, with_tools};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The libraries that the real linker loads for a program, as absolute paths.
fn ldd(program: &str) -> Vec<PathBuf> {
    let out = Command::new("ldd").arg(program).output().expect("ldd is part of libc-bin");
    let text = String::from_utf8(out.stdout).expect("paths");
    text.lines()
        .filter_map(|l| l.split_whitespace().find(|w| w.starts_with('/')))
        .map(PathBuf::from)
        .collect()
}

#[test]
fn the_closure_of_a_program_holds_what_the_real_linker_loads() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let programs = ["/usr/bin/sort", "/usr/bin/python3", "/usr/bin/skopeo", "/usr/bin/tar"];
    let here: Vec<&str> = programs.into_iter().filter(|p| Path::new(p).exists()).collect();
    assert!(here.len() >= 3, "the set-up installs them: {here:?}");
    for program in here {
        let real = |p: &Path| p.canonicalize().unwrap();
        let wanted: BTreeSet<PathBuf> = ldd(program).iter().map(|p| real(p)).collect();
        assert!(!wanted.is_empty(), "{program}");
        let mut layer = LayerBuilder::new();
        // As Debian has it: the folders at the top are links.
        for top in ["lib", "lib64", "bin"] {
            if Path::new("/").join(top).is_symlink() {
                layer = layer.symlink(top, &format!("usr/{top}"));
            }
        }
        let mut there = BTreeSet::new();
        let linked: Vec<PathBuf> = ldd(program);
        // Every name on the way: the path that is asked for and the file that it leads to.
        let mut add = |layer: LayerBuilder, path: &Path| {
            let folder = path.parent().unwrap().canonicalize().unwrap();
            let at = folder.join(path.file_name().unwrap());
            if !there.insert(at.clone()) {
                return layer;
            }
            let name = at.strip_prefix("/").unwrap().to_str().unwrap().to_owned();
            match std::fs::read_link(&at) {
                Ok(target) => layer.symlink(&name, target.to_str().unwrap()),
                Err(_) => layer.file_as(&name, 0o755, 0, &std::fs::read(&at).unwrap()),
            }
        };
        layer = add(layer, Path::new(program));
        layer = add(layer, &real(Path::new(program)));
        for path in &linked {
            layer = add(layer, path);
            layer = add(layer, &real(path));
        }
        // Owned by a package, and needed by nothing.
        layer = layer
            .file("usr/lib/unneeded.so.1", "\x7fELF no")
            .file("var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\n")
            .file("var/lib/dpkg/info/x.list", "/usr/lib/unneeded.so.1\n");
        let image = ImageBuilder::new()
            .layer("ADD rootfs", layer)
            .config("Cmd", serde_json::json!([program]));
        let layout = show(&image.write_layout(&folder.path().join(program.replace('/', "_")), "1"));
        let run = home.run(&["files", &layout, "--needed", "file", "--format", "json"]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let kept: BTreeSet<PathBuf> = run
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|r| Path::new("/").join(r["path"].as_str().unwrap()))
            .collect();
        for library in wanted.iter().chain([&real(Path::new(program))]) {
            assert!(kept.contains(library), "{program} needs {}", library.display());
        }
        assert!(!kept.contains(Path::new("/usr/lib/unneeded.so.1")), "{program}");
    }
}

/// Two copies of a library that another one needs: which is loaded depends on the kind of the program's search
/// path. The older one (`DT_RPATH`) holds for the library too and comes before the environment.
#[test]
fn a_search_path_is_inherited_as_the_real_linker_does_it() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let at = folder.path().canonicalize().unwrap();
    for dir in ["app/lib/deep", "alt"] {
        std::fs::create_dir_all(at.join(dir)).unwrap();
    }
    let gcc = |output: &str, source: &str, more: &[&str]| {
        std::fs::write(at.join("x.c"), source).unwrap();
        let mut run = Command::new("gcc");
        run.args(["-o", output, "x.c", "-Wl,--no-as-needed"]).args(more).current_dir(&at);
        let run = run.output().expect("gcc links Rust programs too");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    for copy in ["app/lib/deep/libinner.so", "alt/libinner.so"] {
        let inner = ["-shared", "-fPIC", "-Wl,-soname,libinner.so"];
        gcc(copy, "int inner(void) { return 0; }", &inner);
    }
    let outer = ["-shared", "-fPIC", "app/lib/deep/libinner.so", "-Wl,-soname,libouter.so"];
    gcc("app/lib/libouter.so", "int outer(void) { return 0; }", &outer);
    for (kind, wanted) in [
        ("-Wl,--disable-new-dtags", "app/lib/deep/libinner.so"),
        ("-Wl,--enable-new-dtags", "alt/libinner.so"),
    ] {
        let path = "-Wl,-rpath,$ORIGIN/lib:$ORIGIN/lib/deep";
        let link = ["-Wl,--allow-shlib-undefined", "-Lapp/lib", "-l:libouter.so"];
        gcc("app/run", "int main(void) { return 0; }", &[&link[..], &[kind, path]].concat());
        let out = Command::new("ldd")
            .arg(at.join("app/run"))
            .env("LD_LIBRARY_PATH", at.join("alt"))
            .output()
            .unwrap();
        let real = String::from_utf8(out.stdout).unwrap();
        assert!(real.contains(&show(&at.join(wanted))), "{kind}: {real}");

        let names =
            ["app/run", "app/lib/libouter.so", "app/lib/deep/libinner.so", "alt/libinner.so"];
        let mut layer = LayerBuilder::new();
        for name in names {
            layer = layer.file_as(name, 0o755, 0, &std::fs::read(at.join(name)).unwrap());
        }
        let owned: String = names.iter().map(|n| format!("/{n}\n")).collect();
        let layer = layer
            .file("var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\n")
            .file("var/lib/dpkg/info/x.list", owned);
        let image = ImageBuilder::new()
            .layer("ADD rootfs", layer)
            .config("Env", serde_json::json!(["LD_LIBRARY_PATH=/alt"]))
            .config("Cmd", serde_json::json!(["/app/run"]));
        let layout = show(&image.write_layout(&at.join(kind.trim_start_matches('-')), "1"));
        let kept = home.run(&["files", &layout, "--needed", "file", "--format", "json"]).json();
        let kept: BTreeSet<&str> =
            kept.as_array().unwrap().iter().map(|r| r["path"].as_str().unwrap()).collect();
        // The folder of the environment is kept as a whole.
        let deep = "app/lib/deep/libinner.so";
        assert_eq!(kept.contains(deep), deep == wanted, "{kind}: {kept:?}");
        assert!(kept.contains("alt/libinner.so"), "{kind}: {kept:?}");
    }
}

/// A script that starts another, a compiler, and a secret.
fn shop() -> ImageBuilder {
    let token = ["xoxb-4071", "83925164-5820394716385-", "x7Kd9QmZ2pLw4TnB8vRc5YhJ"].concat();
    ImageBuilder::new()
        .layer(
            "/bin/sh -c #(nop) ADD file:1 in / ",
            with_tools(LayerBuilder::new())
                .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
                .file_as("bin/sh", 0o755, 0, b"#!not really\n")
                .file_as("usr/bin/cc1", 0o755, 0, &vec![b'c'; 400_000])
                .file_as("usr/bin/serve", 0o755, 0, &vec![b's'; 50_000])
                .file(
                    "lib/apk/db/installed",
                    "P:base\nV:1\nF:bin\nR:sh\n\nP:gcc\nV:1\nF:usr/bin\nR:cc1\n\nP:serve\nV:2\nF:usr/bin\nR:serve\n\n",
                ),
        )
        .step("/bin/sh -c #(nop)  CMD [\"/bin/sh\"]")
        .layer(
            "COPY . /shop # buildkit",
            LayerBuilder::new()
                .file_as("shop/start.sh", 0o755, 0, b"#!/bin/sh\nexec serve --port 8080 \"$@\"\n")
                .file("shop/page.html", "hello")
                .file("shop/.env", format!("SLACK={token}\n")),
        )
        .config("WorkingDir", serde_json::json!("/shop"))
        .config("Env", serde_json::json!(["PATH=/usr/bin:/bin"]))
        .config("Entrypoint", serde_json::json!(["./start.sh"]))
}

#[test]
fn why_names_the_way_back_or_says_that_there_is_none() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&shop().write_layout(&folder.path().join("shop"), "1"));
    let mut text = String::new();
    for path in ["/usr/bin/serve", "bin/sh", "/shop/page.html", "/usr/bin/cc1"] {
        let run = home.run(&["why", &layout, path]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        text.push_str(&run.text());
    }
    insta::assert_snapshot!(text);
    let gone = home.run(&["why", &layout, "/nowhere"]);
    assert_eq!((gone.status, gone.text().as_str()), (2, ""), "{}", gone.stderr);
    let json = home.run(&["why", &layout, "/usr/bin/cc1", "--format", "json"]).json();
    assert!(json["kept"].is_null() && json["bytes"] == 400_000, "{json}");
}

#[test]
fn the_advice_is_a_whole_dockerfile_without_the_secret() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&shop().write_layout(&folder.path().join("shop"), "1"));
    let run = home.run(&["advise", &layout, "--emit", "needed-files"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    insta::assert_snapshot!(run.text());
    let own = folder.path().join("Dockerfile");
    std::fs::write(&own, "FROM own:1 AS x\nENV A=1\nCOPY . /shop\n").unwrap();
    let own = home.run(&["advise", &layout, "--dockerfile", &show(&own), "--emit", "needed-files"]);
    assert!(
        own.text().contains("FROM own:1 AS build\nENV A=1\nCOPY . /shop\n\n# What the entry"),
        "{}",
        own.text()
    );
    let json = home.run(&["advise", &layout, "--format", "json"]).json();
    let advice = json["advice"].as_array().unwrap();
    let needed = advice.iter().find(|a| a["id"] == "needed-files").unwrap();
    // The shell, the server, the script, the page and os-release; neither the compiler nor the secret.
    assert_eq!(needed["estimate"]["on_disk"]["likely"], 13 + 50_000 + 38 + 5 + 26);
    let unknown = home.run(&["advise", &layout, "--emit", "x"]);
    assert_eq!(unknown.status, 2, "{}", unknown.stderr);
}

#[test]
fn the_same_base_is_built_on_with_less() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&tutorial().write_layout(&folder.path().join("shop"), "1"));
    let run = home.run(&["advise", &layout, "--emit", "same-base"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    insta::assert_snapshot!("same base, from history", run.text());
    let json = home.run(&["advise", &layout, "--format", "json"]).json();
    let advice =
        json["advice"].as_array().unwrap().iter().find(|a| a["id"] == "same-base").unwrap();
    insta::assert_json_snapshot!(
        "same base, what changes",
        serde_json::json!({
            "changes": advice["changes"], "removes": advice["removes"], "fixes": advice["fixes"],
        })
    );
}

#[test]
fn ones_own_dockerfile_gets_a_patch_that_applies() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&tutorial().write_layout(&folder.path().join("shop"), "1"));
    let own = folder.path().join("Dockerfile");
    std::fs::write(
        &own,
        "# our shop\nFROM debian:12\n\nRUN apt-get update\n# tools\nRUN apt-get install -y nodejs npm\n\nWORKDIR /app\nCOPY . .\nCOPY npmrc /root/.npmrc\nRUN npm install\nRUN rm -f /root/.npmrc\nEXPOSE 3000\nCMD [\"node\", \"server.js\"]\n",
    )
    .unwrap();
    let name = show(&own);
    let whole = home.run(&["advise", &layout, "--dockerfile", &name, "--emit", "same-base"]);
    let patch =
        home.run(&["advise", &layout, "--dockerfile", &name, "--emit", "same-base", "--patch"]);
    assert_eq!(patch.status, 0, "{}", patch.stderr);
    insta::assert_snapshot!("same base, as a patch", patch.text());
    let file = folder.path().join("own.patch");
    std::fs::write(&file, patch.text()).unwrap();
    let done = std::process::Command::new("git")
        .args(["apply", "own.patch"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(std::fs::read_to_string(&own).unwrap(), whole.text());
}

#[test]
fn what_the_start_does_not_lead_to_is_summed_up() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&shop().write_layout(&folder.path().join("shop"), "1"));
    let report = home.run(&["inspect", &layout, "--format", "json"]).json();
    let unreached = &report["unreached"];
    let bytes = unreached["bytes"].as_u64().unwrap();
    // The compiler, the package database and the tools that a build stage has.
    assert!((400_000..401_000).contains(&bytes), "{unreached}");
    assert!(unreached["sure"].as_u64().unwrap() <= bytes, "{unreached}");
    assert_eq!(unreached["kinds"][0]["what"], "build tools", "{unreached}");
    let text = home.run(&["inspect", &layout]).text();
    let lines: Vec<&str> = text.lines().collect();
    let at = |label: &str| lines.iter().position(|l| l.starts_with(label)).unwrap();
    assert!(at("Unneeded") < at("Waste"), "{text}");
    // Of what starts a shell and nothing else, anything may be needed.
    let shell = shop().config("Entrypoint", serde_json::json!(["/bin/sh"]));
    let layout = show(&shell.write_layout(&folder.path().join("shell"), "1"));
    let report = home.run(&["inspect", &layout, "--format", "json"]).json();
    assert!(report["unreached"].is_null(), "{}", report["unreached"]);
}
