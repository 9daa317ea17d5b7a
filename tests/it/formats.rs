//! The formats for other programs: what they say (the snapshots), that it is valid by the published
//! schemas, and that a hostile image stays text in all of them.

mod cyclonedx;
mod gitlab;
mod hostile;
mod junit;
mod markdown;
mod sarif;
mod schemas;
mod spdx;
mod trivy;

use crate::report_sample::{self, slim};
use careen::report::Made;
use careen::report::model::Report;

/// A report of the real rules' findings, each with a fingerprint of its own.
fn real(mut report: Report) -> Report {
    let known = report.known.iter_mut();
    let accepted = report.accepted.iter_mut().map(|a| &mut a.finding);
    for (n, f) in report.findings.iter_mut().chain(known).chain(accepted).enumerate() {
        f.fingerprint = format!("{n:016x}");
        f.rule = match f.rule.as_str() {
            "secret/aws-access-key" => "secret/aws-access-key-id".to_owned(),
            "secret/github-token" => "secret/github-pat".to_owned(),
            rule => format!("config/{rule}"),
        };
        assert!(careen::rules::rule(&f.rule).is_some(), "{}", f.rule);
    }
    report
}

pub fn tutorial() -> Report {
    real(report_sample::tutorial())
}

pub fn lived_with() -> Report {
    real(report_sample::lived_with())
}

/// As a docker-archive has it: layers without a blob.
pub fn without_blobs() -> Report {
    let mut report = tutorial();
    report.layers.iter_mut().for_each(|l| l.digest = None);
    report.findings.iter_mut().for_each(|f| f.layer_digest = None);
    report
}

/// A moment that does not pass.
pub fn made() -> Made {
    Made { at: "2026-03-02T10:20:30Z".parse().unwrap() }
}

/// Each format of a report, by name.
pub fn all_formats(report: &Report, made: &Made) -> Vec<(&'static str, String)> {
    use careen::report::{cyclonedx, gitlab, junit, markdown, sarif, spdx};
    let one = std::slice::from_ref(report);
    vec![
        ("sarif", sarif::render(one, made).unwrap()),
        ("markdown", markdown::render(one, made).unwrap()),
        ("junit", junit::render(one, made).unwrap()),
        ("gitlab", gitlab::render(report, made).unwrap()),
        ("cyclonedx", cyclonedx::render(report, made).unwrap()),
        ("spdx", spdx::render(report, made).unwrap()),
    ]
}

#[test]
fn the_same_report_at_the_same_moment_is_the_same_document() {
    let report = hostile::report();
    let first = all_formats(&report, &made());
    assert_eq!(first, all_formats(&hostile::report(), &made()));
    let later = Made { at: "2026-03-02T10:20:31Z".parse().unwrap() };
    for ((format, before), (_, after)) in first.iter().zip(all_formats(&report, &later)) {
        assert_ne!(*before, after, "{format} does not say when it was made");
    }
}
