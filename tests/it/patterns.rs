//! `careen patterns` and `--patterns` from outside.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};

/// Assembled, so that this file holds no token.
fn acme() -> String {
    ["acm_", "k3j9d82ks0qw"].concat()
}

const GITLEAKS: &str = r#"
title = "team rules"
[[rules]]
id = "acme-token"
description = "Acme token"
regex = '''acm_[a-z0-9]{12}'''
keywords = ["acm_"]
[[rules.allowlists]]
paths = ['''^docs/''']
"#;

const OWN: &str = r#"
[[pattern]]
id = "acme-key"
description = "Acme key"
severity = "critical"
beside = ["acme"]
value = 'K[0-9]{20}'
doc = "https://acme.example/docs"
should_match = ["ACME_K¦EY=K849¦20174¦65028¦374651¦9"]
should_not_match = ["ACME_KEY=K1"]
"#;

#[test]
fn a_file_is_tried_and_its_secrets_are_masked() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let env = folder.path().join("app.env");
    std::fs::write(&env, format!("A=1\nTHING={}\n", acme())).unwrap();
    let config = folder.path().join("gitleaks.toml");
    std::fs::write(&config, GITLEAKS).unwrap();

    let none = home.run(&["patterns", "test", &show(&env)]);
    assert_eq!((none.status, none.text().as_str()), (0, ""));
    let some = home.run(&["patterns", "test", "--patterns", &show(&config), &show(&env)]);
    let line = format!("{}:2  acme-token  likely  ac**** (16 characters)\n", show(&env));
    assert_eq!((some.status, some.text()), (1, line));
    let piped =
        home.run_with(&["patterns", "test", "-", "--patterns", &show(&config)], acme().as_bytes());
    assert_eq!(
        (piped.status, piped.text().as_str()),
        (1, "-:1  acme-token  likely  ac**** (16 characters)\n")
    );
}

#[test]
fn an_image_is_searched_for_a_users_secrets_too_and_the_cache_knows() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layer = LayerBuilder::new()
        .file("app/x.txt", format!("{}\n", acme()))
        .file("docs/x.txt", format!("{}\n", acme()));
    let image = ImageBuilder::new().layer("COPY . .", layer);
    let reference = show(&image.write_layout(&folder.path().join("image"), "1"));
    let config = folder.path().join("gitleaks.toml");
    std::fs::write(&config, GITLEAKS).unwrap();

    let found = |args: &[&str]| -> Vec<String> {
        let report = home.report(&reference, args);
        let secrets = report["findings"].as_array().unwrap().iter();
        let secrets = secrets.filter(|f| f["rule"] == "secret/acme-token");
        secrets.map(|f| f["path"].as_str().unwrap().to_owned()).collect()
    };
    // The index that the first run leaves in the cache must not answer for the second.
    assert_eq!(found(&[]), [""; 0]);
    assert_eq!(found(&["--patterns", &show(&config)]), ["app/x.txt"]);
}

#[test]
fn own_patterns_are_checked() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("acme.toml"), OWN).unwrap();
    let good = home.run(&["patterns", "lint", &show(folder.path())]);
    assert_eq!((good.status, good.text().as_str()), (0, "1 pattern, all well\n"));

    let bad = OWN.replace("https://", "http://").replace("K849", "X849");
    std::fs::write(folder.path().join("acme.toml"), bad).unwrap();
    let bad = home.run(&["patterns", "lint", &show(folder.path())]);
    assert_eq!(bad.status, 1);
    assert!(bad.text().contains("acme-key: `doc` is no https address"), "{}", bad.text());
    assert!(bad.text().contains("acme-key: it should match `ACME_KEY=X849"), "{}", bad.text());

    std::fs::write(folder.path().join("acme.toml"), "[[pattern]\n").unwrap();
    let broken = home.run(&["patterns", "lint", &show(folder.path())]);
    assert_eq!(broken.status, 2);
    assert!(broken.stderr.contains("acme.toml, line 1"), "{}", broken.stderr);
    let absent = home.run(&["patterns", "list", "--patterns", "/nonexistent.toml"]);
    assert_eq!(absent.status, 2);
}

#[test]
fn the_list_names_thousands_of_kinds() {
    let listed = Home::new().run(&["patterns", "list", "--format", "json"]).json();
    let all = listed.as_array().unwrap();
    assert!(all.len() >= 3000, "{}", all.len());
    assert!(all.iter().any(|p| p["id"] == "github-pat" && p["severity"] == "critical"));
}
