//! The proposal that this tool exists for: build as now, then copy what the entry point needs into an empty
//! image.
//!
//! The size is not guessed: it is that of the files that the written Dockerfile copies.

use super::bases;
use super::cover::{Cover, Item, cover};
use super::estimate::{Estimate, Interval};
use super::origin::{Origin, origin};
use super::ratio::Ratios;
use super::{Advice, Evidence};
use crate::closure::{Closure, Mode};
use crate::image::command::effective_command;
use crate::layer::{EntryKind, LayerPath};
use crate::rules::{Category, State};
use crate::text::Bytes;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

/// A packed layer of other files than the one it is judged by is this much smaller or larger.
const COMPRESSED_LOW: f64 = 0.85;
const COMPRESSED_HIGH: f64 = 1.15;
/// What tar and a few small programs may add.
const COMPRESSED_MORE: u64 = 400_000;
/// The same build on another day brings other versions of packages.
const DRIFT: f64 = 0.03;
/// Of the user that the program runs as; no image has it.
const USER: u32 = 10001;
/// Servers that start as root to bind, log or change their user themselves.
const AS_ROOT: [&str; 16] = [
    "nginx",
    "apache2",
    "httpd",
    "haproxy",
    "supervisord",
    "sshd",
    "postgres",
    "mysqld",
    "mariadbd",
    "cron",
    "crond",
    "s6-svscan",
    "init",
    "redis-server",
    "named",
    "dovecot",
];
/// Names of files that hold nothing but secrets for a developer's machine.
const DEVELOPERS: [&str; 8] = [
    ".npmrc",
    ".netrc",
    ".git-credentials",
    ".pypirc",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "id_dsa",
];

pub(super) fn propose(evidence: &Evidence, mode: Mode) -> Option<Advice> {
    let closure = evidence.closure?;
    let secrets = secret_files(evidence, closure);
    let kept = covered(evidence, closure, mode, &secrets);
    if kept.files == 0 || kept.bytes() * 10 > evidence.view.on_disk_bytes() * 9 {
        return None;
    }
    let origin = origin(evidence)?;
    let plan = Final::of(evidence);
    let dockerfile = dockerfile(evidence, &origin, &kept, &plan, &secrets);
    let estimate = estimate(evidence, &kept);
    let now = estimate.now;
    let (id, title) = match mode {
        Mode::Sound => {
            ("needed-sound", "Copy only the packages that are needed into an empty image")
        }
        _ => ("needed-files", "Copy only what runs into an empty image"),
    };
    Some(Advice {
        id,
        kind: "multi-stage",
        title: title.to_owned(),
        possible: true,
        because: because(closure, mode, &kept, &plan, &secrets, evidence.shortened),
        dockerfile: Some(dockerfile),
        saves: now.saturating_sub(estimate.after.compressed.map_or(0, |c| c.likely)),
        estimate: estimate.after,
    })
}

fn because(
    closure: &Closure,
    mode: Mode,
    kept: &Cover,
    plan: &Final,
    secrets: &BTreeSet<LayerPath>,
    shortened: Option<&str>,
) -> String {
    let mut facts = vec![match mode {
        Mode::Sound => format!(
            "{} files: the whole packages that the entry point leads to, what they depend on and what the \
             system cannot be without",
            kept.files
        ),
        _ => format!(
            "{} files that the entry point leads to by links, scripts, settings and language trees; \
             heuristic: verify it with your tests",
            kept.files
        ),
    }];
    facts.push("`careen why` says for any file why it is kept or not".to_owned());
    if !closure.unclear.is_empty() && mode != Mode::Sound {
        facts.push(format!("unclear without running it: {}", closure.unclear[0]));
    }
    if let Some(missing) = closure.missing.first() {
        facts.push(format!(
            "{} needs {}, which the image lacks today",
            missing.needed_by, missing.library
        ));
    }
    facts.extend(shortened.map(str::to_owned));
    if !secrets.is_empty() {
        let names: Vec<String> = secrets.iter().take(3).map(|p| p.to_string()).collect();
        facts.push(format!("left out for the secrets in it: {}", names.join(", ")));
    }
    if let Some(why) = plan.as_root {
        facts.push(format!("it stays root: {why}"));
    }
    facts.push(
        "size: the bytes of the files copied; compressed as its layers are, by kind of file"
            .to_owned(),
    );
    facts.join("; ")
}

/// Files that a developer's copy brought along and that hold secrets; what the program names stays.
fn secret_files(evidence: &Evidence, closure: &Closure) -> BTreeSet<LayerPath> {
    let all = evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
    all.filter(|f| f.category == Category::Secret && f.state == State::Visible)
        .filter_map(|f| f.path.clone())
        .filter(|path| {
            let name = String::from_utf8_lossy(path.name()).into_owned();
            let developers = name.starts_with(".env") || DEVELOPERS.contains(&name.as_str());
            developers && closure.is_only_there(path)
        })
        .collect()
}

fn covered(
    evidence: &Evidence,
    closure: &Closure,
    mode: Mode,
    secrets: &BTreeSet<LayerPath>,
) -> Cover {
    let kept: HashSet<&LayerPath> = closure.files(mode).map(|(p, _)| p).collect();
    let view = evidence.view;
    // One pattern leaves out all compiled twins of Python's sources.
    let twins = kept.iter().all(|p| !is_compiled_python(p));
    let items = view.iter().filter(|(path, _)| !(twins && is_compiled_python(path)));
    let mut all = cover(items.map(|(path, node)| {
        let kind = view.content_of(node).map_or(view.entry(node).kind, |n| view.entry(n).kind);
        let forbidden = secrets.contains(path);
        Item {
            path,
            node: view.content_of(node).unwrap_or(node),
            bytes: view.bytes_of(node),
            directory: kind == EntryKind::Directory,
            kept: kept.contains(path) && !forbidden && is_writable(path),
            forbidden,
        }
    }));
    if twins && view.iter().any(|(path, _)| is_compiled_python(path)) {
        all.exclude.insert(0, LayerPath::from("__pycache__"));
    }
    all
}

fn is_compiled_python(path: &LayerPath) -> bool {
    path.as_bytes().split(|&b| b == b'/').any(|part| part == b"__pycache__")
}

/// Names that a Dockerfile's shell line can say; others (a line break in a name) are not copied.
fn is_writable(path: &LayerPath) -> bool {
    path.as_bytes().iter().all(|b| *b >= b' ' && *b != b'\'' && *b != 0x7f)
}

struct After {
    after: Estimate,
    /// Compressed, else on disk.
    now: u64,
}

fn estimate(evidence: &Evidence, kept: &Cover) -> After {
    let bytes = kept.bytes();
    let scale = |n: u64, by: f64| (n as f64 * by) as u64;
    let on_disk =
        Interval { low: scale(bytes, 1.0 - DRIFT), likely: bytes, high: scale(bytes, 1.0 + DRIFT) };
    let ratios = Ratios::new(&evidence.image.layers);
    let compressed: Option<f64> =
        kept.nodes.iter().map(|n| ratios.compressed(evidence.view, *n)).sum();
    let compressed = compressed.map(|likely| Interval {
        low: (likely * COMPRESSED_LOW) as u64,
        likely: likely as u64,
        high: (likely * COMPRESSED_HIGH) as u64 + COMPRESSED_MORE,
    });
    let now: Option<u64> = evidence.image.layers.iter().map(|l| l.compressed).sum();
    let after = Estimate { compressed, on_disk: Some(on_disk) };
    After { after, now: now.unwrap_or_else(|| evidence.view.on_disk_bytes()) }
}

/// How the last stage starts.
struct Final {
    /// Folders that the program's user owns.
    owned: Vec<LayerPath>,
    as_root: Option<&'static str>,
    user: Option<String>,
    health: Option<String>,
}

impl Final {
    fn of(evidence: &Evidence) -> Self {
        let config = evidence.config;
        let mut plan = Self { owned: Vec::new(), as_root: None, user: None, health: None };
        let named =
            !config.user.is_empty() && !["0", "root", "0:0"].contains(&config.user.as_str());
        if named {
            plan.user = Some(config.user.clone());
        } else {
            plan.as_root = needs_root(evidence);
            if plan.as_root.is_none() {
                plan.user = Some(format!("{USER}:{USER}"));
                let dir = LayerPath::from(config.working_dir.as_str());
                if !dir.is_root() {
                    plan.owned.push(dir);
                }
            }
        }
        plan
    }
}

/// Why the program cannot be given a user of its own, as far as can be seen.
fn needs_root(evidence: &Evidence) -> Option<&'static str> {
    let config = evidence.config;
    let low = config
        .exposed_ports
        .keys()
        .any(|p| p.split('/').next().and_then(|p| p.parse::<u16>().ok()).is_some_and(|p| p < 1024));
    if low {
        return Some("it exposes a port below 1024");
    }
    if !config.volumes.is_empty() {
        return Some("it writes to volumes, whose owner is not known");
    }
    let command = effective_command(config, evidence.view);
    let words = command.argv.iter().flat_map(|w| w.split_whitespace());
    let serves = words.filter_map(|w| w.rsplit('/').next()).any(|w| {
        AS_ROOT.contains(&w) || w.contains("entrypoint") || ["gosu", "su-exec"].contains(&w)
    });
    serves.then_some("its server changes its user by itself or prepares files as root")
}

fn dockerfile(
    evidence: &Evidence,
    origin: &Origin,
    kept: &Cover,
    plan: &Final,
    secrets: &BTreeSet<LayerPath>,
) -> String {
    let config = evidence.config;
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    for remark in &origin.remarks {
        line(&format!("# {remark}"));
    }
    for path in secrets {
        line(&format!(
            "# {path} holds a secret and is left out: pass it when the container starts"
        ));
    }
    line(&origin.text);
    line("");
    line("# What the entry point needs, by `careen`; the rest stays in this stage.");
    if !config.user.is_empty() {
        line("USER root");
    }
    if !config.shell.is_empty() {
        line("SHELL [\"/bin/sh\", \"-c\"]");
    }
    let quoted = |path: &LayerPath| {
        let text = path.to_text();
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-@:,%".contains(c));
        if plain && !text.starts_with('-') { text } else { format!("'./{text}'") }
    };
    line(
        "RUN mkdir -p /needed/tmp /needed/var/tmp /needed/run /needed/dev /needed/proc /needed/sys \\",
    );
    line(" && chmod 1777 /needed/tmp /needed/var/tmp \\");
    line(" && cd / && tar -cf - \\");
    for path in &kept.exclude {
        line(&format!("    --exclude={} \\", exclude(path)));
    }
    for path in &kept.include {
        line(&format!("    {} \\", quoted(path)));
    }
    let mut last = "  | tar -xpf - -C /needed".to_owned();
    for dir in &plan.owned {
        let _ = write!(
            last,
            " \\\n && mkdir -p '/needed/{0}' && chown -R {USER}:{USER} '/needed/{0}'",
            dir.to_text()
        );
    }
    line(&last);
    line("");
    line("FROM scratch");
    line("COPY --from=build /needed /");
    for pair in &config.env {
        let name = pair.split('=').next().unwrap_or_default();
        if (evidence.redact)(pair) != *pair {
            line(&format!("# {name} held a secret: pass it when the container starts"));
        } else if let Some((name, value)) = pair.split_once('=') {
            line(&format!("ENV {name}={}", json(value)));
        }
    }
    if !config.working_dir.is_empty() && config.working_dir != "/" {
        line(&format!("WORKDIR {}", config.working_dir));
    }
    for port in config.exposed_ports.keys() {
        line(&format!("EXPOSE {port}"));
    }
    for volume in config.volumes.keys() {
        line(&format!("VOLUME [{}]", json(volume)));
    }
    if let Some(signal) = &config.stop_signal {
        line(&format!("STOPSIGNAL {signal}"));
    }
    if let Some(user) = &plan.user {
        line(&format!("USER {user}"));
    }
    if let Some(health) = &plan.health {
        line(health);
    }
    let words = |argv: &[String]| argv.iter().map(|w| json(w)).collect::<Vec<_>>().join(", ");
    if let Some(check) = &config.healthcheck
        && let Some((kind, rest)) = check.test.split_first()
    {
        match kind.as_str() {
            "CMD" => line(&format!("HEALTHCHECK CMD [{}]", words(rest))),
            "CMD-SHELL" => line(&format!("HEALTHCHECK CMD {}", rest.join(" "))),
            _ => line("HEALTHCHECK NONE"),
        }
    }
    let command = |argv: &[String]| (evidence.redact)(&words(argv));
    if !config.entrypoint.is_empty() {
        line(&format!("ENTRYPOINT [{}]", command(&config.entrypoint)));
    }
    if !config.cmd.is_empty() {
        line(&format!("CMD [{}]", command(&config.cmd)));
    }
    out
}

/// A string of JSON, as a Dockerfile's exec form wants it.
fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// tar reads patterns here.
fn exclude(path: &LayerPath) -> String {
    let mut text = String::new();
    for c in path.to_text().chars() {
        if "*?[\\".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    format!("'{text}'")
}

/// What other bases would take, each with the evidence for or against it.
pub(super) fn bases(evidence: &Evidence) -> Vec<Advice> {
    let Some(closure) = evidence.closure else { return Vec::new() };
    let mut out = Vec::new();
    let own: u64 = closure.own_files().map(|(_, n)| evidence.view.bytes_of(n)).sum();
    let needs = closure.libraries();
    let candidates: &[(&str, &str)] = match needs.is_empty() {
        true => &[("gcr.io/distroless/static-debian12", "distroless")],
        false => &[
            ("gcr.io/distroless/base-debian12", "distroless"),
            ("gcr.io/distroless/cc-debian12", "distroless"),
        ],
    };
    let mut blocked: Option<Advice> = None;
    for (name, kind) in candidates {
        let Some(base) = bases::base(name) else { continue };
        let blockers = blockers(closure, base, &needs);
        let possible = blockers.is_empty();
        let bytes = base.on_disk.map(|mb| (mb * 1e6) as u64 + own);
        let on_disk = bytes.map(|likely| Interval {
            low: likely * 95 / 100,
            likely,
            high: likely * 110 / 100,
        });
        let advice = Advice {
            id: if possible { "distroless" } else { "distroless-blocked" },
            kind,
            title: format!("Start from {name}"),
            possible,
            because: match possible {
                true => format!(
                    "it has all that the program is linked to; its {} and {} of the application's own files",
                    base.sizes(),
                    Bytes(own)
                ),
                false => blockers.join("; "),
            },
            dockerfile: None,
            estimate: Estimate { compressed: None, on_disk: on_disk.filter(|_| possible) },
            saves: 0,
        };
        if possible {
            out.push(advice);
            blocked = None;
            break;
        }
        blocked = Some(advice);
    }
    out.extend(blocked);
    out.extend(alpine(closure));
    out
}

fn blockers(closure: &Closure, base: &bases::Base, needs: &[(String, LayerPath)]) -> Vec<String> {
    let mut out = Vec::new();
    if closure.starts_shell {
        out.push("the image's command or a script needs a shell, and it has none".to_owned());
    }
    for interpreter in ["python3", "node", "java", "perl", "ruby", "php"] {
        if closure.runs(interpreter) {
            out.push(format!("the program needs {interpreter}, which it lacks"));
        }
    }
    let lacking: Vec<&(String, LayerPath)> =
        needs.iter().filter(|(name, _)| !base.libraries.contains(name)).collect();
    if let Some((library, by)) = lacking.first() {
        let more = match lacking.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        out.push(format!("{library}{more} needed by {by}, and it lacks them"));
    }
    for (version, by) in closure.versions() {
        let needed = version.strip_prefix("GLIBC_").and_then(bases::version);
        if let (Some(needed), Some(has)) = (needed, base.glibc())
            && needed > has
        {
            out.push(format!("{by} needs {version}, and it has {}", base.libc));
        }
    }
    out
}

fn alpine(closure: &Closure) -> Option<Advice> {
    let linked = closure.linked_to("libc.so.6");
    let own: Vec<&LayerPath> = linked.iter().filter(|p| closure.owner(p).is_none()).collect();
    let first = own.first()?;
    let wheels = own.iter().filter(|p| p.to_text().contains("-packages/")).count();
    let what = match (own.len(), wheels) {
        (1, 0) => format!(
            "{first} is linked to glibc, and Alpine has musl: it would have to be built again"
        ),
        (n, 0) => format!(
            "{n} of the application's programs and libraries ({first} …) are linked to glibc, and Alpine has musl"
        ),
        (n, _) => format!(
            "{n} files of Python wheels and the like ({first} …) are built for glibc: Alpine would build them again"
        ),
    };
    Some(Advice {
        id: "alpine-blocked",
        kind: "alpine",
        title: "Start from alpine:3.22".to_owned(),
        possible: false,
        because: what,
        dockerfile: None,
        estimate: Estimate::default(),
        saves: 0,
    })
}
