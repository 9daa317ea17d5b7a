use super::*;

fn wrong(text: &str) -> (String, Option<String>) {
    let e = Config::parse("careen.toml", text).unwrap_err();
    (e.to_string(), e.hint)
}

#[test]
fn entries_are_read_with_their_places() {
    let config = Config::parse(
        "careen.toml",
        "# ours\n[[allow]]\nrule = \"secret/*\"\npath = \"tests/**\"\nreason = \"made up\"\n\
         expires = 2027-01-31\n\n[[allow]]\nfingerprint = \"00112233445566AA\"\n\
         expires = \"2027-02-01\"\nreason = \"revoked\"\n",
    )
    .unwrap();
    let got: Vec<_> = config
        .allow
        .iter()
        .map(|a| (a.place.as_str(), a.words(), a.expires.unwrap().to_string()))
        .collect();
    assert_eq!(
        got,
        [
            (
                "careen.toml:2",
                "rule `secret/*`, path `tests/**`".to_owned(),
                "2027-01-31".to_owned()
            ),
            ("careen.toml:8", "fingerprint `00112233445566aa`".to_owned(), "2027-02-01".to_owned()),
        ]
    );
    assert!(Config::parse("careen.toml", "").unwrap().allow.is_empty());
}

#[test]
fn a_star_is_every_rule() {
    let text = "[[allow]]\nrule = \"*\"\nreason = \"x\"\n";
    let allow = Config::parse("careen.toml", text).unwrap().allow;
    let all = crate::rules::allow::Allows::new(allow, jiff::civil::date(2026, 1, 1));
    for rule in crate::rules::all() {
        assert!(all.accepts(&rule.finding(rule.severity, String::new())).is_some(), "{}", rule.id);
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let entry = |line: &str| format!("[[allow]]\nrule = \"secret\"\nreason = \"x\"\n{line}\n");
    for (text, message, hint) in [
        ("[[alow]]\n".to_owned(), "careen.toml:1:3: unknown key `alow`", Some("`allow`")),
        (entry("  raeson = \"y\""), "careen.toml:4:3: unknown key `raeson`", Some("`reason`")),
        (entry("expire = \"y\""), "careen.toml:4:1: unknown key `expire`", Some("`expires`")),
        (entry("zzz = 1"), "careen.toml:4:1: unknown key `zzz`", Some("there is `rule`, `path`")),
        (entry("path = 3"), "careen.toml:4:8: `path`: not a string", None),
        (entry("path = \"[\""), "careen.toml:4:8: `path`: ", None),
        (entry("fingerprint = \"12\""), "careen.toml:4:15: `fingerprint`: not 16 hex", None),
        (entry("expires = 2027-02-30"), "careen.toml:4:11: ", None),
        (entry("expires = \"tomorrow\""), "careen.toml:4:11: `expires`: not a date", None),
        (entry("expires = 2027-02-01T00:00:00Z"), "careen.toml:4:11: `expires`: not a date", None),
        (entry("rule = \"b\""), "careen.toml:4:1: duplicate key", None),
        (entry("="), "careen.toml:4:1: ", None),
        ("[[allow]]\nrule = \"a\"\n".to_owned(), "careen.toml:1:1: it needs a `reason`", None),
        (
            "[[allow]]\nrule = \"a\"\nreason = \" \"\n".to_owned(),
            "careen.toml:3:10: `reason`: empty",
            None,
        ),
        ("[[allow]]\nreason = \"a\"\n".to_owned(), "careen.toml:1:1: it needs a `rule`, a", None),
        ("[allow]\n".to_owned(), "careen.toml:1:1: `allow` is not a list", Some("[[allow]]")),
        ("allow = [1]\n".to_owned(), "careen.toml:1:10: `allow` is not a list", Some("[[allow]]")),
    ] {
        let (got, got_hint) = wrong(&text);
        assert!(got.starts_with(message), "{text}: {got}");
        match hint {
            Some(hint) => {
                assert!(got_hint.as_deref().unwrap_or_default().contains(hint), "{got_hint:?}")
            }
            None => assert_eq!(got_hint, None, "{text}"),
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([\\[\\]a-z=\"# \n.é]|allow|reason){0,40}") {
        let _ = Config::parse("careen.toml", &text);
        let _ = crate::rules::allow::ignore_file::parse(".careenignore", &text);
    }
}
