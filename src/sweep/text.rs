//! A sweep and the tables of its inventory for people, 80 columns wide. Lays out finished data.

use super::inventory::{Column, ColumnKind};
use super::store::{PlanFigures, Row, Value};
use super::summary::Summary;
use crate::report::text::Paper;
use crate::report::text::page::{Page, Tone, span};
use crate::report::text::table::{Fit, write};
use crate::text::Bytes;

/// Columns of the labels at the left.
const LABEL: usize = 12;

/// What a sweep will cost, in one line.
pub fn plan_line(f: &PlanFigures) -> String {
    let known = f.layer_bytes.saturating_sub(f.bytes_to_fetch);
    format!(
        "{} tags in {} repositories: {} images, {} layers. To fetch: {} layers, {}{}",
        f.tags,
        f.repositories,
        f.images,
        f.layers,
        f.layers_to_fetch,
        Bytes(f.bytes_to_fetch),
        if known > 0 { format!(" ({} known already)", Bytes(known)) } else { String::new() }
    )
}

/// How bad, where, what to do: one screen.
pub fn summary(s: &Summary, paper: Paper) -> String {
    let mut page = Page::new(paper);
    head(&mut page, s);
    if matches!(s.state, "planned" | "queued") {
        plan(&mut page, s);
    } else {
        figures(&mut page, s);
        secrets(&mut page, s);
        advice(&mut page, s);
        measured(&mut page, s);
    }
    gaps(&mut page, s);
    page.finish()
}

fn labelled(page: &mut Page, label: &str, tone: Tone, text: String) {
    page.line(&[span(Tone::Plain, format!("{label:<LABEL$}")), span(tone, text)]);
}

fn head(page: &mut Page, s: &Summary) {
    let f = &s.planned;
    page.line(&[
        span(Tone::Strong, s.target.as_str()),
        span(Tone::Quiet, format!(" · sweep {}", s.run)),
    ]);
    page.line(&[span(
        Tone::Quiet,
        format!(
            "{} repositories · {} tags · {} images · {} layers",
            f.repositories, f.tags, f.images, f.layers
        ),
    )]);
    page.blank();
    match s.state {
        "partial" => page.line(&[span(
            Tone::Bad,
            format!(
                "PARTIAL: {} could not be looked at; all below is without it",
                things(s.failed)
            ),
        )]),
        "stopped" => page.line(&[span(
            Tone::Bad,
            "STOPPED: the rest is done by the next sweep; all below is without it",
        )]),
        _ => {}
    }
}

fn things(n: u64) -> String {
    if n == 1 { "1 thing".to_owned() } else { format!("{n} things") }
}

fn plan(page: &mut Page, s: &Summary) {
    let f = &s.planned;
    let known = f.layer_bytes.saturating_sub(f.bytes_to_fetch);
    let times = f.loop_bytes as f64 / f.layer_bytes.max(1) as f64;
    labelled(
        page,
        "to fetch",
        Tone::Strong,
        format!("{} in {} layers", Bytes(f.bytes_to_fetch), f.layers_to_fetch),
    );
    labelled(page, "known", Tone::Plain, format!("{} already", Bytes(known)));
    labelled(
        page,
        "one by one",
        Tone::Plain,
        format!("{}: {times:.1} times the distinct layers", Bytes(f.loop_bytes)),
    );
}

fn figures(page: &mut Page, s: &Summary) {
    let f = &s.fleet;
    let (tone, word) = match f.secrets {
        0 => (Tone::Good, "none found".to_owned()),
        n => (
            Tone::Bad,
            format!("{n} distinct, in {} images and {} tags", f.secret_images, f.secret_tags),
        ),
    };
    labelled(page, "secrets", tone, word);
    let share = |part: u64, all: u64| (part as f64 * 100.0 / all.max(1) as f64).round();
    let tone = if f.root_images > 0 { Tone::Warning } else { Tone::Good };
    labelled(
        page,
        "root",
        tone,
        format!(
            "{} of {} images ({}%); {} without a health check",
            f.root_images,
            f.images,
            share(f.root_images, f.images),
            f.no_healthcheck
        ),
    );
    labelled(
        page,
        "registry",
        Tone::Plain,
        format!(
            "{} in distinct layers; {} to pull each tag once",
            Bytes(f.registry_bytes),
            Bytes(f.pull_bytes)
        ),
    );
    labelled(
        page,
        "on disk",
        Tone::Plain,
        format!(
            "{} of {} not needed, {} hidden by later layers",
            Bytes(f.unneeded_bytes),
            Bytes(f.content_bytes),
            Bytes(f.waste_bytes)
        ),
    );
    labelled(page, "fetched", Tone::Quiet, format!("{} by this sweep", Bytes(s.fetched_bytes)));
}

fn secrets(page: &mut Page, s: &Summary) {
    if s.secrets.is_empty() {
        return;
    }
    page.heading("Leaked", "careen inventory secrets");
    let mut rows: Vec<Vec<String>> = s
        .secrets
        .iter()
        .take(5)
        .map(|l| {
            vec![
                l.severity.clone(),
                l.rule.trim_start_matches("secret/").to_owned(),
                l.tags.to_string(),
                l.path.clone().unwrap_or_else(|| l.state.clone()),
                l.brought_by.clone(),
            ]
        })
        .collect();
    let columns = [
        ("", Fit::Word),
        ("what", Fit::Sentence),
        ("tags", Fit::Number),
        ("where", Fit::Path),
        ("brought by", Fit::Path),
    ];
    one_host(&mut rows, &columns);
    write(page, 2, &columns, &rows);
}

fn advice(page: &mut Page, s: &Summary) {
    if s.advice.is_empty() {
        return;
    }
    page.heading("Do first", "careen inventory advice");
    // The worst leaks, and the changes that save most.
    let (leaks, bytes): (Vec<_>, Vec<_>) = s.advice.iter().partition(|a| a.kind == "leak");
    let host = s.target.split('/').next().unwrap_or_default();
    for (n, a) in leaks.iter().take(2).chain(bytes.iter().take(3)).enumerate() {
        let title = a.title.replace(&format!("{host}/"), "");
        let number = format!("{:>2}. ", n + 1);
        page.paragraph(&number, 4, Tone::Strong, &title);
        let saves = match (a.registry_bytes, a.pull_bytes) {
            (0, 0) if a.tags == 1 => "1 tag carries it".to_owned(),
            (0, 0) => format!("{} tags carry it", a.tags),
            (r, 0) => format!("saves {} in the registry", Bytes(r)),
            (r, p) => format!(
                "saves {} in the registry, {} when each of {} tags is pulled",
                Bytes(r),
                Bytes(p),
                a.tags
            ),
        };
        page.line(&[span(Tone::Quiet, format!("    {saves}"))]);
    }
}

fn measured(page: &mut Page, s: &Summary) {
    if s.measured.is_empty() {
        return;
    }
    page.heading("Since the last sweep", "what was proposed and is gone");
    for m in s.measured.iter().take(5) {
        let signed = |n: i64| match n {
            n if n < 0 => format!("-{}", Bytes(n.unsigned_abs())),
            n => Bytes(n as u64).to_string(),
        };
        page.line(&[span(Tone::Good, "  ✓ "), span(Tone::Plain, m.title.as_str())]);
        page.line(&[span(
            Tone::Quiet,
            format!(
                "    registry: {} predicted, {} measured; pulls: {} predicted, {} measured",
                Bytes(m.predicted_registry_bytes),
                signed(m.measured_registry_bytes),
                Bytes(m.predicted_pull_bytes),
                signed(m.measured_pull_bytes)
            ),
        )]);
    }
}

fn gaps(page: &mut Page, s: &Summary) {
    if s.not_looked_at.is_empty() {
        return;
    }
    let (failed, other): (Vec<_>, Vec<_>) = s.not_looked_at.iter().partition(|g| g.failed);
    if !failed.is_empty() {
        page.heading("Not looked at", "careen inventory not-looked-at");
        for gap in failed.iter().take(8) {
            page.line(&[span(Tone::Bad, "  "), span(Tone::Plain, gap.reference.as_str())]);
            page.paragraph("", 4, Tone::Quiet, &format!("{}: {}", gap.what, gap.why));
        }
        if s.failed > 8 {
            page.plain(format!("  … {} more", s.failed - 8));
        }
    }
    if !other.is_empty() {
        page.heading("No images", "charts, signatures and the like: nothing to look at");
        for gap in other.iter().take(3) {
            page.line(&[span(Tone::Quiet, format!("  {}: {}", gap.reference, gap.why))]);
        }
        if other.len() > 3 {
            page.plain(format!("  … {} more", other.len() - 3));
        }
    }
}

/// A table of the inventory: the columns that people look at first, or all.
pub fn table(
    title: &str,
    about: &str,
    columns: &[Column],
    shown: &[&str],
    rows: &[Row],
    more: bool,
    paper: Paper,
) -> String {
    let mut page = Page::new(paper);
    page.line(&[span(Tone::Strong, title), span(Tone::Quiet, format!("  {about}"))]);
    if rows.is_empty() {
        page.plain("  nothing");
        return page.finish();
    }
    let chosen: Vec<usize> = match shown {
        [] => (0..columns.len()).collect(),
        names => {
            let place = |n: &&str| columns.iter().position(|c| c.name == **n);
            names.iter().filter_map(place).collect()
        }
    };
    let head: Vec<(String, Fit)> = chosen.iter().map(|&i| title_of(&columns[i])).collect();
    let head: Vec<(&str, Fit)> = head.iter().map(|(t, f)| (t.as_str(), *f)).collect();
    let cells = |row: &Row| chosen.iter().map(|&i| cell(&columns[i], row, i)).collect();
    let mut rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let host = one_host(&mut rows, &head);
    if let Some(host) = host {
        page.line(&[span(Tone::Quiet, format!("  in {host}"))]);
    }
    write(&mut page, 2, &head, &rows);
    if more {
        page.line(&[span(Tone::Quiet, "  … there are more (--limit 0 shows all)")]);
    }
    page.finish()
}

/// Takes the registry out of all names where there is only one: it would take half of the line.
fn one_host(rows: &mut [Vec<String>], head: &[(&str, Fit)]) -> Option<String> {
    const NAMES: [&str; 6] = ["image", "repository", "example", "brought by", "reference", "base"];
    let named: Vec<usize> = (0..head.len()).filter(|&i| NAMES.contains(&head[i].0)).collect();
    let host_of = |cell: &str| {
        let (host, _) = cell.split_once('/')?;
        (host.contains(['.', ':']) || host == "localhost").then(|| format!("{host}/"))
    };
    let cells = rows.iter().flat_map(|r| named.iter().filter_map(|&i| r.get(i)));
    let hosts: std::collections::BTreeSet<String> = cells.filter_map(|c| host_of(c)).collect();
    let mut hosts = hosts.into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    for row in rows {
        for &i in &named {
            if let Some(cell) = row.get_mut(i).filter(|c| c.starts_with(&host)) {
                cell.drain(..host.len());
            }
        }
    }
    Some(host.trim_end_matches('/').to_owned())
}

fn title_of(column: &Column) -> (String, Fit) {
    let fit = match (column.kind, column.name.as_str()) {
        (ColumnKind::Count | ColumnKind::Bytes, _) => Fit::Number,
        (ColumnKind::Time | ColumnKind::Flag, _) => Fit::Word,
        (_, "severity" | "kind" | "known_by" | "run_as" | "state") => Fit::Word,
        (_, "instruction" | "title" | "what" | "why" | "rule" | "advice") => Fit::Sentence,
        _ => Fit::Path,
    };
    let title = column.name.trim_end_matches("_bytes").replace('_', " ");
    (title, fit)
}

/// A value as people read it.
pub(super) fn cell(column: &Column, row: &Row, at: usize) -> String {
    match (row.0.get(at), column.kind) {
        (None | Some(Value::Null), _) => "–".to_owned(),
        (Some(Value::Int(n)), ColumnKind::Bytes) => Bytes((*n).max(0) as u64).to_string(),
        (Some(Value::Int(n)), ColumnKind::Time) => day(*n),
        (Some(Value::Int(n)), ColumnKind::Flag) => if *n == 0 { "no" } else { "yes" }.to_owned(),
        (Some(Value::Int(n)), _) => n.to_string(),
        (Some(Value::Real(x)), _) => format!("{x:.2}"),
        (Some(Value::Text(s)), _) if s.parse::<crate::oci::Digest>().is_ok() => {
            format!("{}…", s.get(..19).unwrap_or(s))
        }
        (Some(Value::Text(s)), _) => s.clone(),
        (Some(Value::Bytes(b)), _) => format!("({} bytes)", b.len()),
    }
}

/// The day of a time in seconds since 1970.
pub(super) fn day(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(t) => t.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
        Err(_) => "–".to_owned(),
    }
}
