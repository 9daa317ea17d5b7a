//! Demands on what the image is made of: its base, its user, packages and tools.

use super::super::name::{NameGlob, listed};
use super::super::rule::{Rule, RuleContext, members};
use super::super::{Category, Finding, Severity, State, shown};
use crate::image::Node;
use crate::layer::LayerPath;
use crate::text::Bytes;
use std::collections::{BTreeMap, HashSet};

pub const BASE: Rule = Rule {
    id: "policy/base-image",
    title: "not built on a required base",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Compares the base image, as far as it can be told, with `base` in `[require]` of careen.toml, or \
        with `--require-base`. A base is known by its layers (`--bases FILE`), by the image's own \
        annotation, or guessed from the history; one that is not known fulfils nothing.\n\n\
        ## Why it matters\n\
        The owner of the image has decided which bases are looked after.\n\n\
        ## What to do\n\
        Build `FROM` one of them. If the image is, tell careen how to recognise it: `--bases FILE` lists \
        bases with their layers.\n",
    check: base,
};

pub const USER: Rule = Rule {
    id: "policy/user",
    title: "runs as a user that is not allowed",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Compares the image's user (without its group) with `user` in `[require]` of careen.toml, or with \
        `--require-user`. An image that sets none runs as `root`.\n\n\
        ## Why it matters\n\
        The owner of the image has decided as whom its containers run; volumes and clusters count on it.\n\n\
        ## What to do\n\
        Set `USER` to one of them in the last stage of the build.\n",
    check: user,
};

pub const PACKAGE: Rule = Rule {
    id: "policy/forbidden-package",
    title: "a forbidden package is installed",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Looks for installed packages whose name `packages` in `[forbid]` of careen.toml has, or \
        `--forbid-package`.\n\n\
        ## Why it matters\n\
        The owner of the image has decided that it must not ship.\n\n\
        ## What to do\n\
        Find out who asks for it (`careen why IMAGE PATH`), and install without it, or in a stage that \
        is not shipped.\n",
    check: package,
};

pub const TOOL: Rule = Rule {
    id: "policy/forbidden-tool",
    title: "a forbidden tool is in the image",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Looks for what `tools` in `[forbid]` of careen.toml has, or `--forbid-tool`: kinds of what \
        production does not need, as the report names them (`build-tool`, `package-manager`, \
        `network-tool`), or names of programs (`curl`, `bash`).\n\n\
        ## Why it matters\n\
        The owner of the image has decided that it must not ship: what is not there helps no intruder.\n\n\
        ## What to do\n\
        Install it in a stage that is not shipped, or start from a base without it.\n",
    check: tool,
};

fn base(cx: &RuleContext, out: &mut Vec<Finding>) {
    let wanted = &cx.policy.require.base;
    if wanted.is_empty() {
        return;
    }
    let name = cx.facts.base.as_ref().and_then(|b| b.name.as_deref());
    if name.is_some_and(|n| any(wanted, &spellings(n))) {
        return;
    }
    let is = match name {
        Some(name) => format!("the base is `{}`", shown(name)),
        None => "the base is not known".to_owned(),
    };
    let message = format!("{is}; it must be {}", listed(wanted));
    out.push(BASE.about(name.unwrap_or_default(), BASE.severity, message));
}

/// `docker.io/library/debian:12` is `debian:12`, as everywhere.
fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![name.to_owned()];
    if let Ok(reference) = name.parse::<crate::oci::Reference>() {
        all.push(reference.to_string());
        let whole = reference.to_string();
        let short = whole.strip_prefix("docker.io/").map(str::to_owned);
        all.extend(short.iter().filter_map(|s| s.strip_prefix("library/")).map(str::to_owned));
        all.extend(short);
    }
    all
}

fn any(wanted: &[NameGlob], names: &[String]) -> bool {
    wanted.iter().any(|w| names.iter().any(|n| w.matches(n)))
}

fn user(cx: &RuleContext, out: &mut Vec<Finding>) {
    let wanted = &cx.policy.require.user;
    let user = cx.facts.image.found.config.config.user.trim();
    let name = match user.split(':').next().unwrap_or_default() {
        "" => "root",
        name => name,
    };
    // `root` and `0` are the same user whatever the image's own table says.
    let same: &[&str] = if ["root", "0"].contains(&name) { &["root", "0"] } else { &[name] };
    if wanted.is_empty() || wanted.iter().any(|w| same.iter().any(|n| w.matches(n))) {
        return;
    }
    let message = format!("runs as `{}`; it must be {}", shown(name), listed(wanted));
    let state = State::OnlyInConfig;
    out.push(Finding { state, ..USER.about(name, USER.severity, message) });
}

fn package(cx: &RuleContext, out: &mut Vec<Finding>) {
    for p in cx.facts.packages.iter() {
        let Some(by) = cx.policy.forbid.packages.iter().find(|f| f.matches(&p.name)) else {
            continue;
        };
        let size = p.bytes.map(|b| format!(" ({})", Bytes(b))).unwrap_or_default();
        let message = format!(
            "package {} {}{size} is installed; `{}` is forbidden",
            shown(&p.name),
            shown(&p.version),
            by.text()
        );
        let thing = format!("{:?} {}", p.kind, p.name);
        let advice = "Install without it, or in a stage that is not shipped.".to_owned();
        out.push(Finding {
            layer: Some(p.layer),
            advice: Some(advice),
            ..PACKAGE.about(&thing, PACKAGE.severity, message)
        });
    }
}

fn tool(cx: &RuleContext, out: &mut Vec<Finding>) {
    let wanted = &cx.policy.forbid.tools;
    if wanted.is_empty() {
        return;
    }
    // One finding a kind: its packages and paths stand in the report anyway.
    let mut kinds: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
    for item in &cx.facts.unneeded {
        if wanted.iter().any(|w| w.matches(&item.kind)) {
            let (bytes, names) = kinds.entry(&item.kind).or_default();
            *bytes += item.bytes;
            match &item.owner {
                Some(owner) => names.push(owner.clone()),
                None => names.extend(item.paths.iter().map(|p| format!("/{}", p.to_text()))),
            }
        }
    }
    for (kind, (bytes, names)) in kinds {
        let few: Vec<String> = names.iter().take(3).map(|n| shown(n)).collect();
        let more = match names.len() - few.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let message = format!("{} of {kind}: {}{more}", Bytes(bytes), few.join(", "));
        let members = members(names.iter().map(|n| format!("{kind} {n}")));
        out.push(TOOL.about_all(members, TOOL.severity, message));
    }
    let program = |node: Node| {
        let entry = cx.facts.view.entry(node);
        !entry.is_dir() && (entry.mode & 0o111 != 0 || !entry.is_file())
    };
    let own = search_path(cx);
    for (path, node) in cx.facts.view.iter() {
        let name = String::from_utf8_lossy(path.name());
        let Some(folder) = path.parent() else { continue };
        if (in_a_path(&folder.to_text()) || own.contains(&folder)) && program(node) {
            let Some(by) = wanted.iter().find(|w| w.matches(&name)) else { continue };
            let message =
                format!("/{} is there; `{}` is forbidden", shown(&path.to_text()), by.text());
            out.push(TOOL.at(cx, node, TOOL.severity, message));
        }
    }
}

/// Folders where programs are found by their name.
fn in_a_path(folder: &str) -> bool {
    let last = folder.rsplit('/').next().unwrap_or_default();
    ["bin", "sbin"].contains(&last)
}

/// The folders of the image's own `PATH`.
fn search_path(cx: &RuleContext) -> HashSet<LayerPath> {
    let env = &cx.facts.image.found.config.config.env;
    let paths = env.iter().filter_map(|pair| pair.strip_prefix("PATH="));
    paths.flat_map(|p| p.split(':')).filter(|f| f.starts_with('/')).map(LayerPath::from).collect()
}
