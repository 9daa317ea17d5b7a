//! `careen check` leaves out layers that the baseline has too, and never one that could change the verdict.

use crate::support::fleet::{noise, token};
use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, Run, show};
use serde_json::{Value, json};
use tempfile::TempDir;

const HELD: &str = "the baseline has this layer too";

fn database(packages: &[&str]) -> String {
    let one = |name: &&str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nVersion: 1\nInstalled-Size: 9\nArchitecture: amd64\n\n"
        )
    };
    packages.iter().map(one).collect()
}

/// A base with a package database, a user that is root in disguise, a program that should not be there, and
/// one that gives root away.
fn base() -> ImageBuilder {
    ImageBuilder::new().layer(
        "/bin/sh -c #(nop) ADD file:1 in / ",
        LayerBuilder::new()
            .file("etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n")
            .file(
                "etc/passwd",
                "root:x:0:0::/:/bin/sh\nadmin:x:0:0::/:/bin/sh\napp:x:10:10::/:/bin/sh\n",
            )
            .file("var/lib/dpkg/status", database(&["libc6", "perl", "telnet"]))
            .file_as("usr/bin/curl", 0o755, 0, &noise(5, 1))
            .file_as("usr/bin/rootsh", 0o4755, 0, &noise(5, 2)),
    )
}

fn app(version: u64) -> LayerBuilder {
    LayerBuilder::new().file("app/server.js", noise(20 + version as usize, 3))
}

const COPY: &str = "COPY . /app # buildkit";
const RUN: &str = "RUN /bin/sh -c ./harden # buildkit";

/// Images in a folder, by name.
struct Place {
    home: Home,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { home: Home::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn put(&self, name: &str, image: ImageBuilder) -> String {
        let image = image.config("Healthcheck", json!({"Test": ["CMD", "/app/ok"]}));
        show(&image.write_layout(&self.folder.path().join(name), "1"))
    }

    fn run(&self, args: &[&str]) -> Run {
        self.home.run(&[args, &["--no-cache"]].concat())
    }

    /// Its report in a file.
    fn report(&self, image: &str, more: &[&str]) -> String {
        let file = format!("{image}.json");
        let args = ["inspect", image, "--fail-on", "never", "--output"];
        let run = self.run(&[&args[..], &[&format!("json={file}")], more].concat());
        assert_eq!(run.status, 0, "{}", run.stderr);
        file
    }

    /// Checks against the other image and against its report, which must come to the same.
    fn check(&self, new: &str, old: &str, more: &[&str]) -> Checked {
        let report = self.report(old, &[]);
        let of = |baseline: &str| {
            let args = ["check", new, "--baseline", baseline, "--format", "json"];
            Checked::from(self.run(&[&args[..], more].concat()))
        };
        let (a, b) = (of(old), of(&report));
        assert_eq!((a.status, &a.findings), (b.status, &b.findings), "{new} against {old}");
        Checked { held: a.held.min(b.held), ..b }
    }
}

#[derive(Debug)]
struct Checked {
    status: i32,
    /// Rule and path of what is new.
    findings: Vec<String>,
    /// Layers that were left out.
    held: usize,
    report: Value,
}

impl From<Run> for Checked {
    fn from(run: Run) -> Self {
        let report = run.json();
        let all = report["findings"].as_array().unwrap().iter();
        let name = |f: &Value| {
            format!("{} {}", f["rule"].as_str().unwrap(), f["path"].as_str().unwrap_or(""))
        };
        let gaps = report["not_looked_at"].as_array().unwrap().iter();
        Self {
            status: run.status,
            findings: all.map(name).collect(),
            held: gaps.filter(|n| n["why"] == HELD).count(),
            report,
        }
    }
}

#[test]
fn what_is_in_both_is_left_out_where_the_application_alone_changed() {
    let place = Place::new();
    let old = place.put("old", base().layer(COPY, app(1)));
    let new = place.put("new", base().layer(COPY, app(2).file("app/more.js", "x")));
    let checked = place.check(&new, &old, &["--fail-on", "info"]);
    assert_eq!((checked.status, checked.held), (0, 1), "{checked:?}");
    assert_eq!(checked.findings, [""; 0]);
    let growth = &checked.report["growth"];
    assert_eq!(growth["packages"], json!([]), "those of the base are in both");
    assert_eq!(checked.report["waste"]["bytes"], Value::Null, "nobody knows");
    let text = place.run(&["check", &new, "--baseline", &old]).text();
    assert!(text.contains("not read: the baseline has the same"), "{text}");
}

/// A step of the baseline took things away; without it they are back.
#[test]
fn a_layer_that_the_baseline_hid_something_of_is_read() {
    let place = Place::new();
    let clean = app(1).whiteout("usr/bin/curl").whiteout("usr/bin/rootsh");
    let hidden = place.put("hidden", base().layer(RUN, clean).layer(COPY, app(1)));
    let back = place.put("back", base().layer(COPY, app(1)));
    let checked = place.check(&back, &hidden, &["--fail-on", "medium"]);
    assert_eq!(checked.held, 0);
    assert!(
        checked.findings.contains(&"config/setuid usr/bin/rootsh".to_owned()),
        "{:?}",
        checked.findings
    );
    // Nor one whose setuid bit was taken away.
    let harmless = app(1).file_as("usr/bin/rootsh", 0o755, 0, &noise(5, 2));
    let tamed = place.put("tamed", base().layer(RUN, harmless));
    let checked = place.check(&back, &tamed, &["--fail-on", "info"]);
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
}

#[test]
fn what_is_forbidden_is_looked_for_in_every_layer() {
    let place = Place::new();
    let old = place.put("old", base().layer(COPY, app(1)));
    let new = place.put("new", base().layer(COPY, app(2)));
    let demands = ["--forbid-tool", "curl", "--forbid-package", "telnet"];
    let alone =
        Checked::from(place.run(&[&["check", &new, "--format", "json"][..], &demands].concat()));
    assert!(alone.findings.contains(&"policy/forbidden-tool usr/bin/curl".to_owned()));
    let args = ["check", &new, "--baseline", &old, "--format", "json"];
    let beside = Checked::from(place.run(&[&args[..], &demands].concat()));
    assert_eq!((beside.status, beside.held), (0, 0), "both break it: {beside:?}");
    assert_eq!(beside.report["known"].as_array().unwrap().len(), alone.findings.len());
    // A report that was written without the demand knows nothing of it.
    let report = place.report(&old, &[]);
    let args = ["check", &new, "--baseline", &report, "--format", "json"];
    assert_eq!(Checked::from(place.run(&[&args[..], &demands].concat())).status, 1);
}

#[test]
fn a_user_by_name_is_looked_up() {
    let place = Place::new();
    let user = |name: &str| base().layer(COPY, app(1)).config("User", json!(name));
    let (app, admin) = (place.put("app", user("app")), place.put("admin", user("admin")));
    let checked = place.check(&admin, &app, &["--fail-on", "config/root-user"]);
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
    let checked = place.check(&app, &app, &["--fail-on", "info"]);
    assert_eq!(checked.status, 0, "{checked:?}");
}

#[test]
fn packages_are_compared_only_where_both_are_known() {
    let place = Place::new();
    let install = |names: &[&str]| app(1).file("var/lib/dpkg/status", database(names));
    let old = place.put("old", base().layer(COPY, app(1)));
    let new = place.put("new", base().layer(COPY, install(&["libc6", "perl", "telnet", "vim"])));
    let checked = place.check(&new, &old, &[]);
    let names: Vec<&str> = checked.report["growth"]["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["vim"]);
    let checked = place.check(&old, &new, &[]);
    assert_eq!(checked.held, 0, "the database of the base is seen again");
    assert_eq!(checked.report["growth"]["packages"][0]["after"], json!([]));
}

#[test]
fn a_layer_that_the_config_lies_about_is_read() {
    let place = Place::new();
    let old = place.put("old", base().layer(COPY, app(1)));
    let new = place.folder.path().join("new");
    base().layer(COPY, app(1)).write_layout(&new, "1");
    lie(&new);
    let checked = place.check(&show(&new), &old, &["--fail-on", "integrity/*"]);
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
}

/// The first diff id of a layout's config becomes that of no layer.
fn lie(layout: &std::path::Path) {
    use crate::support::image_builder::{write_blob, write_index};
    let read = |digest: &Value| -> Value {
        let hex = digest.as_str().unwrap().replacen("sha256:", "", 1);
        let text = std::fs::read(layout.join("blobs/sha256").join(hex)).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let index: Value =
        serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let mut entry = index["manifests"][0].clone();
    let mut manifest = read(&entry["digest"]);
    let mut config = read(&manifest["config"]["digest"]);
    config["rootfs"]["diff_ids"][0] = json!(format!("sha256:{:064}", 7));
    let kind = manifest["config"]["mediaType"].as_str().unwrap().to_owned();
    manifest["config"] = write_blob(layout, &kind, config.to_string().as_bytes());
    let kind = entry["mediaType"].as_str().unwrap().to_owned();
    let written = write_blob(layout, &kind, manifest.to_string().as_bytes());
    for key in ["digest", "size"] {
        entry[key] = written[key].clone();
    }
    write_index(layout, vec![entry]);
}

#[test]
fn a_baseline_that_was_judged_by_less_leaves_nothing_out() {
    let place = Place::new();
    let leak = |app: LayerBuilder| app.file("srv/note.txt", "x");
    let secret = || LayerBuilder::new().file("etc/app.conf", "db_password = Tr0ub4dor&3xyz\n");
    let below = || base().layer("COPY conf /etc", secret());
    let old = place.put("old", below().layer(COPY, app(1)));
    let new = place.put("new", below().layer(COPY, leak(app(2))));
    let report = place.report(&old, &["--confidence", "verified-format"]);
    let args = ["check", &new, "--baseline", &report, "--format", "json", "--fail-on", "secret"];
    let checked = Checked::from(place.run(&args));
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
}

/// One finding about many is known only if all of them were there.
#[test]
fn one_more_among_many_is_new() {
    let place = Place::new();
    let many = |n: usize, mode: u32| {
        (0..n)
            .fold(app(1), |l, i| l.file_as(&format!("opt/t/p{i:02}"), mode, 0, &noise(1, i as u64)))
    };
    let image = |name: &str, n, mode| {
        place.put(name, ImageBuilder::new().layer(COPY, many(n, mode)).config("User", json!("7")))
    };
    for (mode, rule) in [(0o4755, "config/setuid"), (0o666, "config/world-writable")] {
        let name = |n: usize| format!("{n}-{mode:o}");
        let images: Vec<String> =
            [3, 4, 21, 22].iter().map(|&n| image(&name(n), n, mode)).collect();
        for (old, new) in [(0, 1), (1, 2), (2, 3)] {
            let checked = place.check(&images[new], &images[old], &["--fail-on", rule]);
            assert_eq!(checked.status, 1, "{rule} {old} → {new}: {checked:?}");
            let checked = place.check(&images[old], &images[new], &["--fail-on", "info"]);
            assert_eq!(checked.status, 0, "{rule} {new} → {old}: {checked:?}");
        }
    }
    let tools = |n: usize| {
        let all = ["make", "gcc", "g++"].iter().take(n);
        let other = app(1).file_as("usr/bin/server", 0o755, 0, &noise(3, 4));
        all.fold(other, |l, name| l.file_as(&format!("usr/bin/{name}"), 0o755, 0, &noise(2, 9)))
    };
    let (one, two) = (
        place.put("one", ImageBuilder::new().layer(COPY, tools(1))),
        place.put("two", ImageBuilder::new().layer(COPY, tools(2))),
    );
    let demand = ["--forbid-tool", "build-tool"];
    let args = ["check", &two, "--baseline", &one, "--format", "json"];
    let checked = Checked::from(place.run(&[&args[..], &demand].concat()));
    assert_eq!(checked.status, 1, "{checked:?}");
}

#[test]
fn a_baseline_of_another_platform_settles_no_growth() {
    let place = Place::new();
    let old = place.put("old", base().layer(COPY, app(1)).architecture("s390x"));
    let report = place.report(&old, &["--platform", "linux/s390x"]);
    let new = place.put("new", base().layer(COPY, app(9)));
    let run = place.run(&["check", &new, "--baseline", &report, "--max-growth", "1kB"]);
    assert_eq!(run.status, 3, "{}", run.text());
    assert!(run.text().contains("tells no size of an image of this\n"), "{}", run.text());
    std::fs::write(&report, "[]").unwrap();
    let run = place.run(&["check", &new, "--baseline", &report]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("there is none in it"), "{}", run.stderr);
}

#[test]
fn documents_that_are_taken_for_all_have_all() {
    let place = Place::new();
    let old = place.put("old", base().layer(COPY, app(1)));
    let new = place.put(
        "new",
        base().layer(COPY, app(2).file("app/.env", format!("NPM_TOKEN={}\n", token(5)))),
    );
    let bill = format!("{new}.cdx.json");
    let args = ["check", &new, "--baseline", &old, "--format", "json", "--output"];
    let run = place.run(&[&args[..], &[&format!("cyclonedx={bill}")]].concat());
    let checked = Checked::from(run);
    assert_eq!(checked.held, 0);
    // Nor does a page say that nothing makes the image smaller, where nobody has tried.
    let inspected = place.run(&["inspect", &new, "--baseline", &old, "--format", "json"]).json();
    assert!(!inspected["advice"].as_array().unwrap().is_empty());
    assert_eq!(checked.report["advice"], inspected["advice"]);
    let text = std::fs::read_to_string(&bill).unwrap();
    assert!(text.contains("\"telnet\""), "{text}");
}

#[test]
fn a_gate_lets_nothing_pass_that_nobody_saw() {
    let place = Place::new();
    let image = place.folder.path().join("foreign");
    base().layer(COPY, app(1)).write_layout(&image, "1");
    let manifest = std::fs::read(image.join("index.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut entry = manifest["manifests"][0].clone();
    let hex = entry["digest"].as_str().unwrap().replacen("sha256:", "", 1);
    let text = std::fs::read_to_string(image.join("blobs/sha256").join(hex)).unwrap();
    let text = text.replacen("image.layer.v1", "image.layer.nondistributable.v1", 1);
    let written = crate::support::image_builder::write_blob(
        &image,
        entry["mediaType"].as_str().unwrap(),
        text.as_bytes(),
    );
    for key in ["digest", "size"] {
        entry[key] = written[key].clone();
    }
    crate::support::image_builder::write_index(&image, vec![entry]);
    let layers: Value = serde_json::from_str(&text).unwrap();
    let foreign = layers["layers"][0]["digest"].as_str().unwrap().replacen("sha256:", "", 1);
    std::fs::remove_file(image.join("blobs/sha256").join(foreign)).unwrap();
    let image = show(&image);
    assert_eq!(place.run(&["inspect", &image, "--fail-on", "never"]).status, 3);
    let run = place.run(&["check", &image, "--fail-on", "never"]);
    assert_eq!(run.status, 3, "{}", run.text());
    assert!(run.text().starts_with("UNKNOWN"), "{}", run.text());
}

#[test]
fn a_new_secret_at_the_place_of_an_old_one_is_new() {
    let place = Place::new();
    let env = |n: usize| app(1).file("app/.env", format!("NPM_TOKEN={}\n", token(n)));
    let old = place.put("old", base().layer(COPY, env(1)));
    let new = place.put("new", base().layer(COPY, env(2)));
    let checked = place.check(&new, &old, &[]);
    assert_eq!((checked.status, checked.held), (1, 1), "{checked:?}");
}

/// What was accepted then is no part of a baseline.
#[test]
fn an_acceptance_in_a_baseline_is_none_for_this_image() {
    let place = Place::new();
    let leak = || {
        let env = LayerBuilder::new().file("srv/.env", format!("NPM_TOKEN={}\n", token(7)));
        base().layer("COPY .env /srv", env)
    };
    let old = place.put("old", leak().layer(COPY, app(1)));
    let new = place.put("new", leak().layer(COPY, app(2)));
    let ignore = show(&place.folder.path().join("ignore"));
    std::fs::write(&ignore, "secret/npm-token\n").unwrap();
    let report = place.report(&old, &["--ignore-file", &ignore]);
    let run = place.run(&["check", &new, "--baseline", &report, "--format", "json"]);
    let checked = Checked::from(run);
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
}

/// A folder that is there again shows what is below it.
#[test]
fn a_folder_covers_nothing_of_what_was_deleted() {
    let place = Place::new();
    let tool = || {
        let program = LayerBuilder::new().file_as("opt/tool/su1", 0o4755, 0, &noise(2, 5));
        base().layer("COPY tool /opt/tool", program)
    };
    let old = place.put("old", tool().layer(RUN, LayerBuilder::new().whiteout("opt/tool")));
    let more = LayerBuilder::new().dir("opt/tool").file("opt/tool/readme", "x");
    let new = place.put("new", tool().layer(COPY, more));
    let checked = place.check(&new, &old, &["--fail-on", "config/setuid"]);
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
}

#[test]
fn a_layer_that_stands_there_twice_is_read_with_all_above_it() {
    let place = Place::new();
    let su = || LayerBuilder::new().file_as("opt/su1", 0o4755, 0, &noise(2, 5));
    let gone = || LayerBuilder::new().whiteout("opt/su1");
    let old = place.put("old", base().layer(COPY, su()).layer(RUN, gone()));
    let new = place.put("new", base().layer(COPY, su()).layer(RUN, gone()).layer(COPY, su()));
    let checked = place.check(&new, &old, &["--fail-on", "config/setuid"]);
    assert_eq!(checked.status, 1, "{checked:?}");
}

/// With some of the layers in the cache it is not known what hides what.
#[test]
fn a_cache_that_has_a_part_leads_to_all() {
    let place = Place::new();
    let su = || LayerBuilder::new().file_as("opt/su1", 0o4755, 0, &noise(2, 5));
    let gone = || LayerBuilder::new().whiteout("opt/su1");
    let below = || base().layer(COPY, su()).layer(RUN, gone());
    let part = place.put("part", base().layer(COPY, su()));
    let old = place.put("old", below().layer(COPY, app(1)));
    let new = place.put("new", below().layer(COPY, su()));
    assert_eq!(place.home.run(&["inspect", &part, "--fail-on", "never"]).status, 0);
    let args =
        ["check", &new, "--baseline", &old, "--fail-on", "config/setuid", "--format", "json"];
    let checked = Checked::from(place.home.run(&args));
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
}

#[test]
fn a_deleted_table_of_users_is_missed() {
    let place = Place::new();
    let user = |layer: LayerBuilder| base().layer(COPY, layer).config("User", json!("app"));
    let old = place.put("old", user(app(1)));
    let new = place.put("new", user(app(1).whiteout("etc/passwd")));
    let checked = place.check(&new, &old, &["--fail-on", "config/unknown-user"]);
    assert_eq!((checked.status, checked.held), (1, 0), "{checked:?}");
}

#[test]
fn every_layer_is_read_on_request() {
    let place = Place::new();
    let old = place.put("old", base().layer(COPY, app(1)));
    let new = place.put("new", base().layer(COPY, app(2)));
    let checked = place.check(&new, &old, &["--all-layers"]);
    assert_eq!((checked.status, checked.held), (0, 0), "{checked:?}");
}

/// The copy of a secret whose file was not read is known by the baseline's report.
#[test]
fn a_secret_of_a_layer_that_was_not_read_is_masked_too() {
    let place = Place::new();
    let below = || {
        let conf = LayerBuilder::new().file("srv/app.env", "DB_PASSWORD=Tr0ub4dor3x9Q\n");
        base().layer("COPY app.env /srv", conf)
    };
    let old = place.put("old", below().layer(COPY, app(1)));
    let new = place.put("new", below().layer("RUN /bin/sh -c echo Tr0ub4dor3x9Q > /k", app(2)));
    let report = place.report(&old, &[]);
    let run = place.run(&["check", &new, "--baseline", &report, "-v"]);
    assert!(!run.text().contains("Tr0ub4dor3x9Q"), "{}", run.text());
    assert!(run.text().contains("not read"), "{}", run.text());
}

/// A report has names masked that look like tokens; the finding is the same all the same.
#[test]
fn a_finding_is_known_by_a_path_that_the_report_masks() {
    let place = Place::new();
    let name = |n: usize| format!("opt/suid-{}", token(n));
    let one = app(1).file_as(&name(1), 0o4755, 0, &noise(2, 5));
    let two = [3, 4].into_iter().fold(one, |l, n| l.file_as(&name(n), 0o666, 0, &noise(1, 6)));
    let image = place.put("image", ImageBuilder::new().layer(COPY, two).config("User", json!("7")));
    let report = place.report(&image, &[]);
    let text = std::fs::read_to_string(&report).unwrap();
    for n in [1, 3, 4] {
        assert!(!text.contains(&token(n)), "{text}");
    }
    let run = place.run(&["inspect", &image, "--baseline", &report, "--fail-on", "low"]);
    assert_eq!(run.status, 0, "{}", run.text());
}
