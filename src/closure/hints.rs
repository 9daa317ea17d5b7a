//! Distributions of Python that others load where they are there, without needing them: tools of development,
//! and libraries whose objects a program must make itself. Only their words in the application's own files
//! make such a load count.

use super::units::Language;

/// Names as PyPI compares them, and the words (of [`crate::analyze::modules::WORDS`]) that speak for a use.
const HINTS: [(&[&str], &[&str]); 21] = [
    (&["pip"], &["pip"]),
    (&["setuptools", "pkg-resources"], &["setuptools", "pkg_resources"]),
    (&["cython"], &["cython"]),
    (&["numba", "llvmlite"], &["numba"]),
    (&["pandas", "geopandas"], &["pandas", "as_frame"]),
    (&["polars"], &["polars"]),
    (&["pyarrow"], &["pyarrow", "arrow", "parquet", "feather", "orc"]),
    (&["matplotlib", "seaborn"], &["matplotlib", "seaborn", "plot"]),
    (&["plotly", "kaleido"], &["plotly", "plot"]),
    (&["bokeh"], &["bokeh", "plot"]),
    (&["dask", "distributed"], &["dask", "distributed"]),
    (&["xarray"], &["xarray"]),
    (&["torch", "torchvision", "torchaudio"], &["torch"]),
    (&["tensorflow", "tensorflow-cpu", "keras"], &["tensorflow"]),
    (&["jax", "jaxlib"], &["jax"]),
    (&["cupy"], &["cupy"]),
    (&["ipython", "ipykernel", "ipywidgets"], &["ipython", "IPython", "ipykernel", "ipywidgets"]),
    (
        &[
            "jupyter",
            "jupyterlab",
            "notebook",
            "nbconvert",
            "nbformat",
            "jupyter-server",
            "nbclassic",
        ],
        &["jupyter", "notebook", "nbconvert", "nbformat"],
    ),
    (&["pytest", "hypothesis"], &["pytest", "hypothesis"]),
    (&["sphinx"], &["sphinx"]),
    (
        &[
            "wheel",
            "black",
            "mypy",
            "ruff",
            "flake8",
            "pylint",
            "isort",
            "pre-commit",
            "tox",
            "nox",
            "coverage",
            "twine",
            "build",
            "poetry",
            "pipenv",
            "virtualenv",
            "uv",
            "debugpy",
            "ipdb",
            "bandit",
            "autopep8",
            "yapf",
            "pyright",
            "mkdocs",
            "mkdocs-material",
            "pip-tools",
            "django-debug-toolbar",
        ],
        &[],
    ),
];
/// Packages of Node that build, test and check, asked for or not.
const NODE: [&str; 26] = [
    "typescript",
    "webpack",
    "webpack-cli",
    "eslint",
    "prettier",
    "jest",
    "mocha",
    "vitest",
    "vite",
    "rollup",
    "parcel",
    "nodemon",
    "ts-node",
    "tsx",
    "npm",
    "corepack",
    "yarn",
    "pnpm",
    "node-gyp",
    "husky",
    "lint-staged",
    "concurrently",
    "cypress",
    "nyc",
    "rimraf",
    "npm-check-updates",
];
/// Debian's packages of Ruby that test and check.
const RUBY: [&str; 9] = [
    "ruby-rspec",
    "ruby-rspec-core",
    "ruby-rspec-expectations",
    "ruby-rspec-mocks",
    "ruby-rspec-support",
    "rubocop",
    "ruby-rubocop-ast",
    "ruby-pry",
    "ruby-byebug",
];
/// Beginnings and ends of such names.
const BEGINNINGS: [&str; 3] = ["types-", "pytest-", "sphinx-"];
const ENDS: [&str; 2] = ["-stubs", "-stubs-ext"];

/// What speaks for the use of a distribution that is easily loaded and seldom used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint(&'static [&'static str]);

impl Hint {
    /// `name` as PyPI compares it, or as Debian names its package.
    pub fn of(name: &str, language: Language) -> Option<Self> {
        if language == Language::Node {
            let tool = NODE.contains(&name)
                || ["@types/", "eslint-", "@typescript-eslint/"]
                    .iter()
                    .any(|b| name.starts_with(b));
            return tool.then_some(Self(&[]));
        }
        if language == Language::Ruby {
            return RUBY.contains(&name).then_some(Self(&[]));
        }
        let name = name.strip_prefix("python3-").or(name.strip_prefix("py3-")).unwrap_or(name);
        let row = HINTS.iter().find(|(names, _)| names.contains(&name));
        let by_form = BEGINNINGS.iter().any(|b| name.starts_with(b))
            || ENDS.iter().any(|e| name.ends_with(e));
        row.map(|(_, words)| Self(words)).or(by_form.then_some(Self(&[])))
    }

    pub fn words(self) -> &'static [&'static str] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::modules::WORDS;

    #[test]
    fn every_word_is_looked_for() {
        for word in HINTS.iter().flat_map(|(_, words)| *words) {
            assert!(WORDS.contains(word), "{word}");
        }
        let python = |name| Hint::of(name, Language::Python);
        assert_eq!(python("python3-pandas"), python("pandas"));
        assert!(python("pandas").is_some_and(|h| h.words().contains(&"pandas")));
        assert_eq!(python("types-requests").map(Hint::words), Some(&[][..]));
        assert_eq!(python("flask"), None);
        assert!(Hint::of("typescript", Language::Node).is_some());
        assert!(Hint::of("express", Language::Node).is_none());
    }
}
