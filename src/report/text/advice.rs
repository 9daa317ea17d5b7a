//! What to do, with the size that the image would have afterwards.

use super::Detail;
use super::page::{Page, Tone, clean, span};
use super::width::{columns, head};
use super::words;
use crate::report::model::{AdviceReport, Report};
use crate::text::Bytes;

const FEW: usize = 3;
/// Lines of a Dockerfile that are printed within the report.
const SHORT: usize = 30;

pub(super) fn write(page: &mut Page, report: &Report, detail: Detail) {
    if report.advice.is_empty() {
        return;
    }
    page.heading("Advice", "each with the image's size afterwards");
    let (possible, not): (Vec<_>, Vec<_>) = report.advice.iter().partition(|a| a.possible);
    let shown = detail.limit(FEW, possible.len());
    for (i, a) in possible[..shown].iter().enumerate() {
        step(page, &format!("  {}.", i + 1), a, report);
    }
    page.more(2, shown, possible.len());
    for a in not {
        page.paragraph("  –", 5, Tone::Plain, &format!("{}: not possible", a.title));
        page.paragraph("", 5, Tone::Quiet, &a.because);
    }
}

fn step(page: &mut Page, number: &str, a: &AdviceReport, report: &Report) {
    page.paragraph(number, 5, Tone::Strong, &a.title);
    page.paragraph("", 5, Tone::Plain, &a.because);
    for change in &a.changes {
        page.paragraph("     -", 7, Tone::Plain, change);
    }
    let estimates = [
        ("compressed", report.size.compressed, a.estimate.compressed),
        ("on disk", report.size.on_disk, a.estimate.on_disk),
    ];
    for (word, now, then) in estimates {
        // What stays as it is needs no line.
        if let Some(then) = then.filter(|t| t.low != t.high || now != Some(t.likely)) {
            page.line(&[
                span(Tone::Plain, format!("     {word:<10}  {} → ", words::maybe_bytes(now))),
                span(Tone::Good, words::interval(then)),
            ]);
        }
    }
    for (word, text) in details(a) {
        page.paragraph("", 5, Tone::Quiet, &format!("{word}: {text}"));
    }
    if let Some(dockerfile) = &a.dockerfile {
        let lines = dockerfile.lines().count();
        if lines > SHORT {
            let what = format!("Dockerfile of {lines} lines: careen advise … --emit {}", a.id);
            page.paragraph("", 5, Tone::Quiet, &what);
            return;
        }
        page.blank();
        for line in dockerfile.lines() {
            for part in continued(&clean(line), page.width().saturating_sub(7)) {
                page.line(&[span(Tone::Plain, "       "), span(Tone::Plain, part)]);
            }
        }
        page.blank();
    }
}

/// What goes, what it settles, what may go wrong, what the figures rest on.
fn details(a: &AdviceReport) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let removes: Vec<String> =
        a.removes.iter().take(5).map(|r| format!("{} {}", Bytes(r.bytes), r.what)).collect();
    if !removes.is_empty() {
        out.push(("without", removes.join(", ")));
    }
    let fixes: Vec<String> = a
        .fixes
        .iter()
        .map(|f| match f.findings {
            1 => f.rule.clone(),
            n => format!("{} ({n})", f.rule),
        })
        .collect();
    if !fixes.is_empty() {
        out.push(("settles", fixes.join(", ")));
    }
    out.extend(a.risks.iter().map(|r| ("risk", r.clone())));
    if !a.ignore.is_empty() {
        out.push((".dockerignore", a.ignore.join(" ")));
    }
    if !a.basis.is_empty() {
        out.push(("basis", format!("{}; {}", a.confidence, a.basis)));
    }
    out
}

/// A line of a Dockerfile in parts that fit, each but the last ending in the backslash that continues
/// an instruction, so that what is copied still works.
fn continued(line: &str, room: usize) -> Vec<String> {
    let comment = line.trim_start().starts_with('#');
    let mut parts = Vec::new();
    let mut rest = line.to_owned();
    while columns(&rest) > room {
        let fits = head(&rest, room.saturating_sub(1));
        let Some(at) = fits.rfind(' ').filter(|&at| !rest[..at].trim().is_empty()) else {
            break;
        };
        let tail = rest[at..].trim_start().to_owned();
        let part = rest[..at].to_owned();
        if comment {
            parts.push(part);
            rest = format!("# {}", tail.trim_start_matches('#').trim_start());
        } else {
            parts.push(format!("{part} \\"));
            rest = format!("    {tail}");
        }
        if parts.len() > 200 {
            break;
        }
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::continued;

    #[test]
    fn a_long_instruction_goes_on_in_the_next_line() {
        assert_eq!(
            continued("RUN apt-get install -y curl git", 22),
            ["RUN apt-get install \\", "    -y curl git"]
        );
        assert_eq!(continued("# one two three", 11), ["# one two", "# three"]);
        assert_eq!(continued("RUN x", 22), ["RUN x"]);
        assert_eq!(continued(&"x".repeat(30), 22), ["x".repeat(30)]);
    }
}
