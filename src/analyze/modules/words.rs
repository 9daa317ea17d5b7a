//! Words that hint at the use of a library that no import names.

use super::names::Sink;
use crate::analyze::How;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// All of them; which library each hints at is the closure's to know.
pub const WORDS: [&str; 36] = [
    "arrow",
    "as_frame",
    "bokeh",
    "cupy",
    "cython",
    "dask",
    "distributed",
    "feather",
    "hypothesis",
    "ipython",
    "IPython",
    "ipykernel",
    "ipywidgets",
    "jax",
    "jupyter",
    "matplotlib",
    "nbconvert",
    "nbformat",
    "notebook",
    "numba",
    "orc",
    "pandas",
    "parquet",
    "pip",
    "pkg_resources",
    "plotly",
    "plot",
    "polars",
    "pyarrow",
    "pytest",
    "seaborn",
    "setuptools",
    "sphinx",
    "tensorflow",
    "torch",
    "xarray",
];

static FINDERS: LazyLock<Vec<Finder<'static>>> =
    LazyLock::new(|| WORDS.iter().map(Finder::new).collect());

pub(super) fn read(text: &[u8], sink: &mut Sink) {
    for finder in FINDERS.iter() {
        let Some(at) = finder.find_iter(text).find(|&at| stands_alone(text, at, finder.needle()))
        else {
            continue;
        };
        if let Ok(word) = std::str::from_utf8(finder.needle()) {
            let line = 1 + memchr::memchr_iter(b'\n', &text[..at]).count();
            sink.add(word, line, How::Word);
        }
    }
}

/// No letter stands beside it; `to_parquet` and `read_parquet` count.
fn stands_alone(text: &[u8], at: usize, word: &[u8]) -> bool {
    let before = at.checked_sub(1).and_then(|n| text.get(n));
    let after = text.get(at + word.len());
    [before, after].into_iter().flatten().all(|b| !b.is_ascii_alphanumeric())
}
