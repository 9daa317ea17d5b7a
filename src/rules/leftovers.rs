//! What package managers leave behind.

use super::rule::{Rule, RuleContext, amount};
use super::{Category, Finding, Severity};
use crate::image::Node;
use crate::layer::LayerPath;

/// Less than this in one place is not worth a word.
const FLOOR: u64 = 100_000;

/// Directories of package lists.
pub const LISTS: [(&str, &str); 1] = [("apt", "var/lib/apt/lists")];

/// Directories of caches, by the program that fills them. Those of users stand below each home.
pub const SYSTEM_CACHES: [(&str, &str); 8] = [
    ("apt", "var/cache/apt"),
    ("apk", "var/cache/apk"),
    ("apk", "etc/apk/cache"),
    ("yum", "var/cache/yum"),
    ("dnf", "var/cache/dnf"),
    ("dnf", "var/cache/libdnf5"),
    ("zypper", "var/cache/zypp"),
    ("pacman", "var/cache/pacman/pkg"),
];

/// Directories of caches below a home directory.
pub const HOME_CACHES: [(&str, &str); 12] = [
    ("pip", ".cache/pip"),
    ("uv", ".cache/uv"),
    ("poetry", ".cache/pypoetry"),
    ("npm", ".npm"),
    ("yarn", ".cache/yarn"),
    ("yarn", ".yarn/berry/cache"),
    ("pnpm", ".local/share/pnpm/store"),
    ("go", ".cache/go-build"),
    ("cargo", ".cargo/registry"),
    ("maven", ".m2/repository"),
    ("gradle", ".gradle/caches"),
    ("composer", ".cache/composer"),
];

pub const PACKAGE_LISTS: Rule = Rule {
    id: "config/package-lists",
    title: "package lists left behind",
    severity: Severity::Low,
    category: Category::Config,
    doc: "## What it does\n\
        Measures the lists that `apt-get update` downloads, as far as the image still shows them.\n\n\
        ## Why it matters\n\
        They take tens of megabytes, are old tomorrow, and nothing that runs reads them.\n\n\
        ## What to do\n\
        Delete them in the same `RUN` that fetched them: `&& rm -rf /var/lib/apt/lists/*`.\n",
    check: |cx, out| {
        for (program, dir) in LISTS {
            report(cx, &PACKAGE_LISTS, "package lists", program, &dir.into(), out);
        }
    },
};

pub const CACHES: Rule = Rule {
    id: "config/package-cache",
    title: "caches left behind",
    severity: Severity::Low,
    category: Category::Config,
    doc: "## What it does\n\
        Measures the caches of package managers (apt, apk, dnf, pip, npm, cargo, maven…) that the image \
        still shows.\n\n\
        ## Why it matters\n\
        They only help the next build, which does not run in this image.\n\n\
        ## What to do\n\
        Keep them out with `RUN --mount=type=cache`, switch them off (`pip install --no-cache-dir`, \
        `apk add --no-cache`), or delete them in the same `RUN`.\n",
    check: caches,
};

fn caches(cx: &RuleContext, out: &mut Vec<Finding>) {
    for (program, dir) in SYSTEM_CACHES {
        report(cx, &CACHES, "cache", program, &dir.into(), out);
    }
    let home = LayerPath::from("home");
    let users = cx.facts.view.children(&home).map(|(p, _)| p.clone());
    let mut homes: Vec<LayerPath> = vec!["root".into(), LayerPath::default()];
    homes.extend(users.take(100));
    for home in homes {
        for (program, dir) in HOME_CACHES {
            report(cx, &CACHES, "cache", program, &home.join(dir.as_bytes()), out);
        }
    }
}

fn report(
    cx: &RuleContext,
    rule: &Rule,
    what: &str,
    program: &str,
    dir: &LayerPath,
    out: &mut Vec<Finding>,
) {
    let files: Vec<(u64, Node)> = cx
        .facts
        .view
        .within(dir)
        .map(|(_, n)| (cx.facts.view.bytes_of(n), n))
        .filter(|(bytes, _)| *bytes > 0)
        .collect();
    let bytes: u64 = files.iter().map(|(b, _)| b).sum();
    let Some((_, largest)) = files.iter().max_by_key(|(b, _)| *b) else {
        return;
    };
    if bytes < FLOOR {
        return;
    }
    let message = format!("{program} {what} in {dir}: {}", amount(bytes, files.len()));
    out.push(Finding {
        path: Some(dir.clone()),
        advice: Some(
            "Delete it in the step that fills it, or keep it in a cache mount.".to_owned(),
        ),
        fingerprint: crate::text::fingerprint(format!("{} {dir}", rule.id).as_bytes()),
        ..rule.at(cx, *largest, Severity::Low, message)
    });
}
