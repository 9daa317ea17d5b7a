//! Which library a program of Alpine's loads: the closure against musl's own linker, in a root of its own.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A program that needs a library which needs another one, of which there are several copies.
struct Root(TempDir);

impl Root {
    /// `search`: the search paths of the program and of its library, as options of the linker. The library lies at
    /// `outer`, copies of the other one in these folders.
    fn new(program: &str, library: &str, outer: &str, inner: &[&str]) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        fs::copy(linker(), root.make(&show(&linker())[1..])).unwrap();
        let shared = |soname: &str| format!("-shared -fPIC -Wl,-soname,{soname}");
        for folder in inner {
            root.gcc(&format!("{folder}/libinner.so"), &shared("libinner.so"), &[]);
        }
        let some = format!("{}/libinner.so", inner[0]);
        root.gcc(outer, &format!("{} {library}", shared("libouter.so")), &[&some]);
        root.gcc("app/run", program, &[outer]);
        root
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A place with the folders to it.
    fn make(&self, path: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn gcc(&self, output: &str, options: &str, with: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("x.c");
        let main = if output.ends_with("run") { "main" } else { "inner" };
        fs::write(&source, format!("int {main}(void) {{ return 0; }}")).unwrap();
        let run = Command::new("musl-gcc")
            .args(["-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined", "-o"])
            .arg(self.make(output))
            .arg(&source)
            .args(options.split_whitespace())
            .args(with.iter().map(|w| self.path().join(w)))
            .output()
            .expect("musl-gcc is installed by tests/setup");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Where musl's linker finds the inner library.
    fn loaded(&self, env: Option<&str>) -> Option<String> {
        // It runs as root, which has to be asked for where the tests do not.
        let out = Command::new("/usr/sbin/chroot")
            .arg(self.path())
            .args([&show(&linker()), "--list", "/app/run"])
            .envs(env.map(|folders| ("LD_LIBRARY_PATH", folders)))
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let line = text.lines().find_map(|l| l.trim().strip_prefix("libinner.so => /"))?;
        // A link of a name is followed by the kernel, not by the linker.
        let real = self.path().join(line.split(' ').next()?).canonicalize().unwrap();
        Some(show(real.strip_prefix(self.path().canonicalize().unwrap()).unwrap()))
    }

    fn layer(&self) -> LayerBuilder {
        let mut layer = LayerBuilder::new();
        let mut owned = String::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = show(path.strip_prefix(self.path()).unwrap());
                let meta = path.symlink_metadata().unwrap();
                if meta.is_dir() {
                    folders.push(path);
                    continue;
                }
                owned.push_str(&format!("/{name}\n"));
                layer = match meta.is_symlink() {
                    true => layer.symlink(&name, &show(&fs::read_link(&path).unwrap())),
                    false => {
                        let mode = meta.permissions().mode() & 0o777;
                        layer.file_as(&name, mode, 0, &fs::read(&path).unwrap())
                    }
                };
            }
        }
        layer
            .file("var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\n")
            .file("var/lib/dpkg/info/x.list", owned)
    }

    /// Copies of the inner library that careen keeps.
    fn kept(&self, env: Option<&str>) -> BTreeSet<String> {
        let mut image = ImageBuilder::new()
            .layer("ADD rootfs", self.layer())
            .config("Cmd", serde_json::json!(["/app/run"]));
        if let Some(folders) = env {
            let env = format!("LD_LIBRARY_PATH={folders}");
            image = image.config("Env", serde_json::json!([env]));
        }
        let folder = tempfile::tempdir().unwrap();
        let layout = show(&image.write_layout(folder.path(), "1"));
        let run = Home::new().run(&["files", &layout, "--needed", "file", "--format", "json"]);
        let rows = run.json();
        let paths = rows.as_array().unwrap().iter().map(|r| r["path"].as_str().unwrap().to_owned());
        paths.filter(|p| p.ends_with("/libinner.so")).collect()
    }

    /// Both are asked, and agree; the copy that is loaded.
    #[track_caller]
    fn compare(&self, env: Option<&str>) -> Option<String> {
        let loaded = self.loaded(env);
        let mut kept = self.kept(env);
        // What is not found where the linker looks may be told to it: every copy is kept.
        if loaded.is_some() {
            // The folder of the environment is kept as a whole.
            kept.retain(|p| {
                env.is_none_or(|e| !p.starts_with(&e[1..])) || Some(p) == loaded.as_ref()
            });
            assert_eq!(kept, BTreeSet::from_iter(loaded.clone()), "{env:?}");
        }
        loaded
    }
}

fn linker() -> PathBuf {
    let linkers = fs::read_dir("/lib").unwrap().map(|e| e.unwrap().path());
    let mut linkers = linkers.filter(|p| show(p).starts_with("/lib/ld-musl-"));
    linkers.next().expect("musl is installed by tests/setup")
}

/// Both kinds of search path hold for the libraries of a library, and both come behind the environment.
#[test]
fn musl_inherits_either_kind_of_search_path_behind_the_environment() {
    for kind in ["--disable-new-dtags", "--enable-new-dtags"] {
        let search = format!("-Wl,{kind},-rpath,$ORIGIN/lib:$ORIGIN/lib/deep");
        let copies = ["app/lib/deep", "alt", "lib"];
        let root = Root::new(&search, "", "app/lib/libouter.so", &copies);
        assert_eq!(root.compare(None).as_deref(), Some("app/lib/deep/libinner.so"), "{kind}");
        assert_eq!(root.compare(Some("/alt")).as_deref(), Some("alt/libinner.so"), "{kind}");
    }
    // An object's own comes first.
    let root = Root::new(
        "-Wl,-rpath,/app/lib:/alt",
        "-Wl,-rpath,$ORIGIN/deep",
        "app/lib/libouter.so",
        &["app/lib/deep", "alt"],
    );
    assert_eq!(root.compare(None).as_deref(), Some("app/lib/deep/libinner.so"));
}

#[test]
fn musl_looks_in_three_folders_or_in_those_of_its_file() {
    let copies = ["lib", "usr/local/lib", "usr/lib", "usr/lib64", "opt"];
    let root = Root::new("-Wl,-rpath,$ORIGIN", "", "app/libouter.so", &copies);
    for (n, folder) in copies[..3].iter().enumerate() {
        assert_eq!(root.compare(None), Some(format!("{folder}/libinner.so")), "{n}");
        fs::remove_file(root.path().join(folder).join("libinner.so")).unwrap();
    }
    assert_eq!(root.compare(None), None, "usr/lib64 is none of them");
    let name = show(&linker());
    let file = format!("etc/{}.path", name.trim_start_matches("/lib/").trim_end_matches(".so.1"));
    fs::write(root.make(&file), "/opt\n").unwrap();
    assert_eq!(root.compare(None).as_deref(), Some("opt/libinner.so"));
}

/// `$ORIGIN` is the folder of the name that was found, be it a link; a variable that musl does not know makes it
/// leave the whole path out.
#[test]
fn musl_puts_the_folder_of_the_link_for_the_origin() {
    let program = "-Wl,-rpath,/app/lib:/alt";
    let library = "-Wl,-rpath,$ORIGIN/deep";
    let copies = ["app/lib/deep", "real/deep", "alt"];
    let root = Root::new(program, library, "real/libouter.so", &copies);
    symlink("../../real/libouter.so", root.make("app/lib/libouter.so")).unwrap();
    assert_eq!(root.compare(None).as_deref(), Some("app/lib/deep/libinner.so"));
    // Links on the way to the folder are followed before `..` is.
    let root =
        Root::new(program, "-Wl,-rpath,$ORIGIN/../x", "far/off/libouter.so", &["far/x", "x"]);
    symlink("../far/off", root.make("app/lib")).unwrap();
    assert_eq!(root.compare(None).as_deref(), Some("far/x/libinner.so"));
    let library = "-Wl,-rpath,/real:/real/$LIB";
    let root = Root::new(program, library, "app/lib/libouter.so", &["real", "alt"]);
    assert_eq!(root.compare(None).as_deref(), Some("alt/libinner.so"));
    let library = "-Wl,-rpath,/.${ORIGIN}/deep";
    let root = Root::new(program, library, "app/lib/libouter.so", &["app/lib/deep", "alt"]);
    assert_eq!(root.compare(None).as_deref(), Some("app/lib/deep/libinner.so"));
}
