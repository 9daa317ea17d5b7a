//! What a file is for, by what is in it and by its name. A rough word for a picture: nothing is decided
//! by it.

use crate::image::view::{Node, View};
use crate::layer::LayerPath;
use std::collections::HashSet;

/// What each ending says, in lower case.
const ENDINGS: [(&str, &[&str]); 9] = [
    ("python", &["py", "pyc", "pyi", "pyx", "whl", "egg"]),
    ("javascript", &["js", "mjs", "cjs", "ts", "tsx", "jsx", "map", "node"]),
    ("java", &["jar", "war", "ear", "class", "jmod"]),
    ("ruby or perl", &["rb", "gem", "pl", "pm", "pod"]),
    ("archive", &["gz", "tgz", "xz", "bz2", "zst", "zip", "tar", "deb", "rpm", "apk", "7z"]),
    (
        "picture or font",
        &["png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "ttf", "otf", "woff", "woff2"],
    ),
    ("web page", &["html", "htm", "css", "wasm"]),
    ("database", &["db", "sqlite", "sqlite3", "mdb", "rdb", "dat", "bin", "parquet", "pack"]),
    (
        "settings",
        &[
            "conf",
            "cfg",
            "ini",
            "toml",
            "yaml",
            "yml",
            "json",
            "xml",
            "env",
            "properties",
            "service",
        ],
    ),
];

/// The files of a view that are ELF.
pub(super) struct Programs(HashSet<Node>);

impl Programs {
    pub(super) fn of(view: &View) -> Self {
        let mut all = HashSet::new();
        for layer in 0..view.layer_count() {
            let facts = view.index(layer).into_iter().flat_map(|i| &i.facts.elf);
            all.extend(facts.map(|e| Node { layer, entry: e.entry }));
        }
        Self(all)
    }

    pub(super) fn is_one(&self, node: Node) -> bool {
        self.0.contains(&node)
    }
}

/// A word for what a file is for; `elf` says that it is machine code.
pub(super) fn kind_of_file(path: &LayerPath, elf: bool) -> &'static str {
    let name = path.name();
    if memchr::memmem::find(name, b".so")
        .is_some_and(|at| matches!(name.get(at + 3), None | Some(b'.')))
    {
        return "library";
    }
    if elf {
        return "program";
    }
    let ending = name.iter().rposition(|&b| b == b'.').map(|at| &name[at + 1..]);
    let of = |ending: &[u8]| {
        let ending = String::from_utf8_lossy(ending).to_ascii_lowercase();
        ENDINGS.iter().find(|(_, all)| all.contains(&ending.as_str())).map(|(kind, _)| *kind)
    };
    ending.and_then(of).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_name_and_content() {
        for (path, elf, kind) in [
            ("usr/lib/libc.so.6", true, "library"),
            ("usr/lib/libx.so", false, "library"),
            ("usr/bin/git", true, "program"),
            ("app/notes.sorted", false, "other"),
            ("app/A.PY", false, "python"),
            ("app/.env", false, "settings"),
            ("etc/hostname", false, "other"),
        ] {
            assert_eq!(kind_of_file(&LayerPath::from(path), elf), kind, "{path}");
        }
    }
}
