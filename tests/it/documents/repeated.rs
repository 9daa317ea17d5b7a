//! Keys that stand more than once: the last one counts, as for runtimes, and the document is a finding.

use super::*;

/// Container runtimes unpack the last list of layers, whatever the case of its key.
#[test]
fn layers_under_a_second_key_are_the_ones_that_are_judged() {
    let layout = Layout::new();
    let (clean, clean_id) = layout.layer("app/ok", "hello");
    let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(3));
    let (evil, evil_id) = layout.layer("root/.npmrc", &npmrc);
    let config = format!(
        r#"{{{},"config":{{"User":"1000"}},"RootFS":{{"diff_ids":["{evil_id}"]}}}}"#,
        identity(&clean_id)
    );
    let config = write_blob(layout.path(), CONFIG, config.as_bytes());
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config,
        "layers": [clean], "Layers": [evil] });
    let manifest = write_blob(layout.path(), MANIFEST, manifest.to_string().as_bytes());
    write_index(layout.path(), vec![manifest]);
    let report = has_secret(&layout.inspect(&[]));
    assert_eq!(report["layers"].as_array().unwrap().len(), 1);
    assert_eq!(report["layers"][0]["digest"], evil["digest"]);
    assert!(!rules(&report).contains(&"integrity/diff-id".to_owned()));
    let said = repeated(&report);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("the configuration holds `rootfs` more than once"), "{said:?}");
    assert!(said[1].starts_with("the manifest holds `layers` more than once"), "{said:?}");
}

/// What is said of documents with repeated keys.
fn repeated(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let repeated = findings.filter(|f| f["rule"] == "integrity/repeated-keys");
    let mut all: Vec<String> =
        repeated.map(|f| f["message"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

/// An image that is otherwise clean; a key that really repeats is a finding, in whichever document.
#[test]
fn repeated_keys_alone_fail_an_image() {
    let inspect = |config: &str, index: bool| {
        let layout = Layout::new();
        let (layer, diff_id) = layout.layer("app/ok", "hello");
        let config = format!(r#"{{{},{config}}}"#, identity(&diff_id));
        let manifest = layout.manifest(&config, CONFIG, &[&layer]);
        if !index {
            write_index(layout.path(), vec![manifest]);
        } else {
            let text = format!(r#"{{"schemaVersion":2,"manifests":[],"Manifests":[{manifest}]}}"#);
            std::fs::write(layout.path().join("index.json"), text).unwrap();
        }
        let run = layout.inspect(&[]);
        (run.status, repeated(&run.json()))
    };
    let plain = r#""config":{"User":"1000","Labels":{"a":"1","A":"2"}},"x":1,"X":2,"x":3"#;
    assert_eq!(inspect(plain, false), (0, Vec::new()));
    for (config, field) in [
        (r#""config":{"User":"0","user":"1000"}"#, "config.User"),
        (r#""config":{"User":"1000","Labels":{"a":"1","a":"2"}}"#, "config.Labels.*"),
        (r#""config":{"User":"0"},"CONFIG":{"User":"1000"}"#, "config"),
    ] {
        let (status, said) = inspect(config, false);
        assert_eq!((status, said.len()), (1, 1), "{config}: {said:?}");
        assert!(said[0].contains(&format!("holds `{field}` more than once")), "{said:?}");
    }
    let (status, said) = inspect(plain, true);
    assert_eq!((status, said.len()), (1, 1), "{said:?}");
    assert!(said[0].starts_with("index.json holds `manifests`"), "{said:?}");
}

#[test]
fn a_second_config_is_the_one_that_is_judged() {
    let layout = Layout::new();
    let (layer, diff_id) = layout.layer("app/ok", "hello");
    let config = format!(
        r#"{{{},"config":{{"User":"1000"}},"Config":{{"User":"root","Env":["NPM_TOKEN={}"]}}}}"#,
        identity(&diff_id),
        token(4)
    );
    write_index(layout.path(), vec![layout.manifest(&config, CONFIG, &[&layer])]);
    let report = has_secret(&layout.inspect(&[]));
    assert!(rules(&report).contains(&"config/root-user".to_owned()));
    assert_eq!(report["image"]["user"], "root");
    // What the first one held runs nowhere, and is pulled by everybody.
    let config = format!(
        r#"{{{},"config":{{"User":"1000","Labels":{{"a":"{}"}}}},"Config":{{"labels":null}}}}"#,
        identity(&diff_id),
        token(8)
    );
    write_index(layout.path(), vec![layout.manifest(&config, CONFIG, &[&layer])]);
    let report = has_secret(&layout.inspect(&[]));
    assert_eq!(report["image"]["labels"], json!({}));
    assert!(report["findings"].to_string().contains("a later equal key replaces"));
}
