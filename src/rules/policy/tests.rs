//! Each demand, met and not met.

use super::*;
use crate::image::ReadImage;
use crate::image::testing::{file, image, layer, sized};
use crate::rules::config::Config;
use crate::rules::tests::findings_under;

fn policy(text: &str) -> Policy {
    Config::parse("careen.toml", text).unwrap().policy
}

/// Violations, as rule and message.
fn broken(image: &ReadImage, text: &str, before: Option<Before>) -> Vec<(String, String)> {
    let all = findings_under(image, &policy(text), before);
    let ours = all.into_iter().filter(|f| f.category == crate::rules::Category::Policy);
    ours.map(|f| (f.rule, f.message)).collect()
}

/// 100 bytes of which 40 are hidden by the second layer.
fn wasteful() -> ReadImage {
    let mut image =
        image(vec![layer(vec![sized("a", 40), sized("b", 20)]), layer(vec![sized("a", 40)])]);
    for l in &mut image.layers {
        l.compressed = Some(30);
    }
    image
}

fn one(image: &ReadImage, text: &str, before: Option<Before>) -> Option<String> {
    let all = broken(image, text, before);
    assert!(all.len() <= 1, "{all:?}");
    all.into_iter().next().map(|(rule, message)| format!("{rule}: {message}"))
}

#[test]
fn without_demands_nothing_is_said() {
    assert_eq!(broken(&wasteful(), "", None), []);
}

#[test]
fn sizes_above_the_budget_are_named_with_both_figures() {
    let image = wasteful();
    for (text, message) in [
        (
            "[budget]\ncompressed = 59",
            Some("policy/compressed-size: 60 B compressed, 1 B more than the budget of 59 B"),
        ),
        ("[budget]\ncompressed = \"60B\"", None),
        (
            "[budget]\non-disk = 59",
            Some("policy/on-disk-size: 60 B on disk, 1 B more than the budget of 59 B"),
        ),
        ("[budget]\non-disk = 60", None),
        (
            "[budget]\nwaste = 39",
            Some("policy/waste: 40 B are hidden by later layers, the budget is 39 B"),
        ),
        ("[budget]\nwaste = 40", None),
        ("[budget]\nwaste-percent = 39", None), // below the floor
        (
            "[budget]\nwaste-percent = 39\nwaste-floor = 39",
            Some(
                "policy/waste: 40 B, 40.0 % of the content, are hidden by later layers, the budget is 39 %",
            ),
        ),
        ("[budget]\nwaste-percent = 40\nwaste-floor = 0", None),
    ] {
        assert_eq!(one(&image, text, None).as_deref(), message, "{text}");
    }
}

#[test]
fn growth_is_of_the_size_that_both_have() {
    let image = wasteful();
    let before = |compressed, on_disk| Some(Before { compressed, on_disk });
    let grew = |text: &str, b| one(&image, &format!("[budget]\n{text}"), b);
    assert_eq!(
        grew("growth = 9", before(Some(50), Some(1))).as_deref(),
        Some("policy/growth: grew by 10 B compressed, from 50 B to 60 B; the budget is 9 B")
    );
    assert_eq!(grew("growth = 10", before(Some(50), None)), None);
    assert_eq!(
        grew("growth-percent = 19.9", before(None, Some(50))).as_deref(),
        Some("policy/growth: grew by 10 B on disk, from 50 B to 60 B; the budget is 19.9 %")
    );
    assert_eq!(grew("growth-percent = 20\ngrowth = 10", before(Some(50), None)), None);
    assert_eq!(grew("growth = 0", before(Some(60), None)), None);
    assert!(grew("growth-percent = 1000", before(Some(0), None)).is_some());
}

#[test]
fn the_user_is_one_of_those_allowed() {
    let mut image = wasteful();
    let text = "[require]\nuser = [\"65532\", \"app*\"]";
    for (user, message) in [
        ("65532:65532", None),
        ("appuser", None),
        ("", Some("policy/user: runs as `root`; it must be `65532` or `app*`")),
        ("0:65532", Some("policy/user: runs as `0`; it must be `65532` or `app*`")),
    ] {
        image.found.config.config.user = user.to_owned();
        assert_eq!(one(&image, text, None).as_deref(), message, "{user}");
    }
    image.found.config.config.user = String::new();
    assert_eq!(one(&image, "[require]\nuser = \"0\"", None), None, "root is 0");
}

#[test]
fn the_base_counts_by_any_of_its_names_and_an_unknown_one_fulfils_nothing() {
    let mut image = wasteful();
    let text = "[require]\nbase = [\"debian:12*\", \"gcr.io/distroless/*\"]";
    assert_eq!(
        one(&image, text, None).as_deref(),
        Some(
            "policy/base-image: the base is not known; it must be `debian:12*` or `gcr.io/distroless/*`"
        )
    );
    let mut set = |name: &str| {
        image
            .found
            .annotations
            .insert("org.opencontainers.image.base.name".to_owned(), name.to_owned());
        one(&image, text, None)
    };
    assert_eq!(set("docker.io/library/debian:12-slim"), None);
    assert_eq!(set("debian:12"), None);
    assert_eq!(set("gcr.io/distroless/static:nonroot"), None);
    assert!(set("docker.io/evil/debian:12").is_some());
}

#[test]
fn forbidden_tools_are_kinds_or_programs_by_name() {
    let mut curl = file("usr/bin/curl", b"x");
    curl.mode = 0o755;
    let mut doc = file("usr/share/doc/curl", b"x");
    doc.mode = 0o755;
    let data = file("opt/bin/curl", b"not to be run");
    let image = image(vec![layer(vec![curl, doc, data, file("usr/share/man/man1/x", b"12345")])]);
    assert_eq!(
        broken(&image, "[forbid]\ntools = [\"curl\", \"man\"]", None),
        [
            ("policy/forbidden-tool", "/usr/bin/curl is there; `curl` is forbidden"),
            ("policy/forbidden-tool", "5 B of man: /usr/share/man"),
        ]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}

#[test]
fn a_budget_that_cannot_be_judged_is_said() {
    use crate::image::LayerState;
    let mut image = wasteful();
    image.layers[0].compressed = None;
    image.layers[0].state = LayerState::NotLookedAt { why: "x".to_owned(), failed: false };
    let text = "[budget]\ncompressed = 1\non-disk = 1\nwaste = 1\ngrowth = 1";
    assert_eq!(broken(&image, text, None), [], "nothing is claimed");
    let said = crate::rules::tests::with_context(&image, &policy(text), None, |cx| {
        unjudged(cx).into_iter().map(|(rule, _, failed)| (rule, failed)).collect::<Vec<_>>()
    });
    assert_eq!(
        said,
        [
            ("policy/compressed-size", true),
            ("policy/on-disk-size", true),
            ("policy/waste", true),
            ("policy/growth", false)
        ]
    );
}

#[test]
fn what_is_set_later_counts() {
    let a = policy("[budget]\ncompressed = 1\nwaste = 2\n[forbid]\ntools = \"a\"");
    let b = policy("[budget]\ncompressed = 3\n[forbid]\npackages = \"b\"");
    let both = a.overridden_by(b);
    assert_eq!((both.budget.compressed, both.budget.waste), (Some(3), Some(2)));
    assert_eq!((both.forbid.tools.len(), both.forbid.packages.len()), (1, 1));
}
