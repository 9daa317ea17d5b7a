//! Made-up reports: one with everything wrong, one with nothing.

use careen::analyze::{Confidence, PackageKind};
use careen::report::model::*;
use careen::rules::{Category, Severity, State};
use std::collections::BTreeMap;

const MB: u64 = 1_000_000;

fn sizes(compressed: u64, content: u64, on_disk: u64) -> Sizes {
    Sizes { compressed: Some(compressed), content: Some(content), on_disk: Some(on_disk) }
}

fn layer(number: usize, mb: u64, files: u64, waste: u64, instruction: &str) -> LayerReport {
    LayerReport {
        number,
        digest: Some(format!("sha256:{:064x}", number + 0xabc0)),
        diff_id: Some(format!("sha256:{:064x}", number + 0xdef0)),
        instruction: Some(instruction.to_owned()),
        size: sizes(mb * MB * 2 / 5, mb * MB, mb * MB - waste),
        files: Some(files),
        waste: Some(waste),
        unneeded: Some(0),
        hides: Some(0),
        users: false,
        created: None,
    }
}

fn finding(rule: &str, severity: Severity, message: &str) -> FindingReport {
    FindingReport {
        rule: rule.to_owned(),
        category: Category::Config,
        severity,
        confidence: Confidence::Likely,
        state: Some(State::OnlyInConfig),
        path: None,
        line: None,
        layer: None,
        of_base: None,
        layer_digest: None,
        instruction: None,
        masked: None,
        fingerprint: "0011223344556677".to_owned(),
        message: message.to_owned(),
        advice: None,
        recover: None,
        plain: None,
        inside: None,
        package: None,
        members: Vec::new(),
        also: Vec::new(),
    }
}

fn secret(rule: &str, path: &str, line: u32, layer: usize, state: State) -> FindingReport {
    FindingReport {
        category: Category::Secret,
        state: Some(state),
        path: Some(path.to_owned()),
        line: Some(line),
        layer: Some(layer),
        layer_digest: Some(format!("sha256:{:064x}", layer + 0xabc0)),
        instruction: Some("COPY . /srv/app".to_owned()),
        masked: Some("AKIA****QQ (20 characters)".to_owned()),
        advice: Some(
            "Revoke it: a later layer that deletes the file does not take it out of the image."
                .to_owned(),
        ),
        recover: Some(format!("careen cat shop:1.4 /{path} --layer {layer}")),
        ..finding(rule, Severity::Critical, "An AWS access key id lies in a file")
    }
}

/// The image of a tutorial: big, leaky, with hostile names, and one layer that could not be read.
pub fn tutorial() -> Report {
    let hostile = "srv/app/\u{1b}[31m\u{1b}[2Jevil\u{202e}gnp.exe";
    let mut world =
        finding("world-writable", Severity::Medium, "Anyone in the container can change this file");
    world.state = Some(State::Visible);
    world.layer = Some(4);
    let world = (0..9).map(|i| FindingReport {
        path: Some(match i {
            0 => hostile.to_owned(),
            _ => {
                format!("srv/app/uploads/a/very/deep/folder/that/goes/on/and/on/until/file-{i}.dat")
            }
        }),
        ..world.clone()
    });
    let mut findings = vec![
        finding("root-user", Severity::Medium, "The container runs as root: no USER is set"),
        secret("secret/aws-access-key", "srv/app/.env", 3, 4, State::DeletedLater),
        secret("secret/aws-access-key", "root/.aws/credentials", 2, 2, State::Visible),
        FindingReport {
            path: None,
            line: None,
            layer: None,
            layer_digest: None,
            state: Some(State::OnlyInConfig),
            severity: Severity::High,
            recover: None,
            masked: Some("ghp_****9z (40 characters)".to_owned()),
            message: "A GitHub token is the value of an environment variable".to_owned(),
            ..secret("secret/github-token", "", 1, 0, State::OnlyInConfig)
        },
        finding(
            "no-healthcheck",
            Severity::Low,
            "Nothing tells whether the service is well: no HEALTHCHECK",
        ),
        finding("mutable-tag", Severity::Info, "The tag `1.4` can be moved to another image"),
    ];
    findings.extend(world);
    let mut layers = vec![
        layer(0, 117, 8_214, 0, "ADD rootfs.tar.xz /"),
        layer(
            1,
            560,
            30_412,
            0,
            "RUN apt-get update && apt-get install -y build-essential git curl python3 vim",
        ),
        layer(2, 44, 1_200, 0, "COPY --chown=node:node package.json package-lock.json /srv/app/"),
        layer(3, 480, 61_077, 0, "RUN npm install"),
        layer(4, 95, 3_141, 71 * MB, "COPY . /srv/app"),
        layer(5, 0, 1, 0, "RUN rm -rf /srv/app/.env /srv/app/dist-old \u{1b}[1A"),
    ];
    layers.push(LayerReport {
        size: Sizes { compressed: Some(12 * MB), content: None, on_disk: None },
        files: None,
        waste: None,
        ..layer(6, 0, 0, 0, "COPY assets /srv/assets")
    });
    let package = |name: &str, version: &str, kind, mb: u64, layer| PackageReport {
        name: name.to_owned(),
        version: version.to_owned(),
        kind,
        architecture: (kind == PackageKind::Dpkg).then(|| "amd64".to_owned()),
        source: (name == "libicu72").then(|| "icu".to_owned()),
        bytes: Some(mb * MB),
        layer: Some(layer),
        path: "var/lib/dpkg/status".to_owned(),
        namespace: None,
        inside: None,
        state: None,
    };
    let mut packages = vec![
        package("gcc-12", "12.2.0-14+deb12u1", PackageKind::Dpkg, 92, 1),
        package("libicu72", "72.1-3", PackageKind::Dpkg, 36, 1),
        package("typescript", "5.4.5", PackageKind::Node, 31, 3),
        package(
            "@babel/plugin-proposal-a-name-longer-than-any-table",
            "7.24.0-next.20260101+build.5",
            PackageKind::Node,
            2,
            3,
        ),
    ];
    packages.extend((0..20).map(|i| package(&format!("lib{i}"), "1.0-1", PackageKind::Dpkg, 1, 0)));
    Report {
        schema_version: SCHEMA_VERSION,
        judged_by: JudgedBy {
            version: "0.1.0".to_owned(),
            patterns: "00112233aabbccdd".to_owned(),
            confidence: Confidence::Likely,
        },
        only: vec![],
        image: ImageIdentity {
            reference: "registry.example.com/team/shop:1.4".to_owned(),
            digest: Some(format!("sha256:{:064x}", 0x1234_5678_9abc_u64 << 8)),
            platform: "linux/amd64".to_owned(),
            created: Some("2026-03-01T09:30:00Z".to_owned()),
            os_release: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            os_id: Some("debian".to_owned()),
            os_version: Some("12".to_owned()),
            user: String::new(),
            command: vec!["docker-entrypoint.sh".to_owned(), "npm".to_owned(), "start".to_owned()],
            working_dir: "/srv/app".to_owned(),
            env: vec![EnvVar {
                name: "GITHUB_TOKEN".to_owned(),
                value: "ghp_****9z (40 characters)".to_owned(),
            }],
            labels: BTreeMap::from([("maintainer".to_owned(), "team\u{1b}]0;owned\u{7}".to_owned())]),
            exposed_ports: vec!["3000/tcp".to_owned()],
            volumes: vec![],
            healthcheck: None,
        },
        size: sizes(518 * MB, 1_296 * MB, 1_225 * MB),
        base: Some(BaseReport {
            name: Some("docker.io/library/node:22-bookworm".to_owned()),
            digest: None,
            how: "annotation".to_owned(),
            layers: Some(1),
            size: sizes(49 * MB, 117 * MB, 117 * MB),
            unneeded: 20 * MB,
        }),
        layers,
        waste: Waste {
            bytes: Some(71 * MB),
            at_least: 71 * MB,
            efficiency: Some(0.945_2),
            paths: vec![
                WastedPath {
                    path: "srv/app/dist-old/bundle/with/a/long/name/that/does/not/fit/main.js.map".to_owned(),
                    bytes: 70 * MB,
                    layer: 4,
                    kind: WasteKind::Deleted,
                    hidden_by: 5,
                    instruction: Some("RUN rm -rf /srv/app/.env /srv/app/dist-old".to_owned()),
                },
                WastedPath {
                    path: hostile.to_owned(),
                    bytes: MB,
                    layer: 4,
                    kind: WasteKind::MetadataOnly,
                    hidden_by: 5,
                    instruction: None,
                },
            ],
        },
        unreached: Some(UnreachedReport {
            bytes: 990 * MB,
            sure: 870 * MB,
            kinds: vec![
                RemovedReport { what: "build tools".to_owned(), bytes: 540 * MB },
                RemovedReport { what: "packages that nothing reaches".to_owned(), bytes: 300 * MB },
                RemovedReport { what: "documentation and locales".to_owned(), bytes: 90 * MB },
                RemovedReport { what: "caches".to_owned(), bytes: 60 * MB },
            ],
        }),
        hidden: Default::default(),
        accepted: vec![],
        known: vec![],
        expired: vec![],
        findings,
        packages,
        unneeded: vec![
            Unneeded {
                kind: "build-tool".to_owned(),
                bytes: 92 * MB,
                paths: vec!["usr/lib/gcc/x86_64-linux-gnu/12".to_owned(), "usr/bin/gcc-12".to_owned()],
                owner: Some("gcc-12".to_owned()),
            },
            Unneeded {
                kind: "cache".to_owned(),
                bytes: 19 * MB,
                paths: vec!["var/lib/apt/lists".to_owned()],
                owner: None,
            },
        ],
        advice: vec![
            AdviceReport {
                id: "multi-stage".to_owned(),
                kind: "restructure".to_owned(),
                title: "Build in one stage, run in another".to_owned(),
                possible: true,
                because: "Compilers and headers are only needed while the image is built.".to_owned(),
                confidence: "likely".to_owned(),
                basis: "each layer's own ratio".to_owned(),
                changes: vec!["the last stage has no compiler".to_owned()],
                blockers: Vec::new(),
                risks: vec!["a tool that the program calls has to stay".to_owned()],
                removes: vec![RemovedReport { what: "build tools".to_owned(), bytes: 300 * MB }],
                fixes: vec![FixedReport { rule: "config/root-user".to_owned(), findings: 1 }],
                patch: None,
                no_patch: None,
                ignore: vec![".git".to_owned()],
                dockerfile: Some("FROM node:22-bookworm AS build\nRUN npm ci && npm run build && npm prune --omit=dev && rm -rf node_modules/.cache\n\nFROM node:22-bookworm-slim\nCOPY --from=build /srv/app /srv/app\nUSER 1000".to_owned()),
                estimate: EstimateReport {
                    compressed: Some(Interval { low: 80 * MB, likely: 95 * MB, high: 120 * MB }),
                    on_disk: Some(Interval { low: 210 * MB, likely: 240 * MB, high: 300 * MB }),
                },
            },
            AdviceReport {
                id: "apt-lists".to_owned(),
                kind: "clean".to_owned(),
                title: "Remove the package lists in the same RUN that fetches them, and anything else that only apt needs".to_owned(),
                possible: true,
                because: "They stay in the layer.".to_owned(),
                confidence: "sound".to_owned(),
                basis: String::new(),
                changes: Vec::new(),
                blockers: Vec::new(),
                risks: Vec::new(),
                removes: Vec::new(),
                fixes: Vec::new(),
                patch: None,
                no_patch: None,
                ignore: Vec::new(),
                dockerfile: None,
                estimate: EstimateReport {
                    compressed: None,
                    on_disk: Some(Interval { low: 1_206 * MB, likely: 1_206 * MB, high: 1_206 * MB }),
                },
            },
            AdviceReport {
                id: "scratch".to_owned(),
                kind: "base".to_owned(),
                title: "Start from an empty image".to_owned(),
                possible: false,
                because: "node needs a C library and certificates.".to_owned(),
                confidence: "sound".to_owned(),
                basis: String::new(),
                changes: Vec::new(),
                blockers: vec!["node needs a C library".to_owned()],
                risks: Vec::new(),
                removes: Vec::new(),
                fixes: Vec::new(),
                patch: None,
                no_patch: None,
                ignore: Vec::new(),
                dockerfile: None,
                estimate: EstimateReport { compressed: None, on_disk: None },
            },
        ],
        not_looked_at: vec![
            NotLookedAt {
                what: "attestation sha256:77aa".to_owned(),
                why: "not an image".to_owned(),
                failed: false,
                hides_packages: false,
            },
            NotLookedAt {
                what: "layer 6".to_owned(),
                why: "expected digest sha256:0000, got sha256:1111 \u{1b}[2J".to_owned(),
                failed: true,
                hides_packages: true,
            },
        ],
        duplicates: vec![],
        growth: None,
    }
}

/// A static program on nothing.
pub fn slim() -> Report {
    let mut report = tutorial();
    report.image.reference = "ghcr.io/org/tiny:2.0.1".to_owned();
    report.image.os_release = None;
    report.image.os_id = None;
    report.image.os_version = None;
    report.image.user = "65532:65532".to_owned();
    report.image.command = vec!["/tiny".to_owned(), "--listen".to_owned(), ":8080".to_owned()];
    report.image.env.clear();
    report.image.labels.clear();
    report.image.healthcheck =
        Some(vec!["CMD".to_owned(), "/tiny".to_owned(), "health".to_owned()]);
    report.size = sizes(3_100_000, 8_200_000, 8_200_000);
    report.layers = vec![LayerReport { size: report.size, ..layer(0, 8, 1, 0, "COPY tiny /tiny") }];
    report.waste = Waste { bytes: Some(0), at_least: 0, efficiency: Some(1.0), paths: vec![] };
    report.unreached = None;
    report.findings.clear();
    report.packages.clear();
    report.unneeded.clear();
    report.advice.clear();
    report.not_looked_at.clear();
    report
}

/// An image whose owner lives with what was found, in a hostile file of reasons.
/// Against an image a little smaller.
fn growth(after: &Report) -> Growth {
    use careen::report::growth::{FileGrowth, PackageGrowth, StepGrowth};
    let before = Sizes { compressed: Some(20_000_000), content: None, on_disk: Some(50_000_000) };
    Growth {
        baseline: "registry.example.com/team/shop:1.4".to_owned(),
        before,
        after: after.size,
        steps: vec![
            StepGrowth {
                instruction: Some("COPY dist /app".to_owned()),
                layer: Some(2),
                before: Some(1_000_000),
                after: Some(9_000_000),
            },
            StepGrowth {
                instruction: Some("RUN npm prune".to_owned()),
                layer: None,
                before: Some(400_000),
                after: None,
            },
        ],
        packages: vec![PackageGrowth {
            kind: PackageKind::Node,
            name: "left-pad".to_owned(),
            before: vec![],
            after: vec!["1.3.0".to_owned()],
            before_bytes: None,
            after_bytes: Some(12_000),
        }],
        files: vec![FileGrowth {
            path: "app/model.bin".to_owned(),
            layer: 2,
            before: None,
            after: 7_900_000,
            new: None,
        }],
        shared_layers: 2,
        shared_bytes: Some(18_000_000),
    }
}

pub fn lived_with() -> Report {
    let mut report = slim();
    let found = tutorial().findings;
    report.accepted = vec![
        AcceptedFinding {
            finding: found[1].clone(),
            reason: Some(
                "an example of \u{1b}[2Jthe provider's\u{202e} own pages, revoked since".to_owned(),
            ),
            expires: Some("2027-01-31".to_owned()),
            accepted_by: "careen.toml:1".to_owned(),
        },
        AcceptedFinding {
            finding: found[0].clone(),
            reason: None,
            expires: None,
            accepted_by: ".careenignore:3".to_owned(),
        },
    ];
    report.known = found[4..6].to_vec();
    report.growth = Some(growth(&report));
    report.hidden = Hidden { below_confidence: 3, accepted: 2, known: 2 };
    report.expired = vec![ExpiredAcceptance {
        accepted_by: "careen.toml:7".to_owned(),
        reason: Some("until the move to the new registry".to_owned()),
        expires: Some("2026-01-31".to_owned()),
        findings: 1,
    }];
    report.findings = vec![found[6].clone()];
    report
}
