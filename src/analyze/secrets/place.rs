//! Whose file it is, and whether it is there to show something, by its path alone.
//!
//! A path never dismisses a match: it decides how much other evidence a match needs.

/// What a path says of a value in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Below a folder where package managers put other people's code.
    pub library: bool,
    /// In a folder of the system's own programs.
    pub system: bool,
    /// A test, an example, documentation.
    pub sample: bool,
    /// The file's own name says that it is to be filled in: `.env.example`.
    pub template: bool,
    /// Holds settings, not programs or prose; so does a text that stands in no file.
    pub config: bool,
    /// Holds settings and nothing else, by its very name: `.env`, `settings.py`, `app.ini`.
    pub settings: bool,
    /// Source text of a language whose strings stand in quotes: a bare word is a name.
    pub program: bool,
}

impl Place {
    /// `None`: an environment variable, a label, a build step.
    pub fn of(path: Option<&[u8]>) -> Self {
        let Some(path) = path else {
            return Self { config: true, settings: true, ..Self::default() };
        };
        let lower = path.to_ascii_lowercase();
        let mut parts: Vec<&[u8]> = lower.split(|&b| b == b'/').filter(|p| !p.is_empty()).collect();
        let name = parts.pop().unwrap_or_default();
        let stem = name.split(|&b| b == b'.').next().unwrap_or_default();
        let extension = match name.iter().rposition(|&b| b == b'.') {
            Some(dot) => &name[dot + 1..],
            None => &[],
        };
        let is = |list: &[&str], what: &[u8]| list.iter().any(|w| w.as_bytes() == what);
        let served = parts.iter().any(|p| p == b"html" || p == b"www" || p == b"app");
        let system = |w: &[&[u8]]| w[0] == b"usr" && (w[1] == b"lib" || w[1] == b"share");
        let go = is_source_of_go(&parts);
        let library = go
            || !served && parts.windows(2).any(system)
            || parts.iter().any(|p| is(LIBRARY_FOLDERS, p))
            || parts.windows(2).any(|w| {
                LIBRARY_PAIRS
                    .iter()
                    .any(|(a, b)| a.as_bytes() == w[0] && w[1].starts_with(b.as_bytes()))
            })
            || is(LIBRARY_EXTENSIONS, extension);
        let words =
            |text: &[u8]| text.split(|b| !b.is_ascii_alphabetic()).any(|w| is(SAMPLE_WORDS, w));
        let template =
            is(&["template", "tmpl", "tpl", "dist", "j2", "in", "orig", "default"], extension)
                || name
                    .split(|b| !b.is_ascii_alphabetic())
                    .any(|w| is(&["example", "sample", "template"], w));
        let sample = template
            || go
            || parts.iter().any(|p| words(p))
            || words(name)
            || is(PROSE, extension)
            || is(
                &["readme", "changelog", "changes", "news", "metadata", "pkg-info", "copyright"],
                stem,
            )
            || (parts.contains(&b"man".as_slice()) && stem != name);
        let config = name.starts_with(b".env")
            || is(SETTINGS, extension) && name.contains(&b'.')
            || (name.starts_with(b"config") && extension.is_empty());
        let settings = name.starts_with(b".")
            || is(
                &["env", "envrc", "ini", "conf", "cfg", "cnf", "properties", "tfvars", "npmrc"],
                extension,
            )
            || is(
                &[
                    "settings",
                    "config",
                    "application",
                    "secrets",
                    "credentials",
                    "local_settings",
                    "database",
                ],
                stem,
            );
        let program = is(PROGRAMS, extension);
        let programs = |p: &[u8]| is(&["bin", "sbin", "games", "libexec"], p);
        let system = parts.first().is_some_and(|p| programs(p))
            || parts.windows(2).any(|w| w[0] == b"usr" && programs(w[1]));
        Self { library, system, sample, template, config: config || settings, settings, program }
    }
}

/// Where Go keeps the source of its own library, in its own image and in Debian's packages: the keys there are
/// those of its tests, and everybody has them.
fn is_source_of_go(folders: &[&[u8]]) -> bool {
    folders.windows(3).any(|w| {
        let own = w[0] == b"local" && w[1] == b"go";
        let packaged = matches!(w[0], b"lib" | b"share") && w[1].starts_with(b"go-");
        w[2] == b"src" && (own || packaged)
    })
}

const LIBRARY_FOLDERS: &[&str] = &[
    "site-packages",
    "dist-packages",
    "node_modules",
    "bower_components",
    "gems",
    "jvm",
    "pkgs",
    "goroot",
    "cpan",
    "vendor_perl",
    "ansible_collections",
];
/// A folder, and how the name of one in it begins.
const LIBRARY_PAIRS: &[(&str, &str)] = &[
    ("lib", "python"),
    ("lib", "ruby"),
    ("lib", "perl"),
    ("lib", "node"),
    ("lib", "go"),
    ("lib", "php"),
    ("lib", "gcc"),
    ("lib", "jvm"),
    ("lib", "erlang"),
    ("lib", "rustlib"),
    ("lib", "x86_64"),
    ("lib", "aarch64"),
    ("lib", "git-core"),
    ("lib64", ""),
    ("share", "perl"),
    ("share", "python"),
    ("share", "ruby"),
    ("share", "go"),
    ("share", "java"),
    ("share", "maven"),
    ("share", "nodejs"),
    ("share", "doc"),
    ("share", "man"),
    ("share", "vim"),
    ("share", "emacs"),
    ("share", "locale"),
    ("share", "metasploit"),
    ("share", "nmap"),
    ("share", "javascript"),
    ("share", "php"),
    ("share", "rails"),
    ("share", "rubygems"),
    ("share", "bash-completion"),
    ("share", "info"),
    ("share", "gir"),
    ("usr", "include"),
    ("pkg", "mod"),
    ("registry", "src"),
    ("registry", "cache"),
    (".npm", "_cacache"),
    (".cache", "pip"),
    (".cache", "yarn"),
    (".cache", "go-build"),
    (".gradle", "caches"),
    (".composer", "cache"),
    (".m2", "repository"),
    ("local", "go"),
    ("usr", "games"),
];
/// Made by a build from sources that stand elsewhere.
const LIBRARY_EXTENSIONS: &[&str] = &["map"];
const SAMPLE_WORDS: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "testsuite",
    "testutil",
    "testutils",
    "testlib",
    "unittest",
    "unittests",
    "spec",
    "specs",
    "fixture",
    "fixtures",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "doc",
    "docs",
    "mock",
    "mocks",
    "mocked",
    "conftest",
    "tutorial",
    "tutorials",
    "snippets",
    "cookbook",
    "selftest",
    "selftests",
    "dummy",
    "fake",
    "fakes",
    "stub",
    "stubs",
    "keydata",
    "e2e",
    "benchmark",
    "benchmarks",
];
const PROSE: &[&str] = &[
    "md", "rst", "adoc", "html", "htm", "pod", "tex", "texi", "ipynb", "xhtml", "mdx", "rdoc",
    "po", "pot",
];
const SETTINGS: &[&str] = &[
    "env",
    "properties",
    "ini",
    "cfg",
    "conf",
    "cnf",
    "config",
    "yml",
    "yaml",
    "toml",
    "tfvars",
    "cf",
    "netrc",
    "envrc",
    "local",
    "prod",
    "production",
    "staging",
    "tfstate",
    "cnf",
    "npmrc",
    "rc",
];
const PROGRAMS: &[&str] = &[
    "c", "cc", "cpp", "cs", "cxx", "go", "h", "hpp", "java", "js", "jsx", "kt", "lua", "m", "mjs",
    "cjs", "php", "pl", "pm", "py", "rb", "rs", "scala", "swift", "ts", "tsx", "vue", "groovy",
    "dart", "ex", "exs", "erl", "clj", "r", "jl",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(path: &str) -> String {
        let p = Place::of(Some(path.as_bytes()));
        [(p.library, 'l'), (p.sample, 's'), (p.config, 'c'), (p.program, 'p')]
            .iter()
            .filter(|f| f.0)
            .map(|f| f.1)
            .collect()
    }

    #[test]
    fn paths_tell_places() {
        for (path, want) in [
            ("app/.env", "c"),
            ("root/.npm/_cacache/content-v2/sha512/3c/18/8c", "l"),
            ("root/.cargo/registry/cache/i/tiny-1.0.crate!tiny-1.0/examples/key.pem", "ls"),
            ("app/.env.production", "c"),
            ("app/settings.py", "cp"),
            ("app/tests/fixtures/id_rsa", "s"),
            ("usr/lib/python3/dist-packages/twisted/conch/test/keydata.py", "lsp"),
            ("usr/local/lib/python3.11/site-packages/mine/settings.py", "lcp"),
            ("app/node_modules/private/.npmrc", "lc"),
            ("usr/share/doc/x/README.gz", "ls"),
            ("root/.kube/config", "c"),
            ("srv/index.html", "s"),
            ("usr/share/nginx/html/app.js", "p"),
            ("opt/contest/latest.py", "p"),
            ("etc/nginx/nginx.conf", "c"),
            ("usr/local/go/src/crypto/x509/platform_root_key.pem", "ls"),
            ("usr/share/go-1.19/src/crypto/tls/key.pem", "ls"),
            ("go/src/shop/key.pem", ""),
        ] {
            assert_eq!(flags(path), want, "{path}");
        }
        assert!(Place::of(None).config);
    }
}
