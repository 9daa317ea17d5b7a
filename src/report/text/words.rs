//! The report's words for the model's kinds.

use super::page::Tone;
use crate::analyze::PackageKind;
use crate::report::model::{FindingReport, Hidden, Interval, Report, Waste, WasteKind};
use crate::report::verdict::Verdict;
use crate::rules::{Severity, State};
use crate::text::Bytes;

pub(crate) fn severity(s: Severity) -> &'static str {
    match s {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// The verdict, and what it comes from: `2 critical, 1 low findings`, `no findings; config left out`.
pub(crate) fn verdict(report: &Report) -> (Verdict, String) {
    const ORDER: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let counts = ORDER
        .iter()
        .map(|&s| (s, report.findings.iter().filter(|f| f.severity == s).count()))
        .filter(|(_, n)| *n > 0)
        .map(|(s, n)| format!("{n} {}", severity(s)))
        .collect::<Vec<_>>()
        .join(", ");
    let partial = report.not_looked_at.iter().any(|n| n.failed);
    let word = Verdict::of(report);
    // Nothing but what is accepted or known is not the same as nothing.
    let new = if set_aside(&report.hidden).is_some() { "new " } else { "" };
    let left_out = report.unjudged();
    if report.is_unreadable() {
        return (word, "the image could not be looked at".to_owned());
    }
    let what = match (counts.is_empty(), partial) {
        (true, _) if left_out.len() == 2 => {
            return (word, format!("{} left out", left_out.join(" and ")));
        }
        (true, false) => format!("no {new}findings"),
        (true, true) => format!("no {new}findings in what was looked at"),
        (false, _) => {
            format!("{counts} finding{}", if report.findings.len() == 1 { "" } else { "s" })
        }
    };
    match left_out.is_empty() {
        true => (word, what),
        false => (word, format!("{what}; {} left out", left_out.join(" and "))),
    }
}

/// A secret that a package ships to everyone: not the image's own.
pub(crate) fn is_of_package(f: &FindingReport) -> bool {
    f.package.is_some() && f.severity <= Severity::Low
}

pub(crate) fn severity_tone(s: Severity) -> Tone {
    match s {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Warning,
        Severity::Low | Severity::Info => Tone::Quiet,
    }
}

pub(crate) fn state(s: State) -> &'static str {
    match s {
        State::Visible => "visible",
        State::Overwritten => "overwritten later, still downloadable",
        State::DeletedLater => "deleted later, still downloadable",
        State::HiddenByOpaque => "hidden later, still downloadable",
        State::OnlyInConfig => "in the image's configuration",
        State::OnlyInHistory => "in the build history",
        State::Nowhere => "",
    }
}

pub(crate) fn waste(k: WasteKind) -> &'static str {
    match k {
        WasteKind::Deleted => "deleted",
        WasteKind::Overwritten => "overwritten",
        WasteKind::MetadataOnly => "chmod/chown",
        WasteKind::Opaque => "dir replaced",
        WasteKind::DuplicateEntry => "written twice",
    }
}

pub(crate) fn package(k: PackageKind) -> &'static str {
    match k {
        PackageKind::Dpkg => "dpkg",
        PackageKind::Apk => "apk",
        PackageKind::Rpm => "rpm",
        PackageKind::Python => "python",
        PackageKind::Node => "node",
        PackageKind::Java => "java",
        PackageKind::Gem => "gem",
        PackageKind::Go => "go",
        PackageKind::Rust => "rust",
        PackageKind::Conda => "conda",
        PackageKind::Composer => "composer",
        PackageKind::Nuget => "nuget",
    }
}

pub(crate) fn bytes(n: u64) -> String {
    Bytes(n).to_string()
}

/// Unknown is a dash, never 0.
/// `+1.20 MB`, `-3 B`.
pub(crate) fn signed(n: i128) -> String {
    let size = u64::try_from(n.unsigned_abs()).unwrap_or(u64::MAX);
    match n {
        0 => "0 B".to_owned(),
        1.. => format!("+{}", bytes(size)),
        _ => format!("-{}", bytes(size)),
    }
}

/// The same, or `the same`.
pub(crate) fn difference(before: u64, after: u64) -> String {
    if before == after {
        return "the same".to_owned();
    }
    signed(i128::from(after) - i128::from(before))
}

pub(crate) fn maybe_bytes(n: Option<u64>) -> String {
    n.map_or("–".to_owned(), bytes)
}

pub(crate) fn maybe_number(n: Option<u64>) -> String {
    n.map_or("–".to_owned(), |n| n.to_string())
}

/// `180 MB (150 MB to 210 MB)`; alone where there is no doubt.
pub(crate) fn interval(i: Interval) -> String {
    if i.low == i.high {
        bytes(i.likely)
    } else {
        format!("about {} ({} to {})", bytes(i.likely), bytes(i.low), bytes(i.high))
    }
}

/// What later layers hide: `12.3 MB`, or of a part of the image `at least 12.3 MB`, `unknown`.
pub(crate) fn hidden(waste: &Waste) -> String {
    match (waste.bytes, waste.at_least) {
        (Some(n), _) => bytes(n),
        (None, 0) => "unknown".to_owned(),
        (None, n) => format!("at least {}", bytes(n)),
    }
}

/// A path of the image as people write it, from the root.
pub(crate) fn path(p: &str) -> String {
    if p.starts_with('/') { p.to_owned() } else { format!("/{p}") }
}

/// `/app/.env:3`.
pub(crate) fn place(f: &FindingReport) -> Option<String> {
    let path = path(f.path.as_deref()?);
    Some(match f.line {
        Some(n) => format!("{path}:{n}"),
        None => path,
    })
}

/// `3 findings accepted, 12 known from the baseline`; nothing where there is none of both.
pub(crate) fn set_aside(hidden: &Hidden) -> Option<String> {
    match (hidden.accepted, hidden.known) {
        (0, 0) => None,
        (n, 0) => Some(format!("{} accepted", count(n, "finding"))),
        (0, n) => Some(format!("{} known from the baseline", count(n, "finding"))),
        (a, k) => Some(format!("{} accepted, {k} known from the baseline", count(a, "finding"))),
    }
}

/// With a capital at its start.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// `1 finding`, `2 findings`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    match n {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}
/// A build step for a narrow column: of a digest only the head, so that what comes behind it shows.
pub fn step(instruction: &str) -> String {
    let mut out = String::with_capacity(instruction.len());
    let mut run = 0;
    for c in instruction.chars() {
        run = if c.is_ascii_hexdigit() { run + 1 } else { 0 };
        match run {
            0..=32 => out.push(c),
            33 => {
                out.truncate(out.len() - 24);
                out.push('…');
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_leaves_room_for_what_is_behind_it() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(step(&format!("ADD file:{digest} in /app")), "ADD file:01234567… in /app");
        assert_eq!(step("RUN deadbeef"), "RUN deadbeef");
    }
}
