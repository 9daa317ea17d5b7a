//! Distributions of Python that imports lead to, and those that they do not.

use super::*;
use crate::analyze::modules::ModuleAnalyzer;
use crate::analyze::packages::PythonAnalyzer;
use crate::analyze::{Analyzer, Facts};
use crate::image::testing::{dir, facts_of, file, indexed};
use crate::layer::Interest;

const SITE: &str = "usr/local/lib/python3.11/site-packages";

/// An image of Python from the texts of its files.
struct Made {
    files: Vec<(String, String)>,
    folders: Vec<String>,
    config: ContainerConfig,
}

impl Made {
    fn new(files: &[(&str, &str)]) -> Self {
        let mut made =
            Self { files: Vec::new(), folders: Vec::new(), config: ContainerConfig::default() };
        for (path, text) in [
            ("usr/local/bin/python3.11", "\u{7f}ELF"),
            ("usr/local/lib/python3.11/os.py", "import stat"),
            ("usr/local/lib/python3.11/site.py", "import os"),
            ("usr/local/lib/python3.11/stat.py", "x"),
            ("usr/local/lib/python3.11/cmd.py", "x"),
        ]
        .iter()
        .chain(files)
        {
            made.files.push(((*path).to_owned(), (*text).to_owned()));
        }
        made.config.cmd = ["python3.11", "app.py"].map(str::to_owned).to_vec();
        made.config.working_dir = "/app".to_owned();
        made
    }

    /// Installs a distribution of one package; each file is named from the folder of all.
    fn dist(mut self, name: &str, metadata: &str, files: &[(&str, &str)]) -> Self {
        let info = format!("{name}-1.dist-info");
        let mut record = format!("{info}/METADATA,,\n{info}/RECORD,,\n");
        for (path, text) in files {
            record += &format!("{path},,\n");
            self.files.push((format!("{SITE}/{path}"), (*text).to_owned()));
        }
        let metadata = format!("Name: {name}\nVersion: 1\n{metadata}\n");
        self.files.push((format!("{SITE}/{info}/METADATA"), metadata));
        self.files.push((format!("{SITE}/{info}/RECORD"), record));
        self
    }

    fn closure<T>(self, look: impl FnOnce(&Closure) -> T) -> T {
        let mut entries: Vec<_> = self.files.iter().map(|(p, t)| file(p, t.as_bytes())).collect();
        entries.extend(self.folders.iter().map(|p| dir(p)));
        let mut facts = Facts::default();
        let mut analyzers: [Box<dyn Analyzer>; 2] =
            [Box::new(ModuleAnalyzer::new()), Box::new(PythonAnalyzer::new())];
        for (number, entry) in entries.iter().enumerate().take(self.files.len()) {
            for analyzer in &mut analyzers {
                if analyzer.begin(number as u32, entry) != Interest::Skip {
                    analyzer.chunk(self.files[number].1.as_bytes());
                    analyzer.end(&mut facts);
                }
            }
        }
        let facts = facts_of(vec![indexed(entries, facts)]);
        look(&Closure::of(&facts, &self.config))
    }

    /// Which of the distributions' modules are kept by their imports.
    fn kept(self) -> Vec<String> {
        self.closure(|closure| {
            let all: Vec<String> = closure.files(Mode::File).map(|(p, _)| p.to_text()).collect();
            let sound = closure.files(Mode::Sound).count();
            assert_eq!(
                sound,
                closure.items.len(),
                "nothing is left out of what claims to be sound"
            );
            let of = |p: String| Some(p.strip_prefix(SITE)?[1..].to_owned());
            all.into_iter().filter_map(of).filter(|p| !p.contains("dist-info")).collect()
        })
    }
}

/// Something large: nothing keeps it for being small.
fn large() -> String {
    "x = 1 # ".to_owned() + &"a".repeat(4 << 20)
}

#[test]
fn a_distribution_is_kept_if_an_import_leads_to_it() {
    let large = large();
    let made = Made::new(&[("app/app.py", "import web\n\ndef f():\n    from deep.er import x\n")])
        .dist(
            "web",
            "Requires-Dist: needed",
            &[("web/__init__.py", ""), ("web/a.py", "import other")],
        )
        .dist("needed", "", &[("needed.py", "")])
        .dist("deep", "", &[("deep/er.py", &large)])
        // `web` may load it, and it is there for its own sake.
        .dist("other", "", &[("other.py", &large)])
        // Here for another that nothing loads.
        .dist("lab", "Requires-Dist: tool", &[("lab.py", &large)])
        .dist("tool", "", &[("tool.py", "")])
        .dist("web2", "", &[("web2/__init__.py", &large)]);
    assert_eq!(made.kept(), ["deep/er.py", "needed.py", "other.py", "web/__init__.py", "web/a.py"]);
}

#[test]
fn what_others_only_try_counts_where_the_application_speaks_of_it() {
    let large = large();
    let frames =
        [("pandas/__init__.py", "try:\n    import pyarrow\nexcept ImportError:\n    pass\n")];
    let made = |app: &str| {
        Made::new(&[("app/app.py", app)])
            .dist("pandas", "", &frames)
            .dist("pyarrow", "", &[("pyarrow/__init__.py", &large)])
            .kept()
    };
    assert_eq!(made("import pandas"), ["pandas/__init__.py"]);
    let both = ["pandas/__init__.py", "pyarrow/__init__.py"];
    assert_eq!(made("import pandas\nx.to_parquet()"), both);
    // Loading the one comes to the other in any case.
    let sure = Made::new(&[("app/app.py", "import pandas")])
        .dist(
            "pandas",
            "",
            &[("pandas/__init__.py", "from . import b"), ("pandas/b.py", "import pyarrow")],
        )
        .dist("pyarrow", "", &[("pyarrow/__init__.py", &large)]);
    assert_eq!(sure.kept(), ["pandas/__init__.py", "pandas/b.py", "pyarrow/__init__.py"]);
}

#[test]
fn what_is_named_by_text_setting_command_or_as_a_plugin_is_kept() {
    let large = large();
    for (app, config, plugin) in [
        ("INSTALLED_APPS = ['thing']", "", ""),
        ("E = 'thing.backends.X'", "", ""),
        ("x", "class=thing.X", ""),
        ("import_module('thing')", "", ""),
        ("import web", "", "[web.plugins]\na = thing"),
    ] {
        let mut made = Made::new(&[("app/app.py", app), ("app/a.ini", config)])
            .dist("web", "", &[("web.py", &large)])
            .dist(
                "thing",
                "",
                &[("thing/__init__.py", &large), ("thing-1.dist-info/entry_points.txt", plugin)],
            );
        made.config.env.push("OTHER=x".to_owned());
        let kept = made.kept();
        assert!(
            kept.contains(&"thing/__init__.py".to_owned()),
            "{app} {config} {plugin}: {kept:?}"
        );
    }
    for word in ["-m thing.run", "thing+x://u:p@h"] {
        let mut made = Made::new(&[("app/app.py", "x")]).dist("thing", "", &[("thing.py", &large)]);
        made.config.env.push(format!("WITH={word}"));
        assert_eq!(made.kept(), ["thing.py"], "{word}");
    }
    let made = Made::new(&[("app/app.py", "x")]).dist("thing", "", &[("thing.py", &large)]);
    assert_eq!(made.kept(), [""; 0]);
}

#[test]
fn folders_come_and_go_with_their_distribution() {
    let large = large();
    let site = "app/venv/lib/python3.11/site-packages";
    let mut made = Made::new(&[("app/app.py", "import web"), (&format!("{site}/own/x"), "")]);
    for (name, text) in [("web", ""), ("lab", large.as_str())] {
        let (module, info) = (format!("{name}/sub/__init__.py"), format!("{name}-1.dist-info"));
        let record = format!("{module},,\n{info}/METADATA,,\n{info}/RECORD,,\n");
        made.files.push((format!("{site}/{module}"), text.to_owned()));
        made.files.push((format!("{site}/{info}/METADATA"), format!("Name: {name}\nVersion: 1\n")));
        made.files.push((format!("{site}/{info}/RECORD"), record));
        made.folders.extend([format!("{site}/{name}"), format!("{site}/{name}/sub")]);
    }
    made.folders.extend([site.to_owned(), format!("{site}/own")]);
    made.closure(|closure| {
        let keeps = |path: &str| {
            closure.keeps(&LayerPath::from(format!("{site}/{path}").as_str()), Mode::File)
        };
        assert!(keeps("") && keeps("own") && keeps("web") && keeps("web/sub"));
        assert!(keeps("web/sub/__init__.py"));
        assert!(!keeps("lab") && !keeps("lab/sub") && !keeps("lab/sub/__init__.py"));
    });
}

#[test]
fn what_is_small_and_asked_for_stays_unless_it_is_a_tool() {
    let made = Made::new(&[("app/app.py", "__import__(a + b)")])
        .dist("bcrypt", "Requires-Dist: part", &[("bcrypt.py", "")])
        .dist("part", "", &[("part.py", "")])
        .dist("pytest", "", &[("pytest.py", "")])
        .dist("types-x", "", &[("x-stubs/a.pyi", "")]);
    assert_eq!(made.kept(), ["bcrypt.py", "part.py"]);
}

#[test]
fn tests_of_the_application_load_nothing_unless_it_loads_them() {
    let large = large();
    let made = |app: &str| {
        let files = [
            ("app/app.py", app),
            ("app/tests/__init__.py", ""),
            ("app/tests/helper.py", "import lib"),
        ];
        Made::new(&files).dist("lib", "", &[("lib.py", &large)]).kept()
    };
    assert_eq!(made("import os"), [""; 0]);
    assert_eq!(made("from tests import helper"), ["lib.py"]);
}

#[test]
fn where_imports_do_not_tell_all_is_kept() {
    let large = large();
    let made = |files: &[(&str, &str)]| Made::new(files).dist("lib", "", &[("lib.py", &large)]);
    let left = |made: Made| made.kept().is_empty();
    assert!(left(made(&[("app/app.py", "import os")])));
    // Compiled, in an archive, not there, typed in, a base for others.
    assert!(!left(made(&[("app/app.py", ""), ("app/core.cpython-311-x86_64-linux-gnu.so", "")])));
    assert!(!left(made(&[("app/app.py", ""), ("app/old.pyc", "")])));
    assert!(!left(made(&[("app/app.py", ""), ("app/tool.pyz", "")])));
    assert!(!left(made(&[("app/other.py", "import os")])));
    for cmd in ["python3.11", "bash", "/usr/bin/ipython3"] {
        let mut made = made(&[("app/app.py", "import os")]);
        made.config.cmd = vec![cmd.to_owned()];
        assert!(!left(made), "{cmd}");
    }
    let mut base = made(&[("app/app.py", "import os")]);
    base.config.on_build.push("COPY . .".to_owned());
    assert!(!left(base));
}

#[test]
fn the_reason_names_the_source_and_its_line() {
    let made = Made::new(&[("app/app.py", "import os\nimport web.a\n")])
        .dist("web", "", &[("web/__init__.py", "import cmd"), ("web/a.py", ""), ("web/data", "")])
        .dist("lab", "", &[("lab.py", &large())]);
    made.closure(|closure| {
        let why = |path: &str| {
            let steps = closure.why(&LayerPath::from(format!("{SITE}/{path}").as_str()));
            steps.into_iter().map(|s| (s.mode, s.because)).next().unwrap()
        };
        let imports = "/app/app.py imports web.a (line 2)".to_owned();
        assert_eq!(why("web/a.py"), (Mode::File, imports.clone()));
        let (mode, because) = why("web/data");
        assert_eq!(mode, Mode::File);
        assert!(because.contains("of the same package, web"), "{because}");
        let (mode, because) = why("lab.py");
        assert_eq!(mode, Mode::Sound);
        assert!(because.starts_with("it is only maybe needed"), "{because}");
        // What a start loads, its compiled form is worth to keep.
        let starts = |path: &str| closure.starts(&LayerPath::from(path));
        let lib = "usr/local/lib/python3.11";
        assert!(starts(&format!("{lib}/stat.py")) && starts("app/app.py"));
        assert!(starts(&format!("{lib}/cmd.py")) && starts(&format!("{SITE}/web/a.py")));
        assert!(!starts(&format!("{SITE}/lab.py")));
    });
}
