//! Files with secrets that a build copies in and deletes again: mounted while they are needed instead.

use super::draft::Draft;
use crate::advise::Evidence;
use crate::dockerfile::Kind;
use crate::rules::{Category, State};

/// What was changed, and the files that are mounted now.
pub(super) fn rewrite(draft: &mut Draft, evidence: &Evidence) -> (Vec<String>, Vec<String>) {
    let (mut changes, mut mounted) = (Vec::new(), Vec::new());
    for copy in 0..draft.slots.len() {
        let Some((source, target)) = brought(draft, copy) else { continue };
        if !target.starts_with('/') || !deleted(evidence, &target) {
            continue;
        }
        let Some(delete) = (copy + 1..draft.slots.len()).find(|&n| deletes(draft, n, &target))
        else {
            continue;
        };
        let id = source.rsplit('/').next().unwrap_or_default().trim_start_matches('.');
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            continue;
        }
        for n in copy + 1..delete {
            if matches!(draft.slots[n].kind(), Kind::Run { .. }) && !draft.slots[n].is_gone() {
                draft.add_option(n, &format!("--mount=type=secret,id={id},target={target}"));
            }
        }
        draft.slots[copy].remove();
        draft.slots[delete].remove();
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
    if let Kind::Copy { sources, target, .. } = draft.slots[n].kind() {
        let [source] = sources.as_slice() else { return None };
        return Some((source.clone(), target.clone()));
    }
    let commands = draft.slots[n].commands()?;
    let [_, touch] = commands.as_slice() else { return None };
    let [word, target] = touch.words.as_slice() else { return None };
    let name = target.rsplit('/').next().unwrap_or_default();
    (word == "touch").then(|| (name.to_owned(), target.clone()))
}

/// A secret was found in it, and a later layer hides it.
fn deleted(evidence: &Evidence, target: &str) -> bool {
    let path = crate::layer::LayerPath::from(target);
    evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also)).any(|f| {
        f.category == Category::Secret
            && f.state == State::DeletedLater
            && f.path.as_ref() == Some(&path)
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
