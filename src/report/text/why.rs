//! Why one file is kept, for people.

use super::page::clean;
use crate::report::why::WhyReport;
use crate::text::Bytes;

pub fn why(report: &WhyReport) -> String {
    let mut out = String::new();
    let path = clean(report.path.trim_start_matches('/'));
    let package = match &report.package {
        Some(name) => format!(", of package {}", clean(name)),
        None => String::new(),
    };
    out.push_str(&format!("/{path} ({}{package})\n", Bytes(report.bytes)));
    let verdict = match report.kept {
        Some("file") => "needed: what the image starts leads to it",
        Some("package") => "kept with its package: a needed file or package brings it",
        Some(_) => "kept to be sound: no needed file leads to it",
        None => "not needed: nothing that the image starts leads to it",
    };
    out.push_str(&format!("{verdict}\n"));
    for (i, step) in report.chain.iter().enumerate() {
        let indent = "  ".repeat(i.min(10) + 1);
        let step_path = clean(step.path.trim_start_matches('/'));
        out.push_str(&format!("{indent}/{step_path}: {}\n", clean(&step.because)));
    }
    if report.kept.is_none() {
        let command = clean(&report.command.join(" "));
        out.push_str(&format!("  the image starts: {command}\n"));
    }
    for what in &report.unclear {
        out.push_str(&format!("unclear: {}\n", clean(what)));
    }
    out
}
