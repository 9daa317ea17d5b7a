use super::*;
use crate::analyze::{
    Dynamic, ElfFact, Facts, Linked, OwnedFiles, PackageRecord, References, Relations,
};
use crate::image::testing::{dir, entry, facts_of, indexed, sized, symlink};
use crate::layer::{Entry, EntryKind};
use proptest::prelude::*;

/// An image of one layer, with facts by path.
#[derive(Default)]
struct Made {
    entries: Vec<Entry>,
    facts: Facts,
    config: ContainerConfig,
}

impl Made {
    fn add(&mut self, entry: Entry) -> u32 {
        self.entries.push(entry);
        self.entries.len() as u32 - 1
    }

    fn file(&mut self, path: &str) -> u32 {
        self.add(Entry { mode: 0o755, ..sized(path, 1000) })
    }

    fn elf(&mut self, path: &str, needed: &[&str]) {
        let entry = self.file(path);
        let needed = needed.iter().map(|n| (*n).to_owned()).collect();
        self.facts.elf.push(ElfFact {
            entry,
            elf_type: 3,
            machine: 62,
            debug_bytes: None,
            interpreter: (!path.contains(".so")).then(|| "/lib64/ld-linux-x86-64.so.2".to_owned()),
            dynamic: Dynamic::Linked(Linked { needed, ..Linked::default() }),
            strings: vec![],
        });
    }

    fn text(&mut self, path: &str, found: References) {
        let entry = self.file(path);
        self.facts.references.push(References { entry, ..found });
    }

    fn package(&mut self, name: &str, needs: &[&str], paths: &[&str]) {
        let entry =
            match self.entries.iter().position(|e| e.path.to_text() == "lib/apk/db/installed") {
                Some(n) => n as u32,
                None => self.file("lib/apk/db/installed"),
            };
        self.facts.packages.push(PackageRecord {
            entry,
            kind: PackageKind::Apk,
            name: name.to_owned(),
            version: "1".to_owned(),
            architecture: None,
            source: None,
            declared_bytes: None,
            root: None,
            relations: Relations {
                needs: needs.iter().map(|n| vec![(*n).to_owned()]).collect(),
                ..Relations::default()
            },
            ..PackageRecord::of(PackageKind::Apk)
        });
        let paths = paths.iter().map(|p| LayerPath::from(*p)).collect();
        self.facts.owned.push(OwnedFiles {
            entry,
            kind: PackageKind::Apk,
            package: name.to_owned(),
            paths,
        });
    }

    /// The kept paths of a mode, with a `*` where a later mode keeps it only.
    fn kept(self, mode: Mode) -> (Vec<String>, Vec<String>) {
        let layers = vec![indexed(self.entries, self.facts)];
        let facts = facts_of(layers);
        let closure = Closure::of(&facts, &self.config);
        let kept = closure.files(mode).map(|(p, _)| p.to_text()).collect();
        (kept, closure.unclear.clone())
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|w| (*w).to_owned()).collect()
}

/// A system of two programs in packages, a compiler, and what both need.
fn system() -> Made {
    let mut made = Made::default();
    made.elf("lib64/ld-linux-x86-64.so.2", &[]);
    made.elf("usr/lib/libc.so.6", &[]);
    made.elf("usr/lib/libserve.so.1", &["libc.so.6"]);
    made.elf("usr/sbin/serve", &["libserve.so.1"]);
    made.file("usr/share/serve/data");
    made.file("usr/share/doc/serve/manual");
    made.elf("usr/bin/gcc", &["libc.so.6"]);
    made.file("usr/lib/plugin");
    made.package("libc", &[], &["lib64/ld-linux-x86-64.so.2", "usr/lib/libc.so.6"]);
    made.package("libserve", &["plugin"], &["usr/lib/libserve.so.1"]);
    made.package(
        "serve",
        &["libserve"],
        &["usr/sbin/serve", "usr/share/serve/data", "usr/share/doc/serve/manual"],
    );
    made.package("plugin", &[], &["usr/lib/plugin"]);
    made.package("gcc", &["libc"], &["usr/bin/gcc"]);
    made.config.cmd = words(&["serve"]);
    made
}

#[test]
fn links_are_followed_and_packages_completed() {
    let (file, unclear) = system().kept(Mode::File);
    assert_eq!(
        file,
        [
            "lib64/ld-linux-x86-64.so.2",
            "usr/lib/libc.so.6",
            "usr/lib/libserve.so.1",
            "usr/sbin/serve"
        ]
    );
    assert!(unclear.is_empty(), "{unclear:?}");
    let (package, _) = system().kept(Mode::Package);
    // The manual is of the package and read by no program; the compiler is of no needed package.
    assert_eq!(
        package,
        [
            "lib64/ld-linux-x86-64.so.2",
            "usr/lib/libc.so.6",
            "usr/lib/libserve.so.1",
            "usr/lib/plugin",
            "usr/sbin/serve",
            "usr/share/serve/data",
        ]
    );
}

#[test]
fn a_script_leads_to_its_shell_and_commands() {
    let mut made = system();
    made.text(
        "app/start.sh",
        References {
            interpreter: words(&["/bin/sh"]),
            commands: words(&["serve", "nowhere"]),
            paths: words(&["/etc/serve/serve.conf"]),
            runs_arguments: true,
            ..References::default()
        },
    );
    made.elf("usr/bin/dash", &["libc.so.6"]);
    made.package("dash", &[], &["usr/bin/dash"]);
    made.add(symlink("bin", "usr/bin"));
    made.add(symlink("usr/bin/sh", "dash"));
    made.text(
        "etc/serve/serve.conf",
        References { includes: words(&["conf.d/*.conf"]), ..References::default() },
    );
    made.file("etc/serve/conf.d/a.conf");
    made.config.entrypoint = words(&["/app/start.sh"]);
    made.config.cmd = vec![];
    let (kept, unclear) = made.kept(Mode::File);
    for path in [
        "app/start.sh",
        "bin",
        "usr/bin/sh",
        "usr/bin/dash",
        "usr/sbin/serve",
        "etc/serve/serve.conf",
        "etc/serve/conf.d/a.conf",
        "usr/lib/libc.so.6",
    ] {
        assert!(kept.iter().any(|k| k == path), "{path}: {kept:?}");
    }
    assert!(!kept.iter().any(|k| k == "usr/bin/gcc"), "{kept:?}");
    assert!(unclear.is_empty(), "{unclear:?}");
}

#[test]
fn what_cannot_be_told_is_said_and_leaves_only_sound() {
    for (cmd, said) in [
        (vec![], "neither an entry point nor a command"),
        (vec!["/gone"], "/gone is started and is not in the image"),
        (vec!["/bin/sh", "-c", "$RUN now"], "what a variable holds"),
        (vec!["/bin/sh", "-c", "eval x"], "eval"),
    ] {
        let mut made = system();
        made.elf("bin/sh", &[]);
        made.config.cmd = words(&cmd);
        let (_, unclear) = made.kept(Mode::File);
        assert!(unclear.iter().any(|u| u.contains(said)), "{cmd:?}: {unclear:?}");
    }
}

#[test]
fn the_applications_files_stay_and_the_junk_of_its_build_goes() {
    let mut made = system();
    for path in [
        "app/a.py",
        "app/__pycache__/a.cpython-311.pyc",
        "app/.git/config",
        "app/target/release/x",
        "app/Cargo.toml",
        "app/data",
        "root/.cache/pip/x",
        "app/__pycache__/alone.cpython-311.pyc",
    ] {
        made.file(path);
    }
    let (kept, _) = made.kept(Mode::File);
    let app: Vec<&String> =
        kept.iter().filter(|k| k.starts_with("app/") || k.starts_with("root")).collect();
    assert_eq!(
        app,
        ["app/Cargo.toml", "app/__pycache__/alone.cpython-311.pyc", "app/a.py", "app/data"]
    );
}

#[test]
fn a_reason_leads_back_to_what_starts() {
    let made = system();
    let layers = vec![indexed(made.entries, made.facts)];
    let facts = facts_of(layers);
    let closure = Closure::of(&facts, &made.config);
    let steps = closure.why(&LayerPath::from("usr/lib/libc.so.6"));
    let text: Vec<String> = steps.iter().map(|s| format!("{}: {}", s.path, s.because)).collect();
    assert_eq!(
        text,
        [
            "/usr/lib/libc.so.6: /usr/lib/libserve.so.1 is linked to libc.so.6",
            "/usr/lib/libserve.so.1: /usr/sbin/serve is linked to libserve.so.1",
            "/usr/sbin/serve: the image starts it",
        ]
    );
    assert!(closure.why(&LayerPath::from("usr/bin/gcc")).is_empty());
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let path = "(usr|lib|etc|app)(/[ab]){0,3}";
    prop_oneof![
        path.prop_map(|p| sized(&p, 10)),
        path.prop_map(|p| dir(&p)),
        (path, "(/|\\.\\./)?(usr|lib|app|a|b)(/[ab.]{1,2}){0,2}")
            .prop_map(|(p, t)| symlink(&p, &t)),
        path.prop_map(|p| entry(&p, EntryKind::Fifo, None)),
    ]
}

proptest! {
    /// Cyclic links, files in the place of folders: nothing hangs or panics, and each set holds the one before.
    #[test]
    fn any_tree_has_a_closure(
        entries in proptest::collection::vec(any_entry(), 0..20),
        words in proptest::collection::vec("(/usr/a|/lib/b|a|sh|-c|/app)", 0..4),
        dir in "(/app|/usr/a|)",
    ) {
        let config = ContainerConfig { cmd: words, working_dir: dir, ..ContainerConfig::default() };
        let layers = vec![indexed(entries, Facts::default())];
            let facts = facts_of(layers);
        let closure = Closure::of(&facts, &config);
        let sets = [Mode::File, Mode::Package, Mode::Sound].map(|m| closure.files(m).count());
        prop_assert!(sets[0] <= sets[1] && sets[1] <= sets[2]);
        for (path, _) in closure.files(Mode::Sound) {
            prop_assert!(!closure.why(&path).is_empty());
        }
    }
}
