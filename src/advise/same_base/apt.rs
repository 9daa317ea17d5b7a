//! Debian's packages in a Dockerfile: one RUN that updates, installs what is asked for and nothing that is
//! only recommended, and cleans up.
//!
//! What is recommended and yet reached by the entry point is asked for by name.

use super::draft::Draft;
use crate::advise::Evidence;
use crate::advise::requires::Graph;
use crate::analyze::PackageKind;
use crate::closure::{Closure, Mode};
use crate::dockerfile::{Command, Joint};
use crate::image::packages::InstalledPackage;
use std::collections::{BTreeSet, HashSet};

const LISTS: &str = "rm -rf /var/lib/apt/lists/*";
const NO_RECOMMENDS: &str = "--no-install-recommends";
/// Flags that change nothing of what is installed.
const KNOWN_FLAGS: [&str; 8] =
    ["-y", "-q", "-qq", "-yq", "-qy", "--yes", "--assume-yes", NO_RECOMMENDS];
/// Text on other machines that a build reaches for over TLS or by name; small.
const FOR_NETWORK: [&str; 2] = ["ca-certificates", "netbase"];
/// Tools that compile where there is no binary package, and what they compile with.
const COMPILE: [&str; 9] =
    ["pip", "pip3", "npm", "yarn", "gem", "bundle", "cpan", "cpanm", "luarocks"];
const COMPILERS: [&str; 9] = [
    "build-essential",
    "gcc",
    "g++",
    "make",
    "libc6-dev",
    "python3-dev",
    "ruby-dev",
    "libnode-dev",
    "libperl-dev",
];
/// Where a package says only how libraries of its own are found.
const ONLY_SEARCHED: &[u8] = b"etc/ld.so.conf.d/";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Apt {
    Update,
    /// Other commands of apt and its clean-up, which stay.
    Plain,
    Clean,
    /// `None`: with names or flags that cannot be told.
    Install(Option<Vec<String>>),
}

fn apt(command: &Command) -> Option<Apt> {
    let words: Vec<&str> =
        command.words.iter().map(String::as_str).skip_while(|w| w.contains('=')).collect();
    match words.as_slice() {
        ["apt-get" | "apt", rest @ ..] => {
            let verb = rest.iter().position(|w| !w.starts_with('-'))?;
            Some(match rest[verb] {
                "update" => Apt::Update,
                "clean" | "autoclean" | "autoremove" | "autopurge" => Apt::Clean,
                "install" => {
                    let args = || rest[..verb].iter().chain(&rest[verb + 1..]);
                    let plain = args().all(|w| match w.starts_with('-') {
                        true => KNOWN_FLAGS.contains(w),
                        false => is_name(w),
                    });
                    let names = args().filter(|w| !w.starts_with('-'));
                    Apt::Install(plain.then(|| names.map(|w| (*w).to_owned()).collect()))
                }
                _ => Apt::Plain,
            })
        }
        ["rm", .., last]
            if last.starts_with("/var/lib/apt") || last.starts_with("/var/cache/apt") =>
        {
            Some(Apt::Clean)
        }
        _ => None,
    }
}

/// `libfoo-dev=1.2-3`, `g++`; no variable and no pattern.
fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_alphanumeric() || "+-.=:~/_".contains(c))
        && !word.starts_with('.')
}

/// What came of it.
#[derive(Default)]
pub(super) struct Rewritten {
    pub changes: Vec<String>,
    /// Names of packages that are not installed any more.
    pub without: HashSet<String>,
    /// Package lists and archives are gone.
    pub cleaned: bool,
    pub without_docs: bool,
    pub risks: Vec<String>,
}

/// The runs of RUN instructions that only install, as one; a list of places in the draft.
fn groups(draft: &Draft) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    for (n, slot) in draft.slots.iter().enumerate() {
        if slot.is_gone() {
            continue;
        }
        let Some(commands) = slot.commands() else {
            open = None;
            continue;
        };
        let kinds: Vec<Option<Apt>> = commands.iter().map(apt).collect();
        if kinds.iter().all(Option::is_none) {
            open = None;
            continue;
        }
        let only = slot.options().is_empty()
            && commands.iter().all(|c| c.joint != Joint::Then)
            && kinds
                .iter()
                .all(|k| matches!(k, Some(Apt::Update | Apt::Clean | Apt::Install(Some(_)))));
        match open.filter(|_| only) {
            Some(group) => out[group].push(n),
            None => {
                out.push(vec![n]);
                open = only.then_some(out.len() - 1);
            }
        }
    }
    out
}

pub(super) fn rewrite(draft: &mut Draft, evidence: &Evidence, base: Option<usize>) -> Rewritten {
    let mut out = Rewritten::default();
    let groups = groups(draft);
    let (groups, idle): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|g| g.iter().any(|n| installs(draft, *n)));
    if groups.is_empty() {
        return out;
    }
    let named = named(draft);
    let (without, also) = match (base, evidence.closure, &named) {
        (Some(base), Some(closure), Some(named)) => {
            recommended(evidence, closure, base, named, compiles(draft))
        }
        _ => (HashSet::new(), Vec::new()),
    };
    // Without knowing what it leaves out, the switch is not proposed.
    let lean = !without.is_empty();
    let archives = evidence.facts.view.iter().any(|(p, _)| {
        let archive = p.as_bytes().starts_with(b"var/cache/apt/archives/");
        archive && p.as_bytes().ends_with(b".deb") || is_apt_cache(p.as_bytes())
    });
    let mut first = true;
    for group in &groups {
        let mut commands = Vec::new();
        for &n in group {
            commands.extend(draft.slots[n].commands().unwrap_or_default());
        }
        if group.len() > 1 {
            commands = merged(&commands);
            out.changes.push(format!(
                "{} RUN steps that install packages are one, so that its clean-up saves something",
                group.len()
            ));
        }
        let also: &[String] = if first { &also } else { &[] };
        let mut new = completed(&commands, lean, also, archives);
        if first && base.is_some() {
            new.splice(0..0, without_docs());
            new[2].joint = Joint::And;
        }
        first = false;
        let options = draft.slots[group[0]].options().to_vec();
        draft.slots[group[0]].set_run(options, &new);
        for &n in &group[1..] {
            draft.slots[n].remove();
        }
    }
    // Lists that were fetched for a later step, which now fetches its own.
    for n in idle.into_iter().flatten() {
        let commands = draft.slots[n].commands().unwrap_or_default();
        if commands.iter().all(|c| matches!(apt(c), Some(Apt::Update | Apt::Clean))) {
            draft.slots[n].remove();
        }
    }
    out.cleaned = true;
    out.without_docs = base.is_some();
    out.changes.push("package lists are deleted in the step that fetches them".to_owned());
    if lean {
        out.changes.push(format!(
            "{NO_RECOMMENDS}: {} less{}",
            match without.len() {
                1 => "1 package".to_owned(),
                n => format!("{n} packages"),
            },
            match also.len() {
                0 => String::new(),
                n => format!("; {n} that are only recommended and yet needed are named"),
            }
        ));
        out.risks.push(
            "a package that only the build needs may have been installed as a recommendation: name it if \
             the build stops"
                .to_owned(),
        );
    }
    if out.without_docs {
        out.changes.push("new packages come without documentation and locales".to_owned());
    }
    out.without = without;
    out
}

/// apt's tables of what can be installed, which `apt-get clean` deletes too.
pub(super) fn is_apt_cache(path: &[u8]) -> bool {
    path.strip_prefix(b"var/cache/apt/")
        .is_some_and(|name| !name.contains(&b'/') && name.ends_with(b".bin"))
}

fn installs(draft: &Draft, n: usize) -> bool {
    let commands = draft.slots[n].commands().unwrap_or_default();
    commands.iter().any(|c| matches!(apt(c), Some(Apt::Install(_))))
}

/// All names that are asked for; `None` if one of them cannot be told.
fn named(draft: &Draft) -> Option<BTreeSet<String>> {
    let mut out = BTreeSet::new();
    for slot in &draft.slots {
        let Some(commands) = slot.commands() else {
            if matches!(slot.kind(), crate::dockerfile::Kind::Run { .. }) && !slot.is_gone() {
                return None;
            }
            continue;
        };
        for command in &commands {
            match apt(command) {
                Some(Apt::Install(names)) => {
                    out.extend(
                        names?.iter().map(|n| {
                            n.split(['=', '/', ':']).next().unwrap_or_default().to_owned()
                        }),
                    );
                }
                None if command.text.contains("apt-get install")
                    || command.text.contains("apt install") =>
                {
                    return None;
                }
                _ => {}
            }
        }
    }
    Some(out)
}

/// A step may compile something.
fn compiles(draft: &Draft) -> bool {
    let words = draft.slots.iter().filter_map(super::Slot::commands).flatten();
    words.into_iter().any(|c| c.words.iter().any(|w| COMPILE.contains(&w.as_str())))
}

/// One of each: update, install, clean.
fn merged(commands: &[Command]) -> Vec<Command> {
    let mut names: Vec<String> = Vec::new();
    for command in commands {
        if let Some(Apt::Install(Some(more))) = apt(command) {
            names.extend(more.into_iter().filter(|n| !names.contains(n)).collect::<Vec<_>>());
        }
    }
    let prefix = commands.iter().find(|c| matches!(apt(c), Some(Apt::Install(_)))).map(|c| {
        let set: Vec<&str> =
            c.words.iter().map(String::as_str).take_while(|w| w.contains('=')).collect();
        if set.is_empty() { String::new() } else { format!("{} ", set.join(" ")) }
    });
    let recommends = commands.iter().all(|c| {
        !matches!(apt(c), Some(Apt::Install(_))) || c.words.iter().any(|w| w == NO_RECOMMENDS)
    });
    let flag = if recommends { format!("{NO_RECOMMENDS} ") } else { String::new() };
    let mut out = vec![
        and("apt-get update"),
        and(&format!("{}apt-get install -y {flag}{}", prefix.unwrap_or_default(), names.join(" "))),
    ];
    out[0].joint = Joint::First;
    out
}

fn and(text: &str) -> Command {
    let words = shlex::split(text).unwrap_or_default();
    Command { joint: Joint::And, text: text.to_owned(), words }
}

/// The same with what it lacks: an update before, the switch, a clean-up behind.
fn completed(commands: &[Command], lean: bool, also: &[String], archives: bool) -> Vec<Command> {
    let mut out: Vec<Command> = Vec::new();
    let mut updated = false;
    let mut also = also;
    for command in commands {
        let mut command = command.clone();
        match apt(&command) {
            Some(Apt::Update) => updated = true,
            Some(Apt::Clean) => continue,
            Some(Apt::Install(names)) => {
                if !updated {
                    let joint = std::mem::replace(&mut command.joint, Joint::And);
                    out.push(Command { joint, ..and("apt-get update") });
                    updated = true;
                }
                let mut text = command.text.clone();
                if lean && !text.contains(NO_RECOMMENDS) {
                    text = text.replacen(" install", &format!(" install {NO_RECOMMENDS}"), 1);
                }
                if names.is_some() {
                    for name in std::mem::take(&mut also) {
                        text.push(' ');
                        text.push_str(name);
                    }
                }
                command.text = wrapped(&text);
            }
            _ => {}
        }
        out.push(command);
    }
    if archives {
        out.push(and("apt-get clean"));
    }
    out.push(and(LISTS));
    if let Some(first) = out.first_mut() {
        first.joint = Joint::First;
    }
    out
}

/// A long list of names on lines of its own.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 8;
    for word in text.split_whitespace() {
        if column + word.len() > 78 {
            out.push_str(" \\\n      ");
            column = 6;
        } else if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        column += word.len() + 1;
    }
    out
}

fn without_docs() -> Vec<Command> {
    let file = "/etc/dpkg/dpkg.cfg.d/no-docs";
    vec![
        Command {
            joint: Joint::First,
            ..and(&format!("printf 'path-exclude=/usr/share/%s/*\\n' doc man info locale > {file}"))
        },
        and(&format!("echo 'path-include=/usr/share/doc/*/copyright' >> {file}")),
    ]
}

/// Packages above the base that are there by recommendation only, and those among them that have to be
/// asked for.
fn recommended(
    evidence: &Evidence,
    closure: &Closure,
    base: usize,
    named: &BTreeSet<String>,
    compiles: bool,
) -> (HashSet<String>, Vec<String>) {
    let all: Vec<&InstalledPackage> =
        evidence.facts.packages.iter().filter(|p| p.kind == PackageKind::Dpkg).collect();
    let graph = Graph::new(&all);
    let asked: Vec<usize> = (0..all.len())
        .filter(|&n| {
            let p = all[n];
            p.layer < base || p.relations.essential || named.contains(&p.name)
        })
        .collect();
    let reached = graph.reach(&asked);
    let runs: HashSet<&str> = closure
        .files(Mode::File)
        .filter(|(path, _)| !path.as_bytes().starts_with(ONLY_SEARCHED))
        .filter_map(|(path, _)| closure.owner(&path))
        .map(|p| p.name.as_str())
        .collect();
    let mut wanted: Vec<usize> = (0..all.len())
        .filter(|n| !reached.contains(n))
        .filter(|&n| {
            let name = all[n].name.as_str();
            runs.contains(name)
                || FOR_NETWORK.contains(&name)
                || compiles && COMPILERS.contains(&name)
        })
        .collect();
    let mut kept: HashSet<usize> = reached.clone();
    kept.extend(graph.reach(&wanted));
    // What another of them brings needs no name of its own.
    let mut n = 0;
    while n < wanted.len() {
        let others: Vec<usize> = wanted.iter().copied().filter(|&w| w != wanted[n]).collect();
        if graph.reach(&others).contains(&wanted[n]) {
            wanted.remove(n);
        } else {
            n += 1;
        }
    }
    let without =
        (0..all.len()).filter(|n| !kept.contains(n)).map(|n| all[n].name.clone()).collect();
    let mut also: Vec<String> = wanted.into_iter().map(|n| all[n].name.clone()).collect();
    also.sort();
    also.dedup();
    (without, also)
}
