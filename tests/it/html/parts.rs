//! The page of made-up reports: one with all that there can be, and parts of one.

use super::{LOOKS, WIDE, is_sound, write};
use crate::report_sample::slim;
use crate::support::browser::Browser;
use careen::report::html::render;
use careen::report::model::{Section, Waste};

/// What was left out as asked is not clean.
#[test]
fn a_page_without_findings_that_were_left_out_is_not_called_good() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start();
    for (only, words) in [
        (vec![Section::Packages], "Secrets and config left out"),
        (vec![Section::Secrets], "No findings."),
    ] {
        let mut report = slim();
        report.keep_only(&only);
        let file = write(&folder, &render(&[report], &[]).unwrap());
        browser.open(&file, LOOKS[0]);
        let verdict = browser.text("return document.querySelector('.verdict').innerText");
        assert!(verdict.contains("Not judged") && verdict.contains(words), "{verdict}");
        is_sound(&browser, &file, LOOKS[0]);
    }
}

#[test]
fn the_waste_of_a_part_of_an_image_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start();
    for (at_least, words) in [(0, "unknown"), (2_000_000, "≥ 2.00 MB")] {
        let mut report = slim();
        report.waste = Waste { bytes: None, at_least, efficiency: None, paths: vec![] };
        let file = write(&folder, &render(&[report], &[]).unwrap());
        browser.open(&file, LOOKS[0]);
        let tiles = browser.text("return document.querySelector('.tiles').innerText");
        assert!(tiles.contains(words) && tiles.contains("not all layers were read"), "{tiles}");
    }
}

/// Of an image that was not there nothing is said, least of all that it runs as root.
#[test]
fn an_image_that_could_not_be_looked_at_has_a_page_without_claims() {
    use careen::report::unreadable::unreadable;
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start();
    let gone = unreadable("shop:<b>9", "manifest 9: not found", slim().judged_by);
    let file = write(&folder, &render(&[gone, slim()], &[]).unwrap());
    browser.open(&file, WIDE);
    let all = browser.text("return document.getElementById('main').innerText");
    assert!(all.contains("PARTIAL") && all.contains("manifest 9: not found"), "{all}");
    assert!(!all.contains("root") && !all.contains("Proposals"), "{all}");
    browser.click(".platforms button:last-child");
    let verdict = browser.text("return document.querySelector('.verdict').innerText");
    assert!(verdict.contains("Good"), "{verdict}");
    is_sound(&browser, &file, WIDE);
}

#[test]
fn all_that_a_report_may_say_is_drawn() {
    use careen::report::growth::{FileGrowth, Growth, PackageGrowth, StepGrowth};
    use careen::report::model::{Duplicate, Section};
    let lived_with = crate::report_sample::lived_with();
    let mut report = careen::report::model::Report {
        accepted: lived_with.accepted,
        known: lived_with.known,
        expired: lived_with.expired,
        hidden: lived_with.hidden,
        ..crate::report_sample::tutorial()
    };
    report.growth = Some(Growth {
        baseline: "shop:1.3 <b>".to_owned(),
        before: report.size,
        after: report.size,
        steps: vec![StepGrowth { instruction: None, layer: None, before: Some(5), after: None }],
        packages: vec![PackageGrowth {
            kind: careen::analyze::PackageKind::Apk,
            name: "musl".to_owned(),
            before: vec!["1".to_owned(), "2".to_owned()],
            after: vec![],
            before_bytes: None,
            after_bytes: Some(7),
        }],
        files: vec![FileGrowth {
            path: "x".to_owned(),
            layer: 0,
            before: None,
            after: 9,
            new: None,
        }],
        shared_layers: 2,
        shared_bytes: None,
    });
    report.duplicates =
        vec![Duplicate { bytes: 70_000, paths: (0..60).map(|n| format!("copy-{n}")).collect() }];
    report.advice[0].patch = Some("--- a\n+++ b\n@@ -1 +1 @@\n-old <i>\n+new\n".to_owned());
    report.advice[0].ignore = vec![".git".to_owned()];
    report.findings[0].plain = Some("in clear <u>".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start();
    let file = write(&folder, &render(&[report.clone()], &[]).unwrap());
    for look in [LOOKS[0], LOOKS[3]] {
        browser.open(&file, look);
        browser.js("for (const d of document.querySelectorAll('details')) d.open = true");
        let text = browser.text("return document.body.innerText");
        for word in [
            "PARTIAL",
            "shop:1.3 <b>",
            "and 54 more",
            "-old <i>",
            "in clear <u>",
            "careen.toml:1",
            "Acceptances that have expired",
            "not possible",
            "The baseline has these too",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
        is_sound(&browser, &file, look);
    }

    // What was left out is not clean.
    report.keep_only(&[Section::Secrets]);
    let file = write(&folder, &render(&[report], &[]).unwrap());
    browser.open(&file, WIDE);
    let text = browser.text("return document.body.innerText");
    assert!(text.contains("Only secrets: all else was left out as asked"), "{text}");
    assert!(text.matches("eft out as asked").count() >= 5, "{text}");
    is_sound(&browser, &file, WIDE);

    let file = write(&folder, &render(&[], &[]).unwrap());
    browser.open(&file, WIDE);
    assert!(browser.text("return document.body.innerText").contains("No image was looked at"));
}
