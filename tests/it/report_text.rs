//! The text report, by eye (the snapshots) and by rule (no line too wide, nothing hostile).

use crate::report_sample::{lived_with, slim, tutorial};
use careen::report::model::Waste;
use careen::report::text::{Detail, Paper, render};
use unicode_width::UnicodeWidthStr;

#[test]
fn a_bad_image_at_80_columns() {
    insta::assert_snapshot!(render(&tutorial(), Paper::new(80, false), Detail::Compact));
}

#[test]
fn a_bad_image_in_full() {
    insta::assert_snapshot!(render(&tutorial(), Paper::new(80, false), Detail::Full));
}

#[test]
fn a_clean_image_at_80_columns() {
    insta::assert_snapshot!(render(&slim(), Paper::new(80, false), Detail::Compact));
}

/// The section of the findings.
fn findings(detail: Detail) -> String {
    let text = render(&lived_with(), Paper::new(80, false), detail);
    let start = text.find("\nFindings").unwrap();
    let lines = text[start + 1..].lines().take_while(|l| !l.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_lived_with_is_counted_and_in_full_listed() {
    insta::assert_snapshot!(findings(Detail::Compact));
    insta::assert_snapshot!(findings(Detail::Full));
}

#[test]
fn no_line_is_too_wide_and_no_escape_gets_out() {
    for report in [tutorial(), slim(), lived_with()] {
        for detail in [Detail::Compact, Detail::Full] {
            for width in [60, 80, 100, 140] {
                let text = render(&report, Paper::new(width, false), detail);
                for line in text.lines() {
                    assert!(line.width() <= width, "{width}: {line}");
                    assert_eq!(line, line.trim_end());
                }
                assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
            }
        }
    }
}

#[test]
fn colour_changes_no_word() {
    let plain = render(&tutorial(), Paper::new(80, false), Detail::Compact);
    let mut coloured = render(&tutorial(), Paper::new(80, true), Detail::Compact);
    assert_ne!(plain, coloured);
    while let Some(start) = coloured.find("\u{1b}[") {
        let end = start + coloured[start..].find('m').unwrap();
        coloured.replace_range(start..=end, "");
    }
    assert_eq!(plain, coloured);
}

#[test]
fn the_first_screen_answers_the_three_questions() {
    let text = render(&tutorial(), Paper::new(80, false), Detail::Compact);
    let screen: String = text.lines().take(25).collect::<Vec<_>>().join("\n");
    for needed in [
        "PARTIAL",
        "Verdict",
        "compressed",
        "on disk",
        "Waste",
        "root",
        "secret/aws-access-key",
        "layer 4",
        "deleted later",
        "Do first",
        "2. ",
    ] {
        assert!(screen.contains(needed), "{needed} is not on the first screen:\n{screen}");
    }
}

#[test]
fn a_secret_is_in_clear_only_when_revealed() {
    let mut report = tutorial();
    let clear = "AKIAFAKEFAKEFAKEFAQQ";
    assert!(!render(&report, Paper::new(80, false), Detail::Full).contains(clear));
    report.findings[1].plain = Some(clear.to_owned());
    assert!(render(&report, Paper::new(80, false), Detail::Compact).contains(clear));
}

#[test]
fn a_difference_names_variables_but_never_their_values() {
    use careen::report::diff::{diff_reports, text};
    let before = tutorial();
    let mut after = tutorial();
    after.image.user = "1000".to_owned();
    after.image.env[0].value = "other-value".to_owned();
    after.packages.remove(0);
    after.packages[0].version = "74.1-1".to_owned();
    let same = diff_reports(&before, &before, &[], &[]);
    assert!(same.config.is_empty() && same.packages.is_empty() && same.files.is_empty());
    let shown = text(&diff_reports(&before, &after, &[], &[]), Paper::new(80, false), None);
    assert!(!shown.contains("other-value") && !shown.contains("ghp_"));
    insta::assert_snapshot!(shown);
}

/// A layer that was not looked at may hide anything: neither 0 B nor 100 %.
#[test]
fn the_waste_of_a_part_of_an_image_is_unknown() {
    let line = |at_least| {
        let mut report = slim();
        report.waste = Waste { bytes: None, at_least, efficiency: None, paths: vec![] };
        let text = render(&report, Paper::new(80, false), Detail::Compact);
        text.lines().find(|l| l.starts_with("Waste")).unwrap().to_owned()
    };
    assert_eq!(line(0), "Waste      unknown of content  not all layers were looked at");
    let some = line(5_120_000);
    assert_eq!(some, "Waste      unknown of content  at least 5.12 MB hidden by later layers");
}
