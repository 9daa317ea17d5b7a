//! How the image was built, as far as its history tells.

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity, State};
use crate::image::history::Instruction;

pub const ADD_URL: Rule = Rule {
    id: "build/add-url",
    title: "ADD from the network",
    severity: Severity::Low,
    category: Category::Config,
    doc: "## What it does\n\
        Looks for `ADD` of a URL in the history.\n\n\
        ## Why it matters\n\
        What comes from the URL is not checked, can be another file tomorrow, and stays in its layer \
        even if a later step unpacks and deletes it.\n\n\
        ## What to do\n\
        `ADD --checksum=sha256:… URL`, or fetch, check and unpack in one `RUN`.\n",
    check: add_url,
};

fn from_history(
    cx: &RuleContext,
    rule: &Rule,
    severity: Severity,
    step: usize,
    thing: &str,
    message: String,
) -> Finding {
    Finding {
        state: State::OnlyInHistory,
        layer: cx.facts.history.layer_of(step),
        ..rule.about(thing, severity, message)
    }
}

fn add_url(cx: &RuleContext, out: &mut Vec<Finding>) {
    for (number, step) in cx.facts.history.steps.iter().enumerate() {
        let url = step
            .text
            .split_whitespace()
            .find(|w| ["http://", "https://", "ftp://"].iter().any(|s| w.starts_with(s)));
        if step.keyword != "ADD" || step.text.contains("--checksum=") {
            continue;
        }
        if let Some(url) = url {
            // A URL may carry a password or a token: only the host is shown.
            let host = url.split("//").nth(1).and_then(|u| u.split(['/', '?', '#']).next());
            let host = host.and_then(|h| h.rsplit('@').next()).unwrap_or_default();
            let message = format!("ADD fetches a URL of {} unchecked", super::shown(host));
            out.push(Finding {
                advice: Some("Pin what is fetched with ADD --checksum.".to_owned()),
                ..from_history(cx, &ADD_URL, Severity::Low, number, host, message)
            });
        }
    }
}

pub const COPY_ORDER: Rule = Rule {
    id: "build/copy-before-install",
    title: "everything is copied before the dependencies are installed",
    severity: Severity::Info,
    category: Category::Config,
    doc: "## What it does\n\
        Looks for a `COPY . …` of the whole build context followed by an install of dependencies \
        (`npm install`, `pip install -r`, `cargo build`…).\n\n\
        ## Why it matters\n\
        Every change of any file makes the build install all dependencies again, and every push carry \
        them again.\n\n\
        ## What to do\n\
        Copy the list of dependencies first, install, then copy the rest.\n",
    check: copy_order,
};

const INSTALLS: [&str; 16] = [
    "npm install",
    "npm ci",
    "yarn install",
    "pnpm install",
    "pip install -r",
    "pip3 install -r",
    "pip install .",
    "pip3 install .",
    "poetry install",
    "uv sync",
    "bundle install",
    "composer install",
    "go mod download",
    "cargo build",
    "mvn ",
    "gradle ",
];

fn copies_all(step: &Instruction) -> bool {
    let words: Vec<&str> = step.text.split_whitespace().filter(|w| !w.starts_with("--")).collect();
    let whole = words.len() == 2 && ["./", ".", "/"].contains(&words[0]);
    // The classic builder writes a hash in place of the source; a directory is the whole context only
    // by guess, so it is not told.
    matches!(step.keyword.as_str(), "COPY" | "ADD") && whole && !step.text.contains("--from=")
}

fn copy_order(cx: &RuleContext, out: &mut Vec<Finding>) {
    let steps = &cx.facts.history.steps;
    let Some(copy) = steps.iter().position(copies_all) else {
        return;
    };
    let install = steps[copy..].iter().find_map(|s| {
        let install = INSTALLS.iter().find(|i| s.text.contains(**i))?;
        (s.keyword == "RUN").then_some(install.trim())
    });
    if let Some(install) = install {
        let message = format!("the whole context is copied before `{install}`");
        out.push(Finding {
            advice: Some(
                "Copy the list of dependencies first, install, then copy the rest.".to_owned(),
            ),
            ..from_history(cx, &COPY_ORDER, Severity::Info, copy, "", message)
        });
    }
}

pub const UNPINNED_BASE: Rule = Rule {
    id: "build/unpinned-base",
    title: "base image without a digest",
    severity: Severity::Info,
    category: Category::Config,
    doc: "## What it does\n\
        Looks whether the base image, where labels, annotations or the history name it, is named with a \
        digest.\n\n\
        ## Why it matters\n\
        The next build can start from another base without anybody changing a line.\n\n\
        ## What to do\n\
        `FROM name:tag@sha256:…`, and let a bot raise it.\n",
    check: unpinned_base,
};

fn unpinned_base(cx: &RuleContext, out: &mut Vec<Finding>) {
    const NAME: &str = "org.opencontainers.image.base.name";
    const DIGEST: &str = "org.opencontainers.image.base.digest";
    let found = &cx.facts.image.found;
    let value = |key: &str| {
        let label = found.config.config.labels.get(key);
        label.or_else(|| found.annotations.get(key)).filter(|v| !v.is_empty())
    };
    let from_history = || {
        cx.facts.history.steps.iter().rev().find_map(|s| {
            let name = match s.keyword.as_str() {
                "FROM" => s.text.split_whitespace().next()?,
                _ => s.comment.strip_prefix("FROM ")?.trim(),
            };
            // buildah writes the short id of the step before.
            let is_id = name.bytes().all(|b| b.is_ascii_hexdigit());
            (!is_id && name != "scratch").then(|| name.to_owned())
        })
    };
    let Some(base) = value(NAME).cloned().or_else(from_history) else {
        return;
    };
    if base.contains("@sha256:") || base.contains("@sha512:") || value(DIGEST).is_some() {
        return;
    }
    let message = format!("base image `{}` is named without a digest", super::shown(&base));
    out.push(Finding {
        advice: Some("Name the base by digest in FROM.".to_owned()),
        ..UNPINNED_BASE.finding(Severity::Info, message)
    });
}

pub const TIMESTAMPS: Rule = Rule {
    id: "build/timestamps",
    title: "times make the build unrepeatable",
    severity: Severity::Info,
    category: Category::Config,
    doc: "## What it does\n\
        Looks whether files carry the time of the build (within a day before the config's `created`).\n\n\
        ## Why it matters\n\
        Two builds of the same sources then have different digests: nobody can check a build, and \
        registries store the same content again.\n\n\
        ## What to do\n\
        Set `SOURCE_DATE_EPOCH` and let the builder rewrite times (BuildKit: \
        `--output type=image,rewrite-timestamp=true`).\n",
    check: timestamps,
};

fn timestamps(cx: &RuleContext, out: &mut Vec<Finding>) {
    let created = cx.facts.image.found.config.created.as_deref();
    let Some(created) = created.and_then(|c| c.parse::<jiff::Timestamp>().ok()) else {
        return;
    };
    let created = created.as_second();
    // A fixed time in the past (1970, 1980, a commit's) has been set on purpose.
    let fresh = |mtime: i64| mtime <= created && mtime > created.saturating_sub(86_400);
    let mut times = std::collections::BTreeSet::new();
    let mut files = 0usize;
    for (_, node) in cx.facts.view.iter() {
        let entry = cx.facts.view.entry(node);
        if entry.is_file() && fresh(entry.mtime) {
            files += 1;
            if times.len() < 3 {
                times.insert(entry.mtime);
            }
        }
    }
    if files > 0 && times.len() > 1 {
        let message = format!("{files} files carry the time of the build");
        out.push(Finding {
            advice: Some("Set SOURCE_DATE_EPOCH and let the builder rewrite times.".to_owned()),
            ..TIMESTAMPS.finding(Severity::Info, message)
        });
    }
}

pub const HISTORY_MISMATCH: Rule = Rule {
    id: "integrity/history",
    title: "history does not fit the layers",
    severity: Severity::Info,
    category: Category::Integrity,
    doc: "## What it does\n\
        Compares the number of layers with the number that the history tells of.\n\n\
        ## Why it matters\n\
        No layer can then be traced to its build step; the image was squashed or changed after its \
        build.\n\n\
        ## What to do\n\
        Use a builder or converter that keeps the history.\n",
    check: |cx, out| {
        if let Some(remark) = &cx.facts.history.remark {
            let state = State::OnlyInConfig;
            out.push(Finding { state, ..HISTORY_MISMATCH.finding(Severity::Info, remark.clone()) });
        }
    },
};
