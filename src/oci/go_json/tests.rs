//! The answers are those of Go 1.26's `encoding/json` to the same text and the same types.

use super::*;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Image {
    os: String,
    config: Config,
    rootfs: Option<Vec<String>>,
    history: Vec<Step>,
    layers: Vec<Blob>,
}

#[derive(Debug, Default)]
struct Config {
    user: String,
    env: Vec<String>,
    labels: BTreeMap<String, String>,
    ports: BTreeMap<String, Present>,
    check: Option<Check>,
}

#[derive(Debug, Default)]
struct Check {
    test: Vec<String>,
    interval: i64,
}

#[derive(Debug, Default)]
struct Step {
    by: String,
    empty: bool,
}

#[derive(Debug, Default)]
struct Blob {
    digest: String,
    size: u64,
    urls: Vec<String>,
    notes: BTreeMap<String, String>,
}

go_struct!(Image {
    "os" => os, "config" => config, "rootfs" => rootfs, "history" => history, "layers" => layers,
});
go_struct!(Config {
    "User" => user, "Env" => env, "Labels" => labels, "ExposedPorts" => ports, "Check" => check,
});
go_struct!(Check { "Test" => test, "Interval" => interval });
go_struct!(Step { "created_by" => by, "empty_layer" => empty });
go_struct!(Blob { "digest" => digest, "size" => size, "urls" => urls, "annotations" => notes });

fn read(text: &[u8]) -> Image {
    unmarshal(text).unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(text))).value
}

fn config(text: &str) -> Config {
    read(format!(r#"{{"config":{text}}}"#).as_bytes()).config
}

#[test]
fn keys_fold_as_in_go() {
    for key in ["user", "USER", "User", "uSeR", "u\u{17f}er", "u\\u017fer", "\\u0055ser"] {
        assert_eq!(config(&format!(r#"{{"{key}":"1"}}"#)).user, "1", "{key}");
    }
    let blob = |key: &str| format!(r#"{{"layers":[{{"{key}":"1"}}]}}"#);
    assert_eq!(read(blob("dige\u{17f}t").as_bytes()).layers[0].digest, "1");
    for key in ["use", "users", "u\u{df}er", "us\u{e9}r", "", "User "] {
        assert_eq!(config(&format!(r#"{{"{key}":"1"}}"#)).user, "", "{key}");
    }
    // The Kelvin sign.
    assert!(is_same("chec\u{212a}", "Check") && !is_same("\u{fb01}", "fi"));
}

#[test]
fn the_last_of_equal_keys_is_written_into_what_was_there() {
    for (text, user, env) in [
        (r#"{"User":"1","Env":["x"],"user":"root","ENV":["y","z"]}"#, "root", &["y", "z"][..]),
        (r#"{"User":"1","Env":["x","y"],"Env":["z"]}"#, "1", &["z"]),
        (r#"{"User":"1","Env":["x","y"],"Env":["z",null],"User":null}"#, "1", &["z", "y"]),
        (r#"{"Env":["x","y"],"Env":[]}"#, "", &[]),
        (r#"{"Env":["x","y"],"Env":[],"env":[null,null]}"#, "", &["", ""]),
        (r#"{"Env":["x","y"],"Env":null}"#, "", &[]),
    ] {
        let got = config(text);
        assert_eq!(
            (got.user.as_str(), got.env.as_slice()),
            (user, &env.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..]),
            "{text}"
        );
    }
    let two =
        read(br#"{"config":{"User":"1","Env":["x"]},"Config":{"User":"root"},"CONFIG":null}"#);
    assert_eq!((two.config.user.as_str(), two.config.env.len()), ("root", 1));
    let layers = read(
        br#"{"layers":[{"digest":"a","size":1,"urls":["u"],"annotations":{"a":"1"}},{"digest":"b"}],
            "Layers":[{"digest":"c","annotations":{"b":"2"}}]}"#,
    )
    .layers;
    assert_eq!((layers.len(), layers[0].digest.as_str(), layers[0].size), (1, "c", 1));
    assert_eq!((layers[0].urls.len(), layers[0].notes.len()), (1, 2));
    let history = read(
        br#"{"history":[null,{"created_by":"a","empty_layer":true}],"History":[{"created_by":"q"},{},{}]}"#,
    )
    .history;
    let steps: Vec<_> = history.iter().map(|s| (s.by.as_str(), s.empty)).collect();
    assert_eq!(steps, [("q", false), ("a", true), ("", false)]);
}

#[test]
fn null_is_nothing() {
    let c =
        config(r#"{"User":null,"Env":null,"Labels":{"a":null},"ExposedPorts":{"80/tcp":null}}"#);
    assert_eq!((c.user.as_str(), c.env.len(), c.labels["a"].as_str()), ("", 0, ""));
    assert_eq!(c.ports.len(), 1);
    let check = |text: &str| config(text).check.map(|c| (c.test.join(" "), c.interval));
    let set = r#""Check":{"Test":["a","b"],"Interval":3}"#;
    assert_eq!(check(&format!(r#"{{{set},"check":{{"test":["c"]}}}}"#)), Some(("c".into(), 3)));
    assert_eq!(check(&format!(r#"{{{set},"check":null}}"#)), None);
    let maps = config(r#"{"Labels":{"a":"0","b":"1"},"labels":{"b":null,"c":"3"}}"#).labels;
    assert_eq!(maps.into_values().collect::<Vec<_>>(), ["0", "", "3"]);
    assert!(config(r#"{"Labels":{"a":"1"},"labels":null}"#).labels.is_empty());
    let rootfs = |text: &str| read(format!(r#"{{"rootfs":{text}}}"#).as_bytes()).rootfs;
    assert_eq!((rootfs("null"), rootfs("[]")), (None, Some(Vec::new())));
    assert_eq!(read(b"null").os, "");
    assert_eq!(read(br#"{"layers":[null]}"#).layers[0].digest, "");
}

#[test]
fn a_wrong_type_names_its_field_and_never_its_value() {
    for (text, words) in [
        (r#"{"config":{"User":1}}"#, "config.User: a number where a string belongs"),
        (r#"{"config":{"env":"hunter2"}}"#, "config.Env: a string where a list belongs"),
        (r#"{"config":{"Env":["a",{"hunter2":1}]}}"#, "config.Env[1]: an object where a string"),
        (r#"{"config":["hunter2"]}"#, "config: a list where an object belongs"),
        (r#"{"config":{"Labels":{"hunter2":7}}}"#, "config.Labels.*: a number where a string"),
        (r#"{"config":{"check":{"Test":true}}}"#, "config.Check.Test: true or false where a list"),
        (
            r#"{"history":[{"empty_layer":"hunter2"}]}"#,
            "history[0].empty_layer: a string where true",
        ),
        (r#"{"layers":[{"size":-1}]}"#, "layers[0].size: a negative number where a whole number"),
        (r#"{"layers":[{},{"size":1.0}]}"#, "layers[1].size: a number that is not whole where"),
        (r#"{"layers":[{"size":1e2}]}"#, "layers[0].size: a number that is not whole where"),
        (
            r#"{"layers":[{"size":18446744073709551615}]}"#,
            "layers[0].size: a number beyond 64 bits",
        ),
        (r#"{"layers":[{"size":"hunter2"}]}"#, "layers[0].size: a string where a whole number"),
        (r#"["hunter2"]"#, "a list where an object belongs"),
        (r#""hunter2""#, "a string where an object belongs"),
        (r#"{"config":{"User":"hunter2"#, "config.User: EOF while parsing a string"),
        (r#"{"os":"hunter2"} {}"#, "trailing characters"),
        ("", "EOF"),
        ("\u{feff}{}", "expected value"),
        (r#"{"os":"x",}"#, "trailing comma"),
    ] {
        let e = unmarshal::<Image>(text.as_bytes()).unwrap_err().to_string();
        assert!(e.starts_with(words) || (!words.contains(':') && e.contains(words)), "{text}: {e}");
        assert!(!e.contains("hunter2") && e.contains(" at line 1 column "), "{text}: {e}");
    }
}

/// Runtimes start such images: to refuse them would be to look at nothing.
#[test]
fn what_is_no_unicode_is_replaced() {
    let user = |raw: &[u8]| {
        let whole = [b"{\"config\":{\"User\":\"", raw, b"\"}}"].concat();
        unmarshal::<Image>(&whole).map(|u| (u.value.config.user, u.repaired))
    };
    for (raw, read) in [
        (&b"a\\ud83d\\ude00b"[..], ("a\u{1f600}b", false)),
        (b"a\\ud800b", ("a\u{fffd}b", true)),
        (b"a\\ud800\\ud83d\\ude00", ("a\u{fffd}\u{1f600}", true)),
        (b"\\udc00\\n\\\\ud800", ("\u{fffd}\n\\ud800", true)),
        (b"a\xffb", ("a\u{fffd}b", true)),
    ] {
        let found = user(raw).unwrap();
        assert_eq!((found.0.as_str(), found.1), read, "{raw:?}");
    }
    for bad in [&b"\\ud8"[..], b"\\ud800\\", b"\\", b"\xff\"", "\\u日本".as_bytes()] {
        assert!(user(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn what_is_not_wanted_is_passed_over_however_deep() {
    let deep = format!(r#"{{"x":{}1{},"os":"linux"}}"#, "[".repeat(500_000), "]".repeat(500_000));
    assert_eq!(read(deep.as_bytes()).os, "linux");
    assert_eq!(read(b"{\"x\":1e999,\"y\":\"\xff\\ud800\",\"OS\":\"linux\"}").os, "linux");
    // Where a type goes on, its depth ends the descent.
    let deep = format!(r#"{{"config":{{"ExposedPorts":{{"a":{}"#, "[".repeat(500_000));
    assert!(unmarshal::<Image>(deep.as_bytes()).is_err());
}

#[test]
fn what_stands_twice_is_told() {
    let twice = |text: &str| unmarshal::<Image>(text.as_bytes()).unwrap().repeated;
    assert_eq!(twice(r#"{"config":{"user":"1"},"os":"a","OS":"b"}"#), ["os"]);
    assert_eq!(twice(r#"{"config":{"Labels":{"a":"1","a":"2"}}}"#), ["config.Labels.*"]);
    assert_eq!(twice(r#"{"config":{"Labels":{"a":"1","A":"2"}}}"#).len(), 0);
    let lists = r#"{"layers":[{"size":1,"SIZE":2},{"size":1,"size":2}],"config":{"Env":[],"env":[]},"x":1,"X":2}"#;
    assert_eq!(twice(lists), ["layers.size", "config.Env"]);
    // What stood before in a list or an object that is written into again is no repeated key.
    assert_eq!(twice(r#"{"layers":[{"size":1}],"Layers":[{"size":2}]}"#), ["layers"]);
    assert_eq!(twice(r#"{"x":1,"x":2,"history":[{"created_by":""},{"created_by":""}]}"#).len(), 0);
}
