//! Files with secrets that a build copies in and deletes again: mounted while they are needed instead.

use super::draft::Draft;
use crate::advise::Evidence;
use crate::advise::leaked::{Leaked, is_for_no_build};
use crate::dockerfile::{Command, Joint, Kind};
use crate::layer::LayerPath;
use crate::rules::{Category, Finding, State};

/// What was changed, and the files that are mounted now.
pub(super) fn rewrite(
    draft: &mut Draft,
    evidence: &Evidence,
    leaked: &Leaked,
) -> (Vec<String>, Vec<String>) {
    let (mut changes, mut mounted) = (Vec::new(), Vec::new());
    for copy in 0..draft.slots.len() {
        let Some((source, target)) = brought(draft, copy) else { continue };
        if !target.starts_with('/') {
            continue;
        }
        let path = LayerPath::from(target.as_str());
        let path =
            if target.ends_with('/') { path.join(last_part(&source).as_bytes()) } else { path };
        let target = format!("/{}", path.to_text());
        // What stays to the end is needed by no program.
        let stays = leaked.out.contains(&path);
        if !stays && !deleted(evidence, &path) {
            continue;
        }
        let delete = (copy + 1..draft.slots.len()).find(|&n| deletes(draft, n, &target));
        let end = match delete {
            Some(delete) => delete,
            None if stays => draft.slots.len(),
            None => continue,
        };
        let id = last_part(&source).trim_start_matches('.').to_owned();
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            continue;
        }
        for n in copy + 1..end {
            if matches!(draft.slots[n].kind(), Kind::Run { .. }) && !draft.slots[n].is_gone() {
                draft.add_option(n, &format!("--mount=type=secret,id={id},target={target}"));
            }
        }
        draft.slots[copy].remove();
        if let Some(delete) = delete {
            draft.slots[delete].remove();
        }
        mounted.push(target.clone());
        changes.push(format!(
            "{target} is mounted as a secret while it is needed (build with --secret id={id},src={})",
            source
        ));
    }
    (changes, mounted)
}

/// The one file that a step brings, and where to. What is known from history only is an empty file there.
fn brought(draft: &Draft, n: usize) -> Option<(String, String)> {
    if let Kind::Copy { sources, target, options } = draft.slots[n].kind() {
        let [source] = sources.as_slice() else { return None };
        if options.iter().any(|o| o.starts_with("--from")) {
            return None;
        }
        return Some((source.clone(), target.clone()));
    }
    let commands = draft.slots[n].commands()?;
    let [_, touch] = commands.as_slice() else { return None };
    let [word, target] = touch.words.as_slice() else { return None };
    let name = target.rsplit('/').next().unwrap_or_default();
    (word == "touch").then(|| (name.to_owned(), target.clone()))
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// A secret was found in it, and a later layer hides it.
fn deleted(evidence: &Evidence, target: &LayerPath) -> bool {
    deleted_files(evidence).any(|f| f.path.as_ref() == Some(target))
}

fn deleted_files<'a>(evidence: &'a Evidence) -> impl Iterator<Item = &'a Finding> {
    let all = evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
    all.filter(|f| f.category == Category::Secret && f.state == State::DeletedLater)
}

/// Files with secrets that a folder's copy brings and a later step deletes: what deletes them goes, and they
/// are to be kept out of the copy. Those that another step reads stay.
pub(super) fn ignore_deleted(
    draft: &mut Draft,
    evidence: &Evidence,
    mounted: &[String],
) -> Vec<LayerPath> {
    let mut out: Vec<LayerPath> = Vec::new();
    for finding in deleted_files(evidence) {
        let (Some(path), Some(layer)) = (&finding.path, finding.layer) else { continue };
        let step = evidence.facts.history.of_layer(layer);
        let brought = step.is_some_and(|s| s.keyword == "COPY" || s.keyword == "ADD");
        let name = String::from_utf8_lossy(path.name()).into_owned();
        let other =
            mounted.iter().any(|m| *path == LayerPath::from(m.as_str())) || out.contains(path);
        if !brought || other || names(draft, path) || !is_for_no_build(path) {
            continue;
        }
        let mentions: Vec<usize> = (0..draft.slots.len())
            .filter(|&n| matches!(draft.slots[n].kind(), Kind::Run { .. }))
            .filter(|&n| draft.text(n).contains(&name))
            .collect();
        let rewritten: Option<Vec<(usize, Vec<Command>)>> = mentions
            .iter()
            .map(|&n| Some((n, without_rm(&draft.slots[n].commands()?, &name)?)))
            .collect();
        let Some(rewritten) = rewritten.filter(|r| !r.is_empty()) else { continue };
        for (n, commands) in rewritten {
            let options = draft.slots[n].options().to_vec();
            match commands.is_empty() {
                true => draft.slots[n].remove(),
                false => draft.slots[n].set_run(options, &commands),
            }
        }
        out.push(path.clone());
    }
    out
}

/// The commands without deleting or moving a file of this name; `None` if one of them does something else with it.
fn without_rm(commands: &[Command], name: &str) -> Option<Vec<Command>> {
    let mut out: Vec<Command> = Vec::new();
    for command in commands {
        let mut command = command.clone();
        if command.text.contains(name) {
            match command.words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["rm", ..] => {}
                // To another folder, where a later step deletes it.
                ["mv", from, to]
                    if last_part(from) == name && (to.ends_with('/') || last_part(to) == name) =>
                {
                    continue;
                }
                _ => return None,
            }
            let kept: Vec<&str> =
                command.words.iter().map(String::as_str).filter(|w| last_part(w) != name).collect();
            let files = kept[1..].iter().filter(|w| !w.starts_with('-')).count();
            if kept.iter().any(|w| w.contains(name)) {
                return None;
            }
            if files == 0 {
                continue;
            }
            command.text = shlex::try_join(kept.iter().copied()).ok()?;
            command.words = kept.into_iter().map(str::to_owned).collect();
        }
        if out.is_empty() {
            command.joint = Joint::First;
        }
        out.push(command);
    }
    Some(out)
}

/// Whether a COPY names a file of this name itself.
pub(super) fn names(draft: &Draft, path: &LayerPath) -> bool {
    draft.slots.iter().filter(|s| !s.is_gone()).any(|s| match s.kind() {
        Kind::Copy { sources, .. } => {
            sources.iter().any(|source| last_part(source).as_bytes() == path.name())
        }
        _ => false,
    })
}

/// A RUN that does nothing else.
fn deletes(draft: &Draft, n: usize, target: &str) -> bool {
    let Some(commands) = draft.slots[n].commands() else { return false };
    let [command] = commands.as_slice() else { return false };
    let words: Vec<&str> =
        command.words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    words == ["rm", target]
}
