//! The application's dependencies: installed before its sources are copied, so that a change of a source
//! does not install them again, and with their downloads outside of the image.

use super::draft::Draft;
use crate::advise::Evidence;
use crate::dockerfile::{Command, Kind};
use crate::layer::LayerPath;

/// A tool, what it has to be told, the files that say what to install, its cache.
struct Installer {
    names: &'static [&'static str],
    verbs: &'static [&'static str],
    files: &'static [&'static str],
    cache: &'static str,
}

const INSTALLERS: [Installer; 5] = [
    Installer {
        names: &["pip", "pip3"],
        verbs: &["install"],
        files: &[],
        cache: "/root/.cache/pip",
    },
    Installer {
        names: &["npm"],
        verbs: &["install", "ci", "i"],
        files: &["package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"],
        cache: "/root/.npm",
    },
    Installer {
        names: &["yarn"],
        verbs: &["", "install"],
        files: &["package.json", "yarn.lock", ".yarnrc"],
        cache: "",
    },
    Installer {
        names: &["bundle"],
        verbs: &["install"],
        files: &["Gemfile", "Gemfile.lock"],
        cache: "",
    },
    Installer {
        names: &["composer"],
        verbs: &["install"],
        files: &["composer.json", "composer.lock"],
        cache: "/root/.composer/cache",
    },
];

fn installer(command: &Command) -> Option<&'static Installer> {
    let mut words = command.words.iter().map(String::as_str).skip_while(|w| w.contains('='));
    let mut name = words.next()?;
    let mut verb = words.next().unwrap_or_default();
    if name.starts_with("python") && verb == "-m" {
        name = words.next()?;
        verb = words.next().unwrap_or_default();
    }
    let name = name.rsplit('/').next().unwrap_or_default();
    INSTALLERS.iter().find(|i| i.names.contains(&name) && i.verbs.contains(&verb))
}

/// Caches that are not in the image any more, and what was changed.
#[derive(Default)]
pub(super) struct Rewritten {
    pub changes: Vec<String>,
    /// Folders, without the first slash.
    pub caches: Vec<&'static str>,
}

pub(super) fn rewrite(draft: &mut Draft, evidence: &Evidence) -> Rewritten {
    let mut out = Rewritten::default();
    mount(draft, &mut out);
    if let Some(change) = reorder(draft, evidence) {
        out.changes.push(change);
    }
    out
}

/// A mount for the cache of each tool.
fn mount(draft: &mut Draft, out: &mut Rewritten) {
    let mut root = true;
    for n in 0..draft.slots.len() {
        if let Kind::User(user) = draft.slots[n].kind() {
            root = ["root", "0", "0:0", "root:root"].contains(&user.as_str());
        }
        let Some(commands) = draft.slots[n].commands() else { continue };
        for command in &commands {
            let Some(tool) = installer(command).filter(|t| root && !t.cache.is_empty()) else {
                continue;
            };
            let lean = command.text.contains("--no-cache");
            let target = format!("target={}", tool.cache);
            let mounted = draft.slots[n]
                .options()
                .iter()
                .any(|o| o.split(',').any(|part| part.trim_start_matches("--mount=") == target));
            if lean || mounted {
                continue;
            }
            draft.add_option(n, &format!("--mount=type=cache,target={}", tool.cache));
            out.caches.push(tool.cache.trim_start_matches('/'));
            out.changes.push(format!(
                "{} keeps its downloads in a cache mount, not in the image",
                tool.names[0]
            ));
        }
    }
}

/// `COPY . X`, and later a RUN that only installs: copy what it reads first, and the rest behind it.
fn reorder(draft: &mut Draft, evidence: &Evidence) -> Option<String> {
    let mut folder = String::from("/");
    let (mut copy, mut target) = (None, String::new());
    for n in 0..draft.slots.len() {
        let slot = &draft.slots[n];
        match slot.kind() {
            Kind::Workdir(dir) => {
                // What a relative target means may not change.
                if copy.is_some() && !target.starts_with('/') {
                    return None;
                }
                folder = absolute(&folder, dir);
            }
            Kind::Copy { options, sources, target: to } => {
                let all = sources.iter().any(|s| s == "." || s == "./");
                if all && sources.len() == 1 && options.iter().all(|o| o.starts_with("--ch")) {
                    copy = Some(n);
                    target.clone_from(to);
                } else if copy.is_some_and(|_| !is_elsewhere(&absolute(&folder, to), &folder)) {
                    return None;
                }
            }
            Kind::Run { .. } if !slot.is_gone() => {
                let Some(copy) = copy else { continue };
                return installs(draft, evidence, copy, n, &absolute(&folder, &target), &folder);
            }
            _ => {}
        }
    }
    None
}

fn is_elsewhere(path: &str, folder: &str) -> bool {
    !path.starts_with(folder.trim_end_matches('/'))
}

fn installs(
    draft: &mut Draft,
    evidence: &Evidence,
    copy: usize,
    run: usize,
    into: &str,
    folder: &str,
) -> Option<String> {
    let commands = draft.slots[run].commands()?;
    let same = into.trim_end_matches('/') == folder.trim_end_matches('/');
    let [command] = commands.as_slice() else { return None };
    let tool = installer(command)?;
    if !same {
        return None;
    }
    let mut files: Vec<String> = tool.files.iter().map(|f| (*f).to_owned()).collect();
    let mut words = command.words.iter();
    while let Some(word) = words.next() {
        let of_flag = ["-r", "--requirement", "-c", "--constraint"].contains(&word.as_str());
        if of_flag {
            files.push(words.next()?.clone());
        } else if ["-e", "--editable", "."].contains(&word.as_str()) || word.starts_with("./") {
            return None;
        }
    }
    let place = LayerPath::from(folder);
    // What the installation wrote itself was not copied.
    let copied = |name: &String| {
        let path = place.join(name.as_bytes());
        let node =
            evidence.facts.view.follow(&path).and_then(|(_, n)| evidence.facts.view.content_of(n));
        node.is_some_and(|node| {
            let step = evidence.facts.history.of_layer(node.layer);
            step.is_none_or(|s| s.keyword == "COPY" || s.keyword == "ADD")
                && evidence.is_plain_manifest(node)
        })
    };
    let hidden = |name: &String| name.contains('/') || name.contains('$');
    let (has, lacks): (Vec<String>, Vec<String>) = files.into_iter().partition(copied);
    if has.is_empty() || has.iter().any(hidden) || lacks.iter().any(|n| n == "package.json") {
        return None;
    }
    let Kind::Copy { options, target, .. } = draft.slots[copy].kind().clone() else { return None };
    let whole = draft.text(copy);
    let options: String = options.iter().map(|o| format!("{o} ")).collect();
    let to = if target.ends_with('/') { target } else { format!("{target}/") };
    draft.slots[copy].set(format!("COPY {options}{} {to}", has.join(" ")));
    draft.slots[run].after.push(whole);
    Some(format!(
        "what {} lists is installed before the rest is copied, so that a changed source does not install \
         everything again",
        has[0]
    ))
}

fn absolute(folder: &str, path: &str) -> String {
    let path = path.trim_matches('"');
    let joined = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{}/{path}", folder.trim_end_matches('/')),
    };
    let parts: Vec<&str> = joined.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    format!("/{}", parts.join("/"))
}
