//! The report for people. The first screen answers "how bad, where, what do I do"; the sections below
//! it give the places.
//!
//! Lays out finished data and computes nothing. Knows no terminal: width and colour are given.

mod advice;
mod check;
pub mod files;
mod findings;
pub(crate) mod page;
mod rules;
mod sections;
mod summary;
pub(crate) mod table;
mod why;
mod width;
pub(crate) mod words;

pub use check::check_all;
pub use page::Paper;
pub use rules::{RuleDoc, explain, explain_list};
pub use why::why;
pub(crate) use width::{columns, cut, squeeze};
pub(crate) use words::{severity as severity_word, state as state_word};

use super::model::{Report, Section};
use page::Page;

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The largest and worst of each section.
    Compact,
    /// Everything.
    Full,
}

impl Detail {
    /// How many of `all` are shown when a compact section shows `few`.
    fn limit(self, few: usize, all: usize) -> usize {
        match self {
            Self::Compact => few.min(all),
            Self::Full => all,
        }
    }
}

/// The report of one image.
pub fn render(report: &Report, paper: Paper, detail: Detail) -> String {
    let mut page = Page::new(paper);
    if report.is_unreadable() {
        summary::unreadable(&mut page, report);
        return page.finish();
    }
    let whole = report.only.is_empty();
    summary::write(&mut page, report);
    if whole {
        sections::layers(&mut page, report, detail);
    }
    if let Some(growth) = report.growth.as_ref().filter(|_| whole) {
        check::grown(&mut page, growth, detail);
    }
    if report.has(Section::Secrets) || report.has(Section::Config) {
        findings::write(&mut page, report, detail);
    }
    if report.has(Section::Waste) {
        sections::waste(&mut page, report, detail);
    }
    if report.has(Section::Tools) {
        sections::unneeded(&mut page, report, detail);
    }
    if report.has(Section::Packages) {
        sections::packages(&mut page, report, detail);
    }
    if detail == Detail::Full && report.has(Section::Waste) {
        sections::duplicates(&mut page, report);
    }
    if detail == Detail::Full && report.has(Section::Config) {
        sections::configuration(&mut page, report);
    }
    if report.has(Section::Advice) {
        advice::write(&mut page, report, detail);
    }
    sections::not_looked_at(&mut page, report, detail);
    page.finish()
}

/// What to do about one image, all of it.
pub fn advise(report: &Report, paper: Paper) -> String {
    let mut page = Page::new(paper);
    summary::image(&mut page, report);
    advice::write(&mut page, report, Detail::Full);
    sections::not_looked_at(&mut page, report, Detail::Compact);
    page.finish()
}

/// The reports of several platforms, one after the other.
pub fn render_all(reports: &[Report], paper: Paper, detail: Detail) -> String {
    let parts: Vec<String> = reports.iter().map(|r| render(r, paper, detail)).collect();
    let rule = "═".repeat(paper.width());
    parts.join(&format!("\n{rule}\n\n"))
}
