//! JUnit XML, read back by an XML parser.

use super::{hostile, lived_with, made, slim, tutorial};
use careen::report::junit;
use careen::report::model::{Report, Section};
use careen::rules::{self, Category, Severity};
use roxmltree::{Document, Node};

fn render(reports: &[Report]) -> String {
    junit::render(reports, &made()).unwrap()
}

fn cases<'a>(document: &'a Document) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|n| n.has_tag_name("testcase")).collect()
}

fn children(document: &Document, tag: &str) -> usize {
    cases(document).iter().filter(|c| c.children().any(|n| n.has_tag_name(tag))).count()
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
fn what_is_lived_with_is_skipped() {
    insta::assert_snapshot!(render(&[lived_with()]));
}

#[test]
fn is_well_formed_and_counts_what_it_holds() {
    for reports in [vec![tutorial(), slim()], vec![lived_with()], vec![hostile::report()]] {
        let text = render(&reports);
        let document = Document::parse(&text).unwrap();
        let root = document.root_element();
        let said = |name: &str| root.attribute(name).unwrap().parse::<usize>().unwrap();
        assert_eq!(said("tests"), cases(&document).len());
        assert_eq!(said("failures"), children(&document, "failure"));
        assert_eq!(said("errors"), children(&document, "error"));
        assert_eq!(said("skipped"), children(&document, "skipped"));
        let suites = root.children().filter(|n| n.has_tag_name("testsuite")).count();
        assert_eq!(suites, reports.len());
    }
}

#[test]
fn nothing_of_an_image_becomes_an_element() {
    let text = render(&[hostile::report()]);
    let document = Document::parse(&text).unwrap();
    let known = [
        "testsuites",
        "testsuite",
        "testcase",
        "properties",
        "property",
        "failure",
        "error",
        "skipped",
        "system-out",
    ];
    for node in document.descendants().filter(Node::is_element) {
        assert!(known.contains(&node.tag_name().name()), "{:?}", node.tag_name());
    }
    assert!(document.descendants().any(|n| n.text().is_some_and(|t| t.contains("<script>"))));
}

/// A clean image passes every rule; where a part could not be read, or was left out, none does.
#[test]
fn a_rule_passes_only_where_all_was_looked_at() {
    let passed = |report: Report| -> Vec<String> {
        let text = render(&[report]);
        let document = Document::parse(&text).unwrap();
        let all = cases(&document);
        let bare = all.iter().filter(|c| !c.children().any(|n| n.is_element()));
        bare.map(|c| c.attribute("name").unwrap().to_owned()).collect()
    };
    let rules = rules::all().iter().filter(|r| r.category != Category::Policy).count();
    assert_eq!(passed(slim()).len(), rules);
    assert_eq!(passed(tutorial()), Vec::<String>::new());
    assert!(!passed(lived_with()).iter().any(|r| r == "secret" || r == "config/root-user"));
    let mut cut = slim();
    cut.keep_only(&[Section::Secrets]);
    assert_eq!(passed(cut), ["secret"]);
}

#[test]
fn no_rule_of_a_part_left_out_passes() {
    let mut cut = slim();
    cut.keep_only(&[Section::Packages]);
    let text = render(&[cut]);
    let document = Document::parse(&text).unwrap();
    assert_eq!(children(&document, "skipped"), cases(&document).len());
}

/// An image with nothing but infos is good: its tests must not fail.
#[test]
fn what_is_only_worth_knowing_fails_no_case() {
    let mut report = slim();
    let infos = tutorial().findings.into_iter().filter(|f| f.severity == Severity::Info);
    report.findings = infos.collect();
    let rule = report.findings[0].rule.clone();
    let text = render(std::slice::from_ref(&report));
    let document = Document::parse(&text).unwrap();
    assert_eq!(document.root_element().attribute("failures"), Some("0"));
    let case = |document: &Document, tag: &str| {
        let all = cases(document);
        let case = all.iter().find(|c| c.attribute("name") == Some(&rule)).unwrap();
        let mut children = case.children().filter(|n| n.has_tag_name(tag));
        children.next().map(|n| n.text().unwrap_or_default().to_owned())
    };
    assert!(case(&document, "system-out").unwrap().contains(&report.findings[0].message));
    assert_eq!(case(&document, "skipped"), None);
    report.not_looked_at = tutorial().not_looked_at;
    let text = render(&[report]);
    let document = Document::parse(&text).unwrap();
    assert_eq!(document.root_element().attribute("failures"), Some("0"));
    assert!(case(&document, "skipped").is_some());
}
