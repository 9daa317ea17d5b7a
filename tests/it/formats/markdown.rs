//! The Markdown report, read back by a parser that does as GitHub does.

use super::{hostile, lived_with, made, slim, tutorial};
use careen::report::markdown;
use careen::report::model::{Report, Section, Waste};
use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};

fn render(reports: &[Report]) -> String {
    markdown::render(reports, &made()).unwrap()
}

#[test]
fn a_bad_image() {
    insta::assert_snapshot!(render(&[tutorial()]));
}

#[test]
fn a_clean_image() {
    insta::assert_snapshot!(render(&[slim()]));
}

#[test]
fn what_is_lived_with_is_counted() {
    insta::assert_snapshot!(render(&[lived_with()]));
}

#[derive(Default, Debug)]
struct Seen {
    tables: usize,
    /// Rows that have not as many cells as their table has columns.
    broken: usize,
    html: Vec<String>,
    forbidden: Vec<String>,
    texts: Vec<String>,
}

fn read_back(text: &str) -> Seen {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.extension.alerts = true;
    let arena = Arena::new();
    let root = parse_document(&arena, text, &options);
    let mut seen = Seen::default();
    for node in root.descendants() {
        match &node.data.borrow().value {
            NodeValue::Table(table) => {
                seen.tables += 1;
                let rows = node.children();
                seen.broken += rows.filter(|r| r.children().count() != table.num_columns).count();
            }
            NodeValue::HtmlInline(html) => seen.html.push(html.to_string()),
            NodeValue::HtmlBlock(block) => {
                seen.html.extend(block.literal.lines().map(str::to_owned));
            }
            NodeValue::Text(text) => seen.texts.push(text.to_string()),
            value @ (NodeValue::Link(_)
            | NodeValue::Image(_)
            | NodeValue::FootnoteReference(_)
            | NodeValue::FootnoteDefinition(_)
            | NodeValue::Math(_)
            | NodeValue::Strikethrough
            | NodeValue::TaskItem(_)
            | NodeValue::BlockQuote
            | NodeValue::ThematicBreak) => seen.forbidden.push(format!("{value:.300?}")),
            _ => {}
        }
    }
    seen
}

#[test]
fn nothing_of_an_image_is_markup() {
    for reports in
        [vec![tutorial()], vec![lived_with()], vec![hostile::report()], vec![hostile::report(); 7]]
    {
        let text = render(&reports);
        let seen = read_back(&text);
        assert_eq!(seen.forbidden, Vec::<String>::new());
        assert!(seen.tables >= reports.len() && seen.broken == 0, "{} tables", seen.tables);
        let own = ["<code>", "</code>", "<span>", "</span>", "<sub>", "</sub>", "</details>"];
        for html in &seen.html {
            let title = html.strip_prefix("<details><summary>");
            let title = title.and_then(|t| t.strip_suffix("</summary>"));
            let harmless = |t: &str| !t.contains(['<', '&']);
            assert!(own.contains(&html.as_str()) || title.is_some_and(harmless), "{html}");
        }
        for tag in ["details", "code", "span"] {
            let count = |mark: String| seen.html.iter().filter(|h| h.starts_with(&mark)).count();
            assert_eq!(count(format!("<{tag}>")), count(format!("</{tag}>")), "{tag}");
        }
        // What calls somebody, or names an issue, does so within one text only.
        for text in &seen.texts {
            let called = text.contains('@') && text.len() > 1;
            assert!(!called && !text.contains("#1"), "{text}");
        }
    }
}

#[test]
fn is_never_longer_than_github_takes() {
    let mut large = hostile::report();
    for _ in 0..6 {
        large.findings.extend(large.findings.clone());
        large.layers.extend(large.layers.clone());
    }
    let mut dockerfile = tutorial();
    dockerfile.advice[0].dockerfile = Some("FROM x\n".repeat(20_000));
    for reports in [
        vec![large.clone()],
        vec![dockerfile],
        vec![tutorial(); 40],
        vec![large; 20],
        vec![tutorial(); 1000],
    ] {
        let text = render(&reports);
        assert!(text.len() <= 65_536, "{}", text.len());
        assert!(text.contains("eft out for length"), "{} bytes", text.len());
        let seen = read_back(&text);
        assert!(seen.broken == 0 && seen.forbidden.is_empty());
        let count = |mark: &str| text.lines().filter(|l| l.starts_with(mark)).count();
        assert_eq!(count("<details>"), count("</details>"));
    }
}

#[test]
fn what_was_not_looked_at_stands_above_all_tables() {
    let text = render(&[tutorial()]);
    let (partial, table) = (text.find("**Partial**").unwrap(), text.find("\n|").unwrap());
    assert!(partial < table);
    assert!(!render(&[slim()]).contains("Partial"));
}

/// Two fences stand there: the Dockerfile's own would end at its first line otherwise.
#[test]
fn a_dockerfile_full_of_backticks_stays_one_block() {
    let mut report = tutorial();
    report.advice[0].dockerfile =
        Some("FROM x\nRUN echo ``````\n```\n</details>\n<b>x</b>".to_owned());
    let text = render(&[report]);
    assert!(text.contains("```````dockerfile\n"), "{text}");
    assert!(read_back(&text).html.iter().all(|h| !h.contains("<b>")));
}

#[test]
fn lines_alone_are_not_proposed_as_a_dockerfile() {
    let mut report = tutorial();
    assert!(render(&[report.clone()]).contains("The proposed Dockerfile"));
    report.advice[0].dockerfile = Some("RUN --mount=type=secret,id=token true".to_owned());
    assert!(!render(&[report]).contains("The proposed Dockerfile"));
}

/// What was left out as asked is not clean.
#[test]
fn a_part_of_a_report_is_not_called_good() {
    let of = |only: &[Section]| {
        let mut report = slim();
        report.keep_only(only);
        markdown::render(&[report], &made()).unwrap().lines().next().unwrap().to_owned()
    };
    assert_eq!(of(&[]), "### Good: no findings");
    assert_eq!(of(&[Section::Packages]), "### Not judged: secrets and config left out");
    assert_eq!(of(&[Section::Secrets]), "### Not judged: no findings; config left out");
    assert_eq!(of(&[Section::Secrets, Section::Config]), "### Good: no findings");
    let mut bad = tutorial();
    bad.keep_only(&[Section::Secrets]);
    let text = markdown::render(&[bad], &made()).unwrap();
    assert!(text.starts_with("### Act now: ") && text.contains("; config left out\n"), "{text}");
}

#[test]
fn the_waste_of_a_part_of_an_image_is_unknown() {
    for (at_least, said) in [
        (0, "on disk · waste unknown\n"),
        (2_000_000, "on disk · at least 2.00 MB of content hidden by later layers\n"),
    ] {
        let mut report = slim();
        report.waste = Waste { bytes: None, at_least, efficiency: None, paths: vec![] };
        let text = render(&[report]);
        assert!(text.contains(said), "{text}");
    }
}
