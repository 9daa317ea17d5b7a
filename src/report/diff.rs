//! What changed from one image to another: pure functions over finished data, and their text.

use super::files::FileRow;
use super::model::{PackageReport, Report, Sizes};
use super::text::Paper;
use super::text::page::Page;
use super::text::table::{self, Fit};
use super::text::words;
use crate::analyze::PackageKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// All that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiffReport {
    pub before: String,
    pub after: String,
    pub size: SizeChange,
    pub config: Vec<ConfigChange>,
    pub packages: Vec<PackageChange>,
    pub files: Vec<FileChange>,
    /// One of the two images could not be looked at as a whole: what is missing may not have changed.
    pub partial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SizeChange {
    pub before: Sizes,
    pub after: Sizes,
}

/// A part of the configuration; `null` where one side has none. Environment variables by name, with no
/// value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    pub what: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Versions, sorted; several where a package is installed more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    pub kind: PackageKind,
    pub name: String,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// A path of the final file system; `null` where one side has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    pub path: String,
    /// Bytes of content.
    pub before: Option<u64>,
    pub after: Option<u64>,
}

/// Sizes, configuration and packages from the two reports, files from the two final views.
pub fn diff_reports(
    a: &Report,
    b: &Report,
    a_files: &[FileRow],
    b_files: &[FileRow],
) -> DiffReport {
    DiffReport {
        before: a.image.reference.clone(),
        after: b.image.reference.clone(),
        size: SizeChange { before: a.size, after: b.size },
        config: config(a, b),
        packages: packages(&a.packages, &b.packages),
        files: files(a_files, b_files),
        partial: [a, b].iter().any(|r| r.not_looked_at.iter().any(|n| n.failed)),
    }
}

/// Every key of either side whose values differ.
fn changed<K: Ord + Clone, V: PartialEq>(
    a: BTreeMap<K, V>,
    mut b: BTreeMap<K, V>,
) -> Vec<(K, Option<V>, Option<V>)> {
    let mut out = Vec::new();
    for (k, before) in a {
        let after = b.remove(&k);
        if after.as_ref() != Some(&before) {
            out.push((k, Some(before), after));
        }
    }
    out.extend(b.into_iter().map(|(k, after)| (k, None, Some(after))));
    out.sort_by(|x, y| x.0.cmp(&y.0));
    out
}

fn config(a: &Report, b: &Report) -> Vec<ConfigChange> {
    changed(facts(a), facts(b))
        .into_iter()
        .map(|(what, before, after)| {
            // Values of variables serve the comparison only.
            let hide = what.starts_with("env ");
            let show = |v: Option<String>| v.map(|v| if hide { "set".to_owned() } else { v });
            ConfigChange { before: show(before), after: show(after), what }
        })
        .collect()
}

fn facts(r: &Report) -> BTreeMap<String, String> {
    let i = &r.image;
    let mut facts = BTreeMap::new();
    let single = [
        ("platform", i.platform.clone()),
        ("os", i.os_release.clone().unwrap_or_default()),
        ("user", i.user.clone()),
        ("command", i.command.join(" ")),
        ("working dir", i.working_dir.clone()),
        ("healthcheck", i.healthcheck.as_deref().unwrap_or_default().join(" ")),
    ];
    facts.extend(single.into_iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.to_owned(), v)));
    facts.extend(i.env.iter().map(|e| (format!("env {}", e.name), e.value.clone())));
    facts.extend(i.labels.iter().map(|(k, v)| (format!("label {k}"), v.clone())));
    facts.extend(i.exposed_ports.iter().map(|p| (format!("port {p}"), "open".to_owned())));
    facts.extend(i.volumes.iter().map(|v| (format!("volume {v}"), "set".to_owned())));
    facts
}

fn packages(a: &[PackageReport], b: &[PackageReport]) -> Vec<PackageChange> {
    let by_name = |all: &[PackageReport]| {
        let mut map: BTreeMap<(PackageKind, String), Vec<String>> = BTreeMap::new();
        for p in all {
            map.entry((p.kind, p.name.clone())).or_default().push(p.version.clone());
        }
        map.values_mut().for_each(|v| v.sort());
        map
    };
    changed(by_name(a), by_name(b))
        .into_iter()
        .map(|((kind, name), before, after)| PackageChange {
            kind,
            name,
            before: before.unwrap_or_default(),
            after: after.unwrap_or_default(),
        })
        .collect()
}

/// Files that came, went, or differ in kind, content, mode, owner or link; a new time alone is no
/// change.
fn files(a: &[FileRow], b: &[FileRow]) -> Vec<FileChange> {
    type Seen = (char, u64, u32, u64, u64, Option<String>, Option<[u8; 32]>);
    let by_path = |all: &[FileRow]| -> BTreeMap<String, Seen> {
        all.iter()
            .map(|f| {
                let seen = (f.kind, f.size, f.mode, f.uid, f.gid, f.link.clone(), f.content);
                (f.path.clone(), seen)
            })
            .collect()
    };
    changed(by_path(a), by_path(b))
        .into_iter()
        .map(|(path, before, after)| FileChange {
            path,
            before: before.map(|f| f.1),
            after: after.map(|f| f.1),
        })
        .collect()
}

/// The difference for people: every change, the largest files first, or the first `few` of each kind.
pub fn text(d: &DiffReport, paper: Paper, few: Option<usize>) -> String {
    let mut page = Page::new(paper);
    page.plain(format!("before  {}", d.before));
    page.plain(format!("after   {}", d.after));
    if d.partial {
        page.plain("PARTIAL: an image could not be looked at as a whole");
    }
    page.heading("Size", "");
    let rows: Vec<Vec<String>> = [
        ("compressed", d.size.before.compressed, d.size.after.compressed),
        ("content", d.size.before.content, d.size.after.content),
        ("on disk", d.size.before.on_disk, d.size.after.on_disk),
    ]
    .into_iter()
    .map(|(w, x, y)| vec![w.to_owned(), words::maybe_bytes(x), words::maybe_bytes(y), delta(x, y)])
    .collect();
    let sized =
        [("", Fit::Word), ("before", Fit::Number), ("after", Fit::Number), ("change", Fit::Number)];
    table::write(&mut page, 2, &sized, &rows);

    let rows: Vec<Vec<String>> = d
        .config
        .iter()
        .map(|c| vec![c.what.clone(), or_dash(&c.before), or_dash(&c.after)])
        .collect();
    let head = [("what", Fit::Path), ("before", Fit::Sentence), ("after", Fit::Sentence)];
    part(&mut page, "Configuration", &head, rows, few);

    let rows: Vec<Vec<String>> = d
        .packages
        .iter()
        .map(|p| {
            let versions = |v: &[String]| {
                if v.is_empty() { "–".to_owned() } else { v.join(", ") }
            };
            vec![
                words::package(p.kind).to_owned(),
                p.name.clone(),
                versions(&p.before),
                versions(&p.after),
            ]
        })
        .collect();
    let head = [
        ("kind", Fit::Word),
        ("name", Fit::Path),
        ("before", Fit::Sentence),
        ("after", Fit::Sentence),
    ];
    part(&mut page, "Packages", &head, rows, few);

    let mut files: Vec<&FileChange> = d.files.iter().collect();
    files.sort_by_key(|f| std::cmp::Reverse(f.before.unwrap_or(0).abs_diff(f.after.unwrap_or(0))));
    let rows: Vec<Vec<String>> = files
        .iter()
        .map(|f| {
            vec![words::maybe_bytes(f.before), words::maybe_bytes(f.after), words::path(&f.path)]
        })
        .collect();
    let head = [("before", Fit::Number), ("after", Fit::Number), ("path", Fit::Path)];
    part(&mut page, "Files", &head, rows, few);
    page.finish()
}

fn part(
    page: &mut Page,
    title: &str,
    head: &[(&str, Fit)],
    rows: Vec<Vec<String>>,
    few: Option<usize>,
) {
    if rows.is_empty() {
        page.heading(title, "the same");
        return;
    }
    page.heading(title, &words::count(rows.len(), "change"));
    let shown = few.unwrap_or(rows.len()).min(rows.len());
    table::write(page, 2, head, &rows[..shown]);
    page.more(2, shown, rows.len());
}

fn or_dash(v: &Option<String>) -> String {
    v.clone().unwrap_or_else(|| "–".to_owned())
}

fn delta(a: Option<u64>, b: Option<u64>) -> String {
    a.zip(b).map_or("–".to_owned(), |(a, b)| words::difference(a, b))
}
