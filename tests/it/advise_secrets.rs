//! What `careen advise` writes holds no secret and no mask, and settles what it says that it settles.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use crate::support::tutorial::base;
use serde_json::{Value, json};
use std::path::Path;

/// A token of the form that its vendor gives out.
fn token() -> String {
    ["gh", "p_Gp", "WLuqIA", "1id6Vw", "5DQL05", "HA064G", "iIjH2Y", "Y9mj"].concat()
}

/// As tutorials write it: all of the folder copied, a secret in each place that people put one.
fn leaky() -> ImageBuilder {
    let secret = token();
    base()
        .step("WORKDIR /app")
        .layer(
            "COPY . . # buildkit",
            LayerBuilder::new()
                .file_as("app/run.sh", 0o755, 0, b"#!/bin/sh\n. /app/needed.conf\nexec /app/server\n")
                .file_as("app/server", 0o755, 0, &vec![b's'; 50_000])
                .file("app/needed.conf", format!("HUB={secret}\n"))
                .file("app/.env", format!("DEPLOY={secret}\n"))
                .file("app/.pgpass", "db:5432:shop:shop:x\n")
                .file("app/.bash_history", "ls\n")
                .file("app/settings.yml", format!("hub: {secret}\n"))
                .file("app/old.env", format!("OLD={secret}\n"))
                .file("app/big", vec![b'b'; 900_000]),
        )
        .layer(
            "RUN /bin/sh -c pip download x # buildkit",
            LayerBuilder::new().file("root/.cache/pip/wheels", vec![b'w'; 6_000_000]),
        )
        .layer(
            &format!("RUN /bin/sh -c curl -H \"Authorization: Bearer {secret}\" https://x -o /app/y # buildkit"),
            LayerBuilder::new().file("app/y", "y"),
        )
        .layer("RUN /bin/sh -c rm old.env # buildkit", LayerBuilder::new().whiteout("app/old.env"))
        .layer(
            &format!("RUN /bin/sh -c echo 'root:{secret}' | chpasswd # buildkit"),
            LayerBuilder::new().file("etc/shadow", "root:x:1::::::\n"),
        )
        .layer(
            "RUN /bin/sh -c chown -R 1000:1000 /app # buildkit",
            LayerBuilder::new().file_as("app/big", 0o644, 1000, &vec![b'b'; 900_000]),
        )
        .step(&format!("ENV GITHUB_TOKEN={secret} LEVEL=debug"))
        .config("Env", json!([format!("GITHUB_TOKEN={secret}"), "LEVEL=debug"]))
        .config("WorkingDir", json!("/app"))
        .config("Cmd", json!(["/app/run.sh"]))
}

fn dockerfile() -> String {
    let secret = token();
    format!(
        "FROM debian:12\nWORKDIR /app\nCOPY . .\n\
         RUN curl -H \"Authorization: Bearer {secret}\" https://x -o /app/y\n\
         RUN rm old.env\n\
         RUN echo 'root:{secret}' | chpasswd\n\
         RUN chown -R 1000:1000 /app\n\
         ENV GITHUB_TOKEN={secret} LEVEL=debug\n\
         CMD [\"/app/run.sh\"]\n"
    )
}

fn advice(home: &Home, layout: &str, more: &[&str]) -> Vec<Value> {
    let run = home.run(&[&["advise", layout, "--format", "json"], more].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.json()["advice"].as_array().unwrap().clone()
}

fn proposal<'a>(all: &'a [Value], id: &str) -> &'a Value {
    all.iter().find(|a| a["id"] == id).unwrap_or_else(|| panic!("{id} in {all:#?}"))
}

fn written(folder: &Path) -> String {
    let file = folder.join("Dockerfile");
    std::fs::write(&file, dockerfile()).unwrap();
    show(&file)
}

#[test]
fn no_proposal_holds_a_secret_or_a_mask() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&leaky().write_layout(&folder.path().join("shop"), "1"));
    let own = written(folder.path());
    for more in [&[][..], &["--dockerfile", &own]] {
        let all = advice(&home, &layout, more);
        let mut written = 0;
        for proposal in &all {
            let Some(text) = proposal["dockerfile"].as_str() else { continue };
            written += usize::from(text.contains("FROM"));
            let instructions: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
            let instructions = instructions.join("\n");
            assert!(!text.contains(&token()), "{text}");
            assert!(!instructions.contains("****"), "{text}");
            assert!(!instructions.contains("chpasswd"), "{text}");
        }
        assert!(written >= 2, "{all:#?}");
        for id in ["needed-files", "same-base"] {
            let text = proposal(&all, id)["dockerfile"].as_str().unwrap();
            assert!(
                text.contains("--mount=type=secret,id=") && text.contains("$(cat /run/secrets/"),
                "{text}"
            );
            assert!(text.contains("LEVEL=") && !text.contains("GITHUB_TOKEN="), "{text}");
        }
    }
}

#[test]
fn files_with_secrets_are_copied_only_where_the_program_reads_them() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&leaky().write_layout(&folder.path().join("shop"), "1"));
    let all = advice(&home, &layout, &[]);
    let needed = proposal(&all, "needed-files");
    let text = needed["dockerfile"].as_str().unwrap();
    let copied = text.split("tar -cf -").nth(1).unwrap();
    let included: Vec<&str> = copied
        .lines()
        .map(|l| l.trim().trim_end_matches(" \\"))
        .filter(|l| !l.starts_with("--exclude") && !l.is_empty())
        .collect();
    let excluded = |name: &str| copied.contains(&format!("--exclude='./app/{name}'"));
    for name in [".env", ".pgpass", ".bash_history", "settings.yml"] {
        let whole = included.contains(&"./app");
        let named = included.iter().any(|l| l.trim_matches('\'').ends_with(name));
        assert!(if whole { excluded(name) } else { !named }, "{name}: {text}");
        assert!(text.contains(&format!("# /app/{name} is left out: ")), "{name}: {text}");
    }
    // The start script reads it.
    let risks = needed["risks"].to_string();
    assert!(risks.contains("/app/needed.conf holds a secret and stays"), "{risks}");
    assert!(!excluded("needed.conf"), "{text}");
    let ignore = needed["ignore"].to_string();
    assert!(ignore.contains("**/.env") && ignore.contains("**/.pgpass"), "{ignore}");
    // A build may read settings: `COPY` brings them into its stage, and they stay there.
    assert!(!ignore.contains("settings.yml"), "{ignore}");
    assert!(!ignore.contains("needed.conf"), "{ignore}");
}

#[test]
fn the_same_base_claims_what_it_does() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&leaky().write_layout(&folder.path().join("shop"), "1"));
    let own = written(folder.path());
    let all = advice(&home, &layout, &["--dockerfile", &own]);
    let same = proposal(&all, "same-base");
    let text = same["dockerfile"].as_str().unwrap();
    // The copy sets the owner, and what would have been deleted does not come in.
    assert!(!text.contains("chown -R") && text.contains("COPY --chown="), "{text}");
    assert!(!text.contains("rm old.env"), "{text}");
    let ignore = same["ignore"].to_string();
    assert!(ignore.contains("**/old.env") && ignore.contains("**/.env"), "{ignore}");
    let risks = same["risks"].to_string();
    assert!(risks.contains("/app/settings.yml holds a secret and still comes in"), "{risks}");
    let hidden =
        same["removes"].as_array().unwrap().iter().find(|r| r["what"] == "hidden by later layers");
    // The file that chown stored twice, and the one that was deleted.
    let old = format!("OLD={}\n", token()).len() as u64;
    assert_eq!(hidden.unwrap()["bytes"], 900_000 + old, "{same:#}");
}

#[test]
fn a_patch_that_would_print_a_secret_is_refused_with_the_reason() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&leaky().write_layout(&folder.path().join("shop"), "1"));
    let own = written(folder.path());
    let run =
        home.run(&["advise", &layout, "--dockerfile", &own, "--emit", "same-base", "--patch"]);
    assert_eq!((run.status, run.text().as_str()), (2, ""), "{}", run.stderr);
    assert!(run.stderr.contains("hold a secret"), "{}", run.stderr);
    assert!(!run.stderr.contains(&token()), "{}", run.stderr);
}

#[test]
fn a_secret_that_is_moved_and_deleted_stays_out_of_the_same_base() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let key = ["-----BEGIN OPENSSH ", "PRIVATE KEY-----\n"].concat()
        + &*"b3BlbnNzaC1rZXktdjE\n".repeat(9);
    let end = ["-----END OPENSSH ", "PRIVATE KEY-----\n"].concat();
    let image = |step: &str| {
        base()
            .layer(
                "COPY . /srv # buildkit",
                LayerBuilder::new()
                    .file("srv/id_ed25519", format!("{key}{end}"))
                    .file("srv/page", "hello"),
            )
            .layer(
                step,
                LayerBuilder::new()
                    .whiteout("srv/id_ed25519")
                    .file("root/id_ed25519", format!("{key}{end}")),
            )
            .layer(
                "RUN /bin/sh -c rm /root/id_ed25519 # buildkit",
                LayerBuilder::new().whiteout("root/id_ed25519").dir("tmp"),
            )
            .config("Cmd", json!(["/bin/sh", "/srv/page"]))
    };
    let moved = image("RUN /bin/sh -c mv /srv/id_ed25519 /root/id_ed25519 # buildkit");
    let layout = show(&moved.write_layout(&folder.path().join("moved"), "1"));
    let all = advice(&home, &layout, &[]);
    let same = proposal(&all, "same-base");
    let text = same["dockerfile"].as_str().unwrap();
    assert!(!text.contains("id_ed25519"), "{text}");
    assert_eq!(same["ignore"], json!(["**/id_ed25519"]), "{same:#}");
    // What does more with it than that stays, and is said to.
    let read = image("RUN /bin/sh -c ssh-add /srv/id_ed25519 # buildkit");
    let layout = show(&read.write_layout(&folder.path().join("read"), "1"));
    let all = advice(&home, &layout, &[]);
    let same = proposal(&all, "same-base");
    assert!(same["dockerfile"].as_str().unwrap().contains("ssh-add"), "{same:#}");
    assert!(
        same["risks"].to_string().contains("/srv/id_ed25519 holds a secret and stays in a layer"),
        "{same:#}"
    );
}

#[test]
fn a_secret_that_another_place_still_has_is_not_settled() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&leaky().write_layout(&folder.path().join("shop"), "1"));
    let report = home.run(&["inspect", &layout, "--format", "json"]).json();
    let secrets: Vec<&Value> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["category"] == "secret")
        .collect();
    // The start script reads this file, so that it stays.
    let stays = secrets.iter().filter(|f| f.to_string().contains("app/needed.conf")).count();
    assert!(stays > 0, "{secrets:#?}");
    let all = advice(&home, &layout, &[]);
    let fixes = proposal(&all, "needed-files")["fixes"].as_array().unwrap().clone();
    let settled = fixes.iter().find(|f| f["rule"] == "secret");
    let settled = settled.map_or(0, |f| f["findings"].as_u64().unwrap() as usize);
    assert_eq!(settled, secrets.len() - stays, "{fixes:?}");
}

#[test]
fn a_folder_of_the_base_stays_with_the_base() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let image = base()
        .layer("RUN mkdir /tmp", LayerBuilder::new().dir_as("tmp", 0o777))
        .layer(
            "RUN /bin/sh -c apt-get update # buildkit",
            LayerBuilder::new().file("var/lib/apt/lists/deb_InRelease", vec![b'l'; 900_000]),
        )
        .layer(
            "RUN /bin/sh -c apt-get install -y x # buildkit",
            LayerBuilder::new().file("usr/bin/x", "x"),
        )
        .config("Cmd", json!(["/bin/sh", "/x"]));
    let layout = show(&image.write_layout(&folder.path().join("x"), "1"));
    let report = home.run(&["inspect", &layout, "--format", "json"]).json();
    assert!(report["findings"].to_string().contains("world-writable"), "{report:#}");
    let all = advice(&home, &layout, &[]);
    let fixes = proposal(&all, "same-base")["fixes"].to_string();
    assert!(!fixes.contains("world-writable"), "{fixes}");
}
