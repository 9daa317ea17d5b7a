//! Secrets stay secret: wherever in an image one stands, no form of the report and no proposal has it in
//! clear.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::page_of::inspection;
use crate::support::program::{Home, show};
use careen::text::fingerprint;
use serde_json::json;
use std::path::Path;

const FORMATS: [&str; 10] =
    ["text", "json", "jsonl", "html", "sarif", "markdown", "junit", "gitlab", "cyclonedx", "spdx"];

/// A GitHub token whose checksum is right; in parts, so that no scanner takes this file for a leak.
fn pat() -> String {
    ["gh", "p_Gp", "WLuqIA", "1id6Vw", "5DQL05", "HA064G", "iIjH2Y", "Y9mj"].concat()
}

/// No pattern knows this one without what stands around it.
fn key() -> String {
    ["q7Wm/ZtR4xB9", "nLs2VhK8cYd3+", "FgJ6pTe5Ua1XoQr"].concat()
}

/// On a base that is known by its history, so that proposals are made.
fn image() -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            "/bin/sh -c #(nop) ADD file:1 in / ",
            LayerBuilder::new()
                .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n")
                .file("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
                .file(
                    "lib/apk/db/installed",
                    "P:gcc\nV:1\nF:usr/bin\nR:cc1\n\nP:app\nV:2\nF:usr/bin\nR:app\n\n",
                )
                .file_as("bin/sh", 0o755, 0, b"#!not really\n")
                .file_as("usr/bin/cc1", 0o755, 0, &vec![b'c'; 400_000])
                .file_as("usr/bin/app", 0o755, 0, &vec![b'a'; 50_000]),
        )
        .step("/bin/sh -c #(nop)  CMD [\"/bin/sh\"]")
        .layer("COPY . /opt # buildkit", LayerBuilder::new().file("opt/page.html", "hello"))
        .config("Env", json!(["PATH=/usr/bin:/bin"]))
        .config("Entrypoint", json!(["/usr/bin/app"]))
}

/// All that careen writes of an image, each with what wrote it.
fn all_of(home: &Home, layout: &str, formats: &[&str]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut run = |args: &[&str]| {
        let run = home.run(args);
        assert!(run.status != 2, "{args:?}: {}", run.stderr);
        out.push((format!("{args:?}"), run.text() + run.stderr.as_str()));
    };
    for format in formats {
        run(&["inspect", layout, "--format", format, "--confidence", "possible"]);
    }
    run(&["advise", layout]);
    run(&["advise", layout, "--format", "json"]);
    run(&["check", layout]);
    let advice = home.run(&["advise", layout, "--format", "json"]).json();
    let made = advice["advice"].as_array().unwrap().iter();
    let made: Vec<&str> =
        made.filter(|a| a["dockerfile"].is_string()).map(|a| a["id"].as_str().unwrap()).collect();
    assert!(made.contains(&"needed-files"), "{advice:#}");
    for id in made {
        run(&["advise", layout, "--emit", id]);
    }
    out
}

/// Where a secret is told in clear, also as parts of URLs and JSON write it.
fn leaks(
    home: &Home,
    folder: &Path,
    image: &ImageBuilder,
    secrets: &[&str],
    formats: &[&str],
) -> Vec<String> {
    let layout = show(&image.write_layout(folder, "1"));
    let mut out = Vec::new();
    for (by, text) in all_of(home, &layout, formats) {
        for secret in secrets {
            let escaped = secret.replace('/', "%2F").replace('+', "%2B");
            for (number, line) in text.lines().enumerate() {
                if line.contains(secret) || line.contains(&escaped) {
                    out.push(format!("{by}:{number}: {:.300}", line.trim()));
                }
            }
        }
    }
    out
}

#[test]
fn a_health_check_keeps_its_secret() {
    let home = Home::new();
    let (token, password) = (pat(), "kV9wQz7LmX2tR4pB");
    let checks = [
        json!(["CMD", "/usr/bin/app", "--token", token]),
        json!(["CMD-SHELL", format!("app --token {token}")]),
        json!(["CMD-SHELL", format!("curl -f https://u:{password}@h.example.test/ || exit 1")]),
        json!(["CMD", "curl", format!("https://u:{password}@h.example.test/\"x")]),
    ];
    for check in checks {
        let folder = tempfile::tempdir().unwrap();
        let image = image().config("Healthcheck", json!({ "Test": check }));
        assert_eq!(
            leaks(&home, folder.path(), &image, &[&token, password], &["json"]),
            [""; 0],
            "{check}"
        );
    }
}

#[test]
fn a_found_secret_is_masked_where_nothing_tells_what_it_is() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let (key, short) = (key(), "Hu7!tQ9z");
    let image = image()
        .layer(
            "COPY . /srv # buildkit",
            LayerBuilder::new()
                .file("srv/.env", format!("AWS_SECRET_ACCESS_KEY={key}\nDB_PASSWORD={short}\n")),
        )
        .layer(
            &format!("RUN /bin/sh -c echo {key} > /k; echo '{short}'|wc # buildkit"),
            LayerBuilder::new().file("k", "x"),
        )
        .config("Labels", json!({ "note": format!("made with {key}"), "key": short }))
        .config("Cmd", json!(["serve", short]))
        .config("WorkingDir", json!(format!("/srv/{short}")));
    assert_eq!(leaks(&home, folder.path(), &image, &[&key, short], &FORMATS), [""; 0]);

    // Once from the cache, and it is told where the copies are.
    let report = home.report(&show(folder.path()), &[]);
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|f| f["rule"] == "secret/aws-secret-access-key").unwrap();
    let also: Vec<&str> =
        found["also"].as_array().unwrap().iter().map(|a| a["state"].as_str().unwrap()).collect();
    assert_eq!(also, ["only-in-config", "only-in-history"], "{found:#}");
    assert!(
        report["layers"][3]["instruction"].as_str().unwrap().contains("echo q7Wm****Qr (40"),
        "{}",
        report["layers"][3]
    );
}

#[test]
fn names_are_masked_where_they_are_secrets() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let token = pat();
    let status = format!(
        "Package: {token}\nStatus: install ok installed\nVersion: 1\nArchitecture: {token}\n\n\
         Package: b\nStatus: install ok installed\nSource: {token}\nVersion: {token}\n\n"
    );
    let image = image()
        .layer(
            "COPY . /srv # buildkit",
            LayerBuilder::new()
                .file(
                    "etc/os-release",
                    format!("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"{token}\"\n"),
                )
                .file(&format!("srv/{token}/.env"), "DB_PASSWORD=kV9wQz7LmX2tR4pB\n")
                .file_as(&format!("usr/bin/{token}"), 0o4755, 0, &vec![b's'; 90_000])
                .file(&format!("usr/bin/{token}.copy"), vec![b's'; 90_000])
                .file(&format!("usr/share/doc/{token}/README"), vec![b'd'; 90_000])
                .file(&format!("srv/{token}.gone"), vec![b'g'; 90_000])
                .file("var/lib/dpkg/status", status),
        )
        .layer("RUN rm", LayerBuilder::new().whiteout(&format!("srv/{token}.gone")))
        .config("Env", json!(["PATH=/usr/bin:/bin", format!("{token}=1"), token]))
        .config("Labels", json!({ (token.clone()): "x", "y": "z" }))
        .config("User", json!(token))
        .config("WorkingDir", json!(format!("/srv/{token}")))
        .config("Volumes", json!({ (format!("/{token}")): {} }))
        .config("ExposedPorts", json!({ (token.clone()): {} }))
        .config("StopSignal", json!(token))
        .config("OnBuild", json!([format!("RUN echo {token}")]))
        .config("Shell", json!(["/bin/sh", token]));
    assert_eq!(leaks(&home, folder.path(), &image, &[&token], &FORMATS), [""; 0]);

    let layout = show(folder.path());
    let report = home.report(&layout, &[]);
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|f| f["rule"] == "secret/generic-password").unwrap();
    let path = found["path"].as_str().unwrap();
    // With its fingerprint, so that two names that differ stay two names.
    let folder = format!("srv/ghp_****mj (40 characters, {})/.env", fingerprint(token.as_bytes()));
    assert_eq!(path, folder);
    assert!(found["recover"].as_str().unwrap().contains(path), "{found:#}");
    // The tree of the page, too.
    let seen = inspection(&layout);
    let tree = &seen.trees[0];
    assert!(tree.nodes.iter().all(|n| !n.name.contains(&token)));
    assert!(tree.nodes.iter().any(|n| n.name.starts_with("ghp_****mj")));
    assert!(tree.packages.iter().all(|p| !p.contains(&token)));
}

#[test]
fn secrets_in_every_part_of_the_configuration_are_found() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let token = pat();
    for (key, value) in [
        ("OnBuild", json!([format!("RUN echo {token}")])),
        ("Shell", json!(["/bin/sh", "-c", token])),
        ("StopSignal", json!(token)),
        ("User", json!(token)),
        ("WorkingDir", json!(format!("/{token}"))),
        ("Volumes", json!({ (format!("/{token}")): {} })),
    ] {
        let layout = image().config(key, value).write_layout(&folder.path().join(key), "1");
        let report = home.report(&show(&layout), &[]);
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.iter().any(|f| f["rule"] == "secret/github-pat"), "{key}: {findings:#?}");
    }
}

#[test]
fn a_backslash_at_the_end_takes_no_next_line() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let image = image()
        .config("WorkingDir", json!("/srv\\ \t"))
        .config("StopSignal", json!("SIGTERM\\\\"))
        .config("Healthcheck", json!({ "Test": ["CMD-SHELL", "true \\"] }));
    let layout = show(&image.write_layout(folder.path(), "1"));
    let text = home.run(&["advise", &layout, "--emit", "needed-files"]).text();
    let last = text.split("FROM scratch").nth(1).unwrap_or_else(|| panic!("{text}"));
    assert!(last.contains("\nWORKDIR /srv\n") && last.contains("\nSTOPSIGNAL SIGTERM\n"), "{last}");
    assert!(last.contains("\nHEALTHCHECK CMD true\n"), "{last}");
}

#[test]
fn a_key_in_a_here_document_of_ones_dockerfile_is_left_out() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let body = "MIIEpAIBAAKCAQEAx7Kd9QmZ2pLw4TnB8vRc5YhJ3sFg6AuE1oWiX0kVbNdMzPtG\n\
        q8HyCjLr2SfUa5Te9Bw7Dx3KvZm1Yo6Np4QgIhRlJsXuFcOtEbAiWk0Vn2Mz8Pd5\n";
    let dash = "-----";
    let pem = format!("{dash}BEGIN RSA PRIVATE KEY{dash}\n{body}{dash}END RSA PRIVATE KEY{dash}");
    let own = format!("FROM debian:12\nCOPY <<EOF /k\n{pem}\nEOF\nENTRYPOINT [\"/usr/bin/app\"]\n");
    let file = folder.path().join("Dockerfile");
    std::fs::write(&file, own).unwrap();
    let layout = show(&image().write_layout(&folder.path().join("image"), "1"));
    // The patch would have to print what it takes away.
    for (more, status) in [(&[][..], 0), (&["--patch"], 2)] {
        let args = ["advise", &layout, "--dockerfile", &show(&file), "--emit", "needed-files"];
        let run = home.run(&[&args, more].concat());
        assert_eq!(run.status, status, "{}", run.stderr);
        let all = format!("{}{}", run.text(), run.stderr);
        assert!(!all.contains(&body[..40]) && !run.text().contains("\nCOPY <<EOF"), "{all}");
    }
}
