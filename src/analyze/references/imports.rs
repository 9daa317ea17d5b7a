//! The packages that a JavaScript source names in `require` and `import`.

use std::collections::BTreeSet;

/// Names as npm has them, without the path inside the package; nothing relative and nothing of Node's own.
pub(super) fn of(text: &str) -> Vec<String> {
    let mut out: BTreeSet<String> = BTreeSet::new();
    for (at, quote) in text.match_indices(['"', '\'', '`']) {
        let before = text[..at].trim_end();
        let asks = ["require(", "import(", "from", "import"].iter().any(|w| before.ends_with(w));
        if !asks {
            continue;
        }
        let Some(name) = text[at + 1..].split(quote).next() else { continue };
        out.extend(package(name));
    }
    out.into_iter().collect()
}

/// `@scope/name` of `@scope/name/lib/x.js`.
fn package(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/._-".contains(c);
    if name.is_empty()
        || name.len() > 100
        || name.starts_with(['.', '/'])
        || !name.chars().all(plain)
    {
        return None;
    }
    let parts = if name.starts_with('@') { 2 } else { 1 };
    Some(name.split('/').take(parts).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_packages_are_told() {
        let text = r#"const a = require('lodash/fp'), b = require("./own");
import x from '@scope/pkg/dist/x.js'; import 'side-effect'; await import(`late`);
const password = "hunter2 is no name"; const url = 'https://x'; require(variable)"#;
        assert_eq!(super::of(text), ["@scope/pkg", "late", "lodash", "side-effect"]);
    }
}
