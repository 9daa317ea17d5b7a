//! A COPY or ADD of the history, written so that it builds: with the source's name in the build context where
//! that is known, by name or by the same bytes in another step; else with the bytes from the present image.

use super::Evidence;
use super::context::{Context, Placed, is_there};
use super::copied::What;
use super::copy_list::{Item, cover};
use super::leaked::is_store;
use super::present::Present;
use super::user_dockerfile::is_plain;
use crate::dockerfile::commands;
use crate::image::Node;
use crate::image::history::Instruction;
use crate::layer::{EntryKind, LayerPath};
use crate::rules::{Category, State};
use std::collections::{BTreeSet, HashSet};

/// More lines for one step are no help.
const MOST: usize = 30;

pub(super) struct Sources<'a> {
    pub evidence: &'a Evidence<'a>,
    pub context: Context,
    pub present: Present,
    /// Files that hold secrets and that the program does not read.
    pub secrets: BTreeSet<LayerPath>,
}

/// What was found out about one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub lines: Vec<String>,
    pub remarks: Vec<String>,
    /// It takes bytes from the present image.
    pub takes: bool,
}

impl Sources<'_> {
    /// `None` if it cannot be written so that it surely builds.
    pub fn written(&self, step: &Instruction, placed: &Placed) -> Option<Written> {
        let target = &placed.copied.target;
        match &placed.copied.what {
            What::Named(sources) if !self.is_of_stage(placed, sources) => {
                Some(Written { lines: vec![step.line()], ..Written::default() })
            }
            What::Named(sources) => {
                let why = format!(
                    "{} … {target}: from another stage, which the history does not tell",
                    step.keyword
                );
                // Of what the image has no more, its name is all that there is.
                let named = sources.iter().all(|s| !s.starts_with('/'));
                let lost = self.lost(placed).is_none_or(|l| !l.is_empty());
                match named && lost {
                    true => Some(Written { lines: vec![step.line()], ..Written::default() }),
                    false => self.taken(placed, &why),
                }
            }
            What::Heredoc => {
                let why =
                    format!("{} … {target}: its text stands in the Dockerfile only", step.keyword);
                self.taken(placed, &why)
            }
            What::Folder if self.context.is_whole(placed.number) => {
                let line = format!("{} {}. {target}", step.keyword, self.options(placed));
                let remark = format!(
                    "{} . {target}: what lies in it speaks for the whole folder of the build",
                    step.keyword
                );
                Some(Written { lines: vec![line], remarks: vec![remark], takes: false })
            }
            _ => {
                let lost = self.lost(placed)?;
                if let Some(written) = self.touched(step, placed, &lost) {
                    return Some(written);
                }
                let why =
                    format!("{} … {target}: the history does not tell its source", step.keyword);
                self.by_content(placed).or_else(|| self.taken(placed, &why))
            }
        }
    }

    /// Whether the sources are those of another stage: not of an image, which a builder can pull.
    fn is_of_stage(&self, placed: &Placed, sources: &[String]) -> bool {
        match placed.copied.from() {
            Some(from) => !from.contains(['/', ':']),
            None => sources.iter().any(|s| self.context.lacks(s)),
        }
    }

    /// The options as written; where the history leaves out the owner, the layer tells it.
    fn options(&self, placed: &Placed) -> String {
        let mut options: Vec<String> =
            placed.copied.options.iter().filter(|o| !o.starts_with("--from=")).cloned().collect();
        if !options.iter().any(|o| o.starts_with("--chown"))
            && let Some((uid, gid)) = self.owner(placed)
        {
            options.push(format!("--chown={uid}:{gid}"));
        }
        options.iter().map(|o| format!("{o} ")).collect()
    }

    /// The one owner of all files of the step, if it is not root.
    fn owner(&self, placed: &Placed) -> Option<(u64, u64)> {
        let index = self.evidence.facts.view.index(placed.layer?)?;
        let mut owners = index.entries.iter().filter(|e| e.is_file()).map(|e| (e.uid, e.gid));
        let first = owners.next()?;
        (first != (0, 0) && owners.all(|o| o == first)).then_some(first)
    }

    /// The files of the step that the final file system does not have.
    fn lost(&self, placed: &Placed) -> Option<Vec<LayerPath>> {
        let files = self.files(placed)?;
        Some(files.into_iter().filter(|(_, there)| !there).map(|(path, _)| path).collect())
    }

    /// All files and links of the step, and whether they are there in the end.
    fn files(&self, placed: &Placed) -> Option<Vec<(LayerPath, bool)>> {
        let (view, layer) = (&self.evidence.facts.view, placed.layer?);
        let index = view.index(layer)?;
        let nodes = (0..index.entries.len() as u32)
            .map(|entry| Node { layer, entry })
            .filter(|n| !view.entry(*n).is_dir() && !view.entry(*n).path().is_marker());
        let files = nodes.map(|node| {
            let path = view.path(node);
            let there = is_there(self.evidence, node) && !self.secrets.contains(&path);
            (path, there)
        });
        Some(files.collect())
    }

    /// Files with secrets that a later step deletes, as empty ones: a step that deletes them would fail if they
    /// were not there.
    fn touched(&self, step: &Instruction, placed: &Placed, lost: &[LayerPath]) -> Option<Written> {
        let all = self.files(placed)?;
        if lost.is_empty()
            || lost.len() < all.len()
            || !lost.iter().all(|p| self.may_be_empty(placed, p))
        {
            return None;
        }
        let line = touch(lost)?;
        let remark = format!(
            "{} … {} is an empty file here: a later step deletes it",
            step.keyword, placed.copied.target
        );
        Some(Written { lines: vec![line], remarks: vec![remark], takes: false })
    }

    /// It is a secret, or no step does anything with it but delete or move it.
    fn may_be_empty(&self, placed: &Placed, path: &LayerPath) -> bool {
        self.is_secret(path) || self.is_only_deleted(placed, path)
    }

    fn is_secret(&self, path: &LayerPath) -> bool {
        let all = self.evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
        let mut found =
            all.filter(|f| f.category == Category::Secret && f.state != State::OnlyInConfig);
        is_store(path)
            || self.secrets.contains(path)
            || found.any(|f| f.path.as_ref() == Some(path))
    }

    fn is_only_deleted(&self, placed: &Placed, path: &LayerPath) -> bool {
        let name = String::from_utf8_lossy(path.name()).into_owned();
        let later = self.evidence.facts.history.steps.iter().skip(placed.number + 1);
        later.filter(|s| s.keyword == "RUN" && s.text.contains(&name)).all(|step| {
            commands(&step.text).is_some_and(|all| {
                all.iter().filter(|c| c.text.contains(&name)).all(|c| {
                    c.words
                        .first()
                        .is_some_and(|w| ["rm", "mv", "shred", "unlink"].contains(&w.as_str()))
                })
            })
        })
    }

    /// Every file of the step under the name that the same bytes have in the context.
    fn by_content(&self, placed: &Placed) -> Option<Written> {
        let view = &self.evidence.facts.view;
        let index = view.index(placed.layer?)?;
        let files = index.entries.iter().filter(|e| e.is_file() && !e.path().is_marker());
        let mut named: Vec<(String, LayerPath)> = Vec::new();
        for entry in files {
            let at = entry.path();
            let name = self.context.name_of(entry.content()?, &at, entry.size)?;
            if !is_plain(name) || !is_plain(&at.to_text()) || named.len() == MOST {
                return None;
            }
            named.push((name.to_owned(), at));
        }
        let options = self.options(placed);
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let folder = named.first()?.1.parent();
        let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let together = named.len() > 1
            && named
                .iter()
                .all(|(name, at)| at.parent() == folder && last(name).as_bytes() == at.name());
        let lines = match together {
            true => {
                let folder = folder.unwrap_or_default().to_text();
                let folder = if folder.is_empty() { "/".to_owned() } else { format!("/{folder}/") };
                vec![format!("COPY {options}{} {folder}", names.join(" "))]
            }
            false => {
                named.iter().map(|(n, at)| format!("COPY {options}{n} /{}", at.to_text())).collect()
            }
        };
        let remark = format!("{} … {}: found by content", names.join(", "), placed.copied.target);
        Some(Written { lines, remarks: vec![remark], takes: false })
    }

    /// The files of the step as the present image has them.
    fn taken(&self, placed: &Placed, why: &str) -> Option<Written> {
        let view = &self.evidence.facts.view;
        let files = self.files(placed)?;
        let lost: Vec<LayerPath> =
            files.iter().filter(|(_, there)| !there).map(|(path, _)| path.clone()).collect();
        if files.is_empty() || !lost.iter().all(|p| self.may_be_empty(placed, p)) {
            return None;
        }
        let wanted: HashSet<&LayerPath> =
            files.iter().filter(|(_, there)| *there).map(|(path, _)| path).collect();
        let items = view.iter().enumerate().map(|(number, (path, node))| {
            let kind = view.content_of(node).map_or(view.entry(node).kind, |n| view.entry(n).kind);
            Item {
                number: number as u32,
                directory: kind == EntryKind::Directory,
                kept: wanted.contains(&path),
                forbidden: self.secrets.contains(&path),
            }
        });
        let list = cover(view, items, false).include;
        if list.len() > MOST || !list.iter().all(is_writable) {
            return None;
        }
        let options = self.options(placed);
        let mut lines: Vec<String> = list
            .iter()
            .map(|path| {
                let path = path.to_text();
                format!("COPY --from={} {options}[\"/{path}\", \"/{path}\"]", self.present.name)
            })
            .collect();
        let mut remarks = vec![format!("{why}: taken from the image as it is now")];
        if !lost.is_empty() {
            lines.push(touch(&lost)?);
            remarks.extend(lost.iter().map(|path| {
                format!(
                    "{path} is an empty file here: the image has it no more, or it holds a secret"
                )
            }));
        }
        Some(Written { lines, remarks, takes: !list.is_empty() })
    }
}

/// A step that makes empty files, by names that need no quotes.
fn touch(files: &[LayerPath]) -> Option<String> {
    let names: Vec<String> = files.iter().map(|f| format!("/{}", f.to_text())).collect();
    if names.len() > MOST || !names.iter().all(|n| is_plain(n)) {
        return None;
    }
    let folders: BTreeSet<&str> =
        names.iter().map(|f| f.rsplit_once('/').map_or("", |(dir, _)| dir)).collect();
    let folders: Vec<&str> =
        folders.into_iter().map(|d| if d.is_empty() { "/" } else { d }).collect();
    Some(format!("RUN mkdir -p {} && touch {}", folders.join(" "), names.join(" ")))
}

/// As a string of an exec form that no builder takes for a pattern or a variable.
fn is_writable(path: &LayerPath) -> bool {
    path.as_bytes().iter().all(|b| *b >= b' ' && !b"\"\\*?[$".contains(b))
}
