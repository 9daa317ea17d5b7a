//! Looking around in an image: its files, one file's bytes, two images side by side.

use super::extract::{extract, extract_in_pass};
use super::judge::{Judged, judge};
use super::{PipelineError, Plan, Progress, read};
use crate::image::view::{Node, View};
use crate::image::{EntryState, LayerState, ReadImage, state_of};
use crate::index::EntryRef;
use crate::index::Names;
use crate::layer::{EntryKind, LayerPath};
use crate::report::diff::{DiffReport, diff_reports};
use crate::report::files::FileRow;
use crate::report::model::NotLookedAt;
use crate::source::SourceError;
use crate::source::locator::{Locator, Opened};
use crate::text::Sanitized;
use std::io::Write;

/// The one image that commands other than `inspect` look at.
pub(super) fn one(
    plan: &Plan,
    progress: &dyn Progress,
) -> Result<(ReadImage, Vec<NotLookedAt>), PipelineError> {
    let reading = read::read(plan, progress)?;
    let mut images = reading.images;
    if images.is_empty() {
        return Err(SourceError::NotFound { what: "an image".to_owned() }.into());
    }
    // The plan of these commands names one platform.
    Ok((images.swap_remove(0), reading.unseen))
}

fn index_of(image: &ReadImage, number: usize) -> Result<&crate::index::LayerIndex, PipelineError> {
    let layer = image
        .layers
        .get(number)
        .ok_or(PipelineError::NoSuchLayer { number, layers: image.layers.len() })?;
    match &layer.state {
        LayerState::Indexed(index) => Ok(index),
        LayerState::NotLookedAt { why, .. } => {
            Err(PipelineError::NotLookedAt { what: format!("layer {number}"), why: why.clone() })
        }
    }
}

/// The entries of one layer in the order of its tar, or of the final file system by path.
pub fn list_files(
    plan: &Plan,
    layer: Option<usize>,
    progress: &dyn Progress,
) -> Result<Vec<FileRow>, PipelineError> {
    let (image, _) = one(plan, progress)?;
    let view = View::merge(&image.layers);
    let Some(number) = layer else {
        // A final file system that lacks a layer is not the image's.
        for number in 0..image.layers.len() {
            index_of(&image, number)?;
        }
        return Ok(final_files(&view));
    };
    let index = index_of(&image, number)?;
    let entries = index.entries.iter().enumerate();
    Ok(entries
        .map(|(i, entry)| {
            row(&view, &entry.path(), Node { layer: number, entry: i as u32 }, entry.size)
        })
        .collect())
}

pub(super) fn row(view: &View, path: &LayerPath, node: Node, size: u64) -> FileRow {
    let entry = view.entry(node);
    FileRow {
        path: path.to_text(),
        kind: match entry.kind {
            EntryKind::File => '-',
            EntryKind::Directory => 'd',
            EntryKind::Symlink => 'l',
            EntryKind::HardLink => 'h',
            EntryKind::CharDevice => 'c',
            EntryKind::BlockDevice => 'b',
            EntryKind::Fifo => 'p',
        },
        size,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime: entry.mtime,
        layer: node.layer,
        link: entry.link().map(|l| String::from_utf8_lossy(l).into_owned()),
        state: match state_of(view, node) {
            EntryState::Visible => "visible",
            EntryState::Overwritten { .. } => "overwritten",
            EntryState::DeletedLater { .. } => "deleted-later",
            EntryState::HiddenByOpaque { .. } => "hidden-by-opaque",
        },
        content: view.content_of(node).and_then(|n| view.entry(n).content()).map(|c| c.0),
    }
}

/// What changed from one image to another.
pub fn diff(
    before: &Plan,
    after: &Plan,
    progress: &dyn Progress,
) -> Result<DiffReport, PipelineError> {
    let mut sides = Vec::with_capacity(2);
    for plan in [before, after] {
        let (image, unseen) = one(plan, progress)?;
        let Judged { report, facts, .. } = judge(plan, image, &unseen);
        sides.push((report, final_files(&facts.view)));
    }
    let [(a, a_files), (b, b_files)] = sides.as_slice() else { unreachable!("two were pushed") };
    Ok(diff_reports(a, b, a_files, b_files))
}

pub(super) fn final_files(view: &View) -> Vec<FileRow> {
    view.iter().map(|(path, node)| row(view, &path, node, view.bytes_of(node))).collect()
}

/// Writes a file's bytes to `out` and returns how many. Without a layer it is the file that a container
/// sees, symlinks followed; with one, the entry of that layer, also one that a later layer hides.
pub fn cat(
    plan: &Plan,
    path: &str,
    layer: Option<usize>,
    out: &mut (dyn Write + Send),
) -> Result<u64, PipelineError> {
    not_from_stdin(plan)?;
    let (image, _) = one(plan, &super::Silent)?;
    let view = View::merge(&image.layers);
    // A name that holds a secret may be given in clear, or as it is shown.
    let mut wanted = Names::new(&plan.patterns).path(&LayerPath::from(path));
    let missing = |place: String| PipelineError::NoSuchFile { path: path.to_owned(), place };
    let node = match layer {
        None => {
            if view.follow(&wanted).is_none() {
                wanted = meant(wanted, view.iter().map(|(p, _)| p));
            }
            let Some((_, node)) = view.follow(&wanted) else {
                // It may lie in a layer that could not be read.
                (0..image.layers.len()).try_for_each(|n| index_of(&image, n).map(drop))?;
                return Err(missing("the final file system".to_owned()));
            };
            view.content_of(node).unwrap_or(node)
        }
        Some(number) => {
            let entries = &index_of(&image, number)?.entries;
            if !entries.iter().any(|e| is_at(e, &wanted)) {
                wanted = meant(wanted, entries.iter().map(|e| e.path()));
            }
            // The last of several is what unpacks.
            let entry = entries
                .iter()
                .rposition(|e| is_at(e, &wanted))
                .ok_or_else(|| missing(format!("layer {number}")))?;
            let node = Node { layer: number, entry: entry as u32 };
            match view.entry(node).kind {
                EntryKind::HardLink => view.content_of(node).unwrap_or(node),
                _ => node,
            }
        }
    };
    let entry = view.entry(node);
    if !entry.is_file() {
        return Err(PipelineError::NotAFile { path: path.to_owned(), kind: kind_word(entry) });
    }
    write_entry(plan, &image, node, out)
}

/// The one path of these that is shown as `given`. A name that no terminal shows as it is can only be
/// given as careen writes it, with `\u{1b}` or `\xff` in it, as in the commands of a report.
fn meant(given: LayerPath, all: impl Iterator<Item = LayerPath>) -> LayerPath {
    let text = given.to_text();
    if !text.contains(['\\', '\u{fffd}']) {
        return given;
    }
    let shows = |bytes: &[u8]| Sanitized(bytes).to_string() == text;
    let mut found = all.filter(|p| shows(p.as_bytes()) || shows(p.to_text().as_bytes()));
    match found.next() {
        Some(one) if found.all(|other| other == one) => one,
        _ => given,
    }
}

/// Standard input has been read once already.
pub(super) fn not_from_stdin(plan: &Plan) -> Result<(), PipelineError> {
    if matches!(plan.locator, Locator::Stdin { .. }) {
        return Err(SourceError::NeedsSecondPass {
            what: "-".to_owned(),
            why: "finding a file takes one pass and reading it another".to_owned(),
        }
        .into());
    }
    Ok(())
}

/// Writes the bytes of a file's entry by a pass over its layer, and returns how many.
pub(super) fn write_entry(
    plan: &Plan,
    image: &ReadImage,
    node: Node,
    out: &mut (dyn Write + Send),
) -> Result<u64, PipelineError> {
    let layer = image
        .found
        .layers
        .get(node.layer)
        .ok_or(PipelineError::NoSuchLayer { number: node.layer, layers: image.layers.len() })?;
    match read::open(plan)? {
        Opened::Random(source) => extract(source.as_ref(), layer, node.entry, plan, out),
        Opened::SinglePass(pass) => extract_in_pass(pass, layer, node.entry, plan, out),
        Opened::Registry(_) => unreachable!("a registry is opened as a random source"),
    }
}

/// Whether an entry's own path is this.
fn is_at(entry: EntryRef, path: &LayerPath) -> bool {
    entry.name() == path.name() && entry.path() == *path
}

fn kind_word(entry: EntryRef) -> &'static str {
    match entry.kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symbolic link",
        EntryKind::HardLink => "hard link to a file that no layer has",
        EntryKind::CharDevice | EntryKind::BlockDevice => "device",
        EntryKind::Fifo => "named pipe",
    }
}
