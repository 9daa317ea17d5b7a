use super::*;
use crate::layer::LayerPath;
use crate::rules::{Severity, State};

fn secret(rule: &str, path: Option<&str>) -> Finding {
    Finding {
        rule: rule.to_owned(),
        path: path.map(LayerPath::from),
        state: State::Visible,
        fingerprint: "00112233445566aa".to_owned(),
        ..crate::rules::secrets::RULE.finding(Severity::High, "a secret".to_owned())
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn allows(lines: &str) -> Allows {
    Allows::new(ignore_file::parse(".careenignore", lines).unwrap(), day("2026-06-01"))
}

#[test]
fn each_form_of_a_line_accepts_what_it_says() {
    let key = secret("secret/aws-access-key-id", Some("app/tests/data/key.pem"));
    for (line, fits) in [
        ("00112233445566AA", true),
        ("00112233445566ab", false),
        ("secret/aws-access-key-id", true),
        ("secret/github-pat", false),
        ("secret", true),
        ("secret/*", true),
        ("config/root-user", false),
        ("secret/aws-access-key-id:app/tests/**", true),
        ("secret/*:*.pem", true),
        ("secret/aws-access-key-id:app/*", false),
        ("*.pem", true),
        ("key.pem", true),
        ("/key.pem", false),
        ("/app/tests/", true),
        ("app/**", true),
        ("tests/**", false),
        ("# secret", false),
        ("", false),
    ] {
        assert_eq!(allows(line).accepts(&key).is_some(), fits, "{line}");
    }
}

#[test]
fn a_comment_behind_an_entry_is_its_reason() {
    let all = allows("# heading\n\n  *.pem   # made up for the tests \r\nodd#name\n");
    let got: Vec<_> =
        all.entries().iter().map(|e| (e.words(), e.place.as_str(), e.reason.as_deref())).collect();
    assert_eq!(
        got,
        [
            ("path `*.pem`".to_owned(), ".careenignore:3", Some("made up for the tests")),
            ("path `odd#name`".to_owned(), ".careenignore:4", None),
        ]
    );
}

#[test]
fn a_path_accepts_only_what_has_no_other_place() {
    let all = allows("secret/*:app/tests/**");
    let mut key = secret("secret/generic-secret", Some("app/tests/env"));
    key.also.push(secret("secret/generic-secret", Some("app/tests/env.bak")));
    assert!(all.accepts(&key).is_some());
    key.also.push(secret("secret/generic-secret", Some("app/.env")));
    assert!(all.accepts(&key).is_none(), "it lies in a second file");
    key.also.pop();
    key.also.push(secret("secret/generic-secret", None));
    assert!(all.accepts(&key).is_none(), "it is in the environment too");
}

#[test]
fn an_entry_holds_to_the_end_of_its_last_day() {
    let mut entries = allows("secret").entries().to_vec();
    entries[0].expires = Some(day("2026-06-01"));
    let key = secret("secret/x", None);
    for (today, holds) in [("2026-05-31", true), ("2026-06-01", true), ("2026-06-02", false)] {
        let all = Allows::new(entries.clone(), day(today));
        assert_eq!(all.accepts(&key).is_some(), holds, "{today}");
        assert_eq!(all.accepted_once(&key).is_some(), !holds, "{today}");
        assert_eq!(all.used_by(std::slice::from_ref(&key)).len(), 1);
    }
}

#[test]
fn a_broken_glob_is_named_with_its_place() {
    let e = ignore_file::parse(".careenignore", "ok\n  [a\n").unwrap_err();
    assert!(e.to_string().starts_with(".careenignore:2:3: `[a`: "), "{e}");
}
