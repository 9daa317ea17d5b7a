use super::*;
use crate::analyze::secrets::{Patterns, scan_text};
use crate::layer::LayerPath;

fn read(config: &str) -> Patterns {
    Patterns::read(&[], &[("team.toml", config)]).unwrap_or_else(|e| panic!("{e}"))
}

fn with_builtin(config: &str) -> std::sync::Arc<Patterns> {
    let own = [("team.toml".to_owned(), config.to_owned())];
    Patterns::with(&own).unwrap_or_else(|e| panic!("{e}"))
}

/// The secrets that rules of the file find.
fn found(config: &str, path: &str, text: &str) -> Vec<(String, String)> {
    let all = read(config);
    scan_text(&all, text.as_bytes(), Some(&LayerPath::from(path)), true)
        .into_iter()
        .filter(|m| all.get(&m.pattern).is_some_and(|p| p.file == "team.toml"))
        .map(|m| {
            let plain = m.plain.as_ref().map(|p| p.reveal().clone()).unwrap_or_default();
            (m.pattern, String::from_utf8_lossy(&plain).into_owned())
        })
        .collect()
}

fn one(id: &str, secret: &str) -> Vec<(String, String)> {
    vec![(id.to_owned(), secret.to_owned())]
}

const RULE: &str = r#"
title = "team rules"
[[rules]]
id = "Acme_Token"
description = "Acme token"
regex = '''(?i)acme[\w .-]{0,20}['"]?\s*[:=]\s*['"]?(acm_[a-z0-9]{12})'''
keywords = ["ACM_"]
"#;

#[test]
fn the_first_group_is_the_secret() {
    let text = "ACME_TOKEN = \"acm_k3j9d82ks0qw\"";
    assert_eq!(found(RULE, "app/x.py", text), one("acme-token", "acm_k3j9d82ks0qw"));
    let whole = RULE.replace("(acm_", "acm_").replace("12})", "12}");
    assert_eq!(found(&whole, "app/x.py", text)[0].1, "ACME_TOKEN = \"acm_k3j9d82ks0qw");
}

#[test]
fn a_numbered_group_is_taken_and_must_exist() {
    let rule = "[[rules]]\nid = \"two\"\nregex = '''(user)=(pw[0-9]{4})'''\nkeywords = [\"user=\"]\nsecretGroup = 2\n";
    assert_eq!(found(rule, "a", "user=pw1234"), one("two", "pw1234"));
    let bad = rule.replace("= 2", "= 3");
    let error =
        Patterns::read(&[], &[("team.toml", &bad)]).err().expect("no such group").to_string();
    assert!(error.contains("team.toml, line 1") && error.contains("no group 3"), "{error}");
}

#[test]
fn rules_without_keywords_and_rules_of_paths_work() {
    let rule = "[[rules]]\nid = \"bare\"\nregex = '''zq[0-9]{6}'''\n";
    assert_eq!(found(rule, "a/b.txt", "xx zq123456 yy"), one("bare", "zq123456"));
    let rule = "[[rules]]\nid = \"in-yaml\"\nregex = '''zq[0-9]{6}'''\npath = '''\\.ya?ml$'''\n";
    assert_eq!(found(rule, "a/b.yml", "zq123456"), one("in-yaml", "zq123456"));
    assert_eq!(found(rule, "a/b.txt", "zq123456"), []);
    let rule = "[[rules]]\nid = \"key-file\"\npath = '''\\.p12$'''\n";
    assert_eq!(found(rule, "srv/cert.p12", "any"), one("key-file", "srv/cert.p12"));
    assert_eq!(found(rule, "srv/cert.pem", "any"), []);
}

#[test]
fn entropy_has_to_be_higher() {
    let rule = "[[rules]]\nid = \"e\"\nregex = '''tok_([a-z0-9]{8})'''\nkeywords = [\"tok_\"]\nentropy = 2.5\n";
    assert_eq!(found(rule, "a", "tok_aaaabbbb"), []);
    assert_eq!(found(rule, "a", "tok_a8k2m4x9"), one("e", "a8k2m4x9"));
}

#[test]
fn allowlists_dismiss_by_path_regex_stopword_and_condition() {
    let text = "ACME_TOKEN = \"acm_k3j9d82ks0qw\" # fixture";
    let with = |list: &str| found(&format!("{RULE}{list}"), "app/tests/x.py", text);
    let there = one("acme-token", "acm_k3j9d82ks0qw");
    for (list, kept) in [
        ("[[rules.allowlists]]\npaths = ['''tests/''']\n", false),
        ("[rules.allowlist]\npaths = ['''docs/''']\n", true),
        ("[[rules.allowlists]]\nregexes = ['''k3j9''']\n", false),
        ("[[rules.allowlists]]\nregexes = ['''fixture''']\n", true),
        ("[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''fixture''']\n", false),
        ("[[rules.allowlists]]\nregexTarget = \"match\"\nregexes = ['''^ACME''']\n", false),
        ("[[rules.allowlists]]\nstopwords = [\"D82K\"]\n", false),
        (
            "[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''tests/''']\nstopwords = [\"nope\"]\n",
            true,
        ),
        (
            "[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''tests/''']\nstopwords = [\"d82k\"]\n",
            false,
        ),
        ("[allowlist]\npaths = ['''tests/''']\n", false),
        ("[[allowlists]]\ntargetRules = [\"Acme_Token\"]\npaths = ['''tests/''']\n", false),
        ("[[allowlists]]\ntargetRules = [\"other\"]\npaths = ['''tests/''']\n", true),
    ] {
        let want = if kept { there.clone() } else { Vec::new() };
        assert_eq!(with(list), want, "{list}");
    }
}

#[test]
fn built_in_patterns_stay_unless_disabled_or_replaced() {
    assert!(with_builtin(RULE).get("github-pat").is_some());
    let off = "[extend]\nuseDefault = true\ndisabledRules = [\"github-pat\"]\n";
    assert!(with_builtin(off).get("github-pat").is_none());
    let other =
        "[[rules]]\nid = \"github-pat\"\nregex = '''ghp_x[0-9]{4}'''\nkeywords = [\"ghp_x\"]\n";
    let all = with_builtin(other);
    let mine = all.get("github-pat").map(|p| p.file.as_str());
    assert_eq!((mine, all.iter().filter(|p| p.id == "github-pat").count()), (Some("team.toml"), 1));
}

#[test]
fn mistakes_are_named() {
    for (config, says) in [
        ("[[rules]]\nid = \"a\"\nregex = '''('''\n", "rule `a`: regex"),
        ("[[rules]]\nid = \"a\"\n", "neither `regex` nor `path`"),
        ("[[rules]]\nregex = '''a'''\n", "missing field `id`"),
        ("[[rules]]\nid = \"a\"\nregex = '''(?:a{1000}){1000}'''\n", "shorten its repetitions"),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\n[[rules.allowlists]]\ncondition = \"XOR\"\n",
            "unknown condition `XOR`",
        ),
    ] {
        let error = Patterns::read(&[], &[("team.toml", config)]).err().expect(config).to_string();
        assert!(
            error.starts_with("pattern file team.toml, line") && error.contains(says),
            "{error}"
        );
    }
}

#[test]
fn what_a_file_extends_is_told() {
    assert_eq!(extends("[extend]\npath = \"base.toml\"\n").as_deref(), Some("base.toml"));
    assert_eq!(extends(RULE), None);
}
