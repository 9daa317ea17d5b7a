//! The bills of materials as another tool reads them: trivy (Aqua Security) lists the same packages, and
//! takes the image for the same distribution. `tests/setup all` installs it. Reading needs neither its
//! database nor a network, and gets none here.

use super::{made, tutorial};
use careen::analyze::PackageKind::{self, Apk, Dpkg, Gem, Go, Node, Python, Rpm, Rust};
use careen::report::model::{PackageReport, Report};
use careen::report::{cyclonedx, spdx};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn trivy() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin/trivy");
    if own.exists() { own } else { PathBuf::from("trivy") }
}

/// What trivy says of a bill: the distribution, and its packages as `name version`.
fn read(bill: &str) -> (String, BTreeSet<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bill.json");
    std::fs::write(&path, bill).unwrap();
    let out = Command::new(trivy())
        .args(["sbom", "--quiet", "--offline-scan", "--disable-telemetry", "--skip-version-check"])
        // Its other scanners want a database.
        .args(["--scanners", "license", "--list-all-pkgs", "--format", "json"])
        .arg(&path)
        .env("TRIVY_CACHE_DIR", dir.path().join("cache"))
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .output()
        .expect("trivy is needed: tests/setup all");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let read: Value = serde_json::from_slice(&out.stdout).unwrap();
    let os = &read["Metadata"]["OS"];
    let os = format!("{} {}", os["Family"].as_str().unwrap(), os["Name"].as_str().unwrap());
    let mut packages = BTreeSet::new();
    for result in read["Results"].as_array().unwrap() {
        for package in result["Packages"].as_array().into_iter().flatten() {
            let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
            let (name, mut version) = (text("Name"), text("Version"));
            if !text("Release").is_empty() {
                version = format!("{version}-{}", text("Release"));
            }
            if let Some(epoch) = package["Epoch"].as_u64().filter(|n| *n > 0) {
                version = format!("{epoch}:{version}");
            }
            packages.insert(format!("{name} {version}"));
        }
    }
    (os, packages)
}

/// An image of this distribution, of these packages.
fn image(os: (&str, &str), packages: &[(PackageKind, &str, &str)]) -> Report {
    let mut report = tutorial();
    report.image.os_id = Some(os.0.to_owned());
    report.image.os_version = Some(os.1.to_owned());
    let package = |&(kind, name, version): &(PackageKind, &str, &str)| PackageReport {
        name: name.to_owned(),
        version: version.to_owned(),
        kind,
        architecture: matches!(kind, Dpkg | Apk | Rpm).then(|| "x86_64".to_owned()),
        source: None,
        bytes: Some(1),
        layer: Some(0),
        path: format!("var/{name}"),
        namespace: None,
        inside: None,
        state: None,
    };
    report.packages = packages.iter().map(package).collect();
    report
}

fn assert_read(report: &Report, os: &str) {
    let listed = report.packages.iter().map(|p| format!("{} {}", p.name, p.version));
    let expected: BTreeSet<String> = listed.collect();
    for bill in
        [cyclonedx::render(report, &made()).unwrap(), spdx::render(report, &made()).unwrap()]
    {
        let (found, packages) = read(&bill);
        assert_eq!(found, os);
        assert_eq!(packages, expected);
    }
}

#[test]
fn trivy_reads_the_packages_of_debian_and_of_languages() {
    assert_read(&tutorial(), "debian 12");
    let mut report = image(
        ("debian", "12"),
        &[
            (Dpkg, "base-files", "1:12.4+deb12u5"),
            (Dpkg, "libstdc++6", "12.2.0-14~x"),
            (Python, "flask", "3.0.0"),
            (Node, "@types/node", "20.1.0"),
            (Node, "linked", "file:../linked"),
            (Go, "golang.org/x/net", "v0.17.0"),
            (Gem, "rake", "13.0.6"),
            (Rust, "serde", "1.0.200"),
        ],
    );
    // The same package at another place is another package; trivy lists it by name once.
    report.packages.push(PackageReport { path: "opt/x".to_owned(), ..report.packages[2].clone() });
    assert_read(&report, "debian 12");
}

#[test]
fn trivy_reads_the_packages_of_alpine() {
    let packages = [(Apk, "musl", "1.2.5-r0"), (Apk, "so+odd_name", "1.0_git20240101-r3")];
    assert_read(&image(("alpine", "3.20.1"), &packages), "alpine 3.20.1");
}

#[test]
fn trivy_reads_the_packages_of_an_rpm_distribution() {
    let packages = [(Rpm, "bash", "5.1.8-9.el9"), (Rpm, "openssl-libs", "1:3.0.7-27.el9")];
    assert_read(&image(("rocky", "9.4"), &packages), "rocky 9.4");
}

/// It refuses a bill whose package URLs are of two systems.
#[test]
fn trivy_reads_an_image_with_the_databases_of_two_systems() {
    let packages = [(Apk, "musl", "1.2.5-r0"), (Dpkg, "libc6", "2.36-9")];
    let report = image(("alpine", "3.20.1"), &packages);
    for bill in
        [cyclonedx::render(&report, &made()).unwrap(), spdx::render(&report, &made()).unwrap()]
    {
        let (system, packages) = read(&bill);
        assert_eq!(system, "alpine 3.20.1");
        assert_eq!(packages.into_iter().collect::<Vec<_>>(), ["musl 1.2.5-r0"]);
    }
}
