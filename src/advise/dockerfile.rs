//! The Dockerfile of an image with only what is needed: the build as now, the copy, and a last stage that
//! starts it.

use super::Evidence;
use super::copy_list::Cover;
use super::leaked::Leaked;
use super::user::{User, needs_root};
use super::user_dockerfile::{Origin, is_plain};
use crate::image::command::find_program;
use crate::layer::LayerPath;
use crate::oci::ContainerConfig;
use std::fmt::Write;

/// The folders of Python's compiled modules, of which all are left out by one pattern.
pub(super) const COMPILED: &str = "__pycache__";

/// How the last stage starts.
pub(super) struct Final {
    /// Folders that the program's user owns.
    owned: Vec<LayerPath>,
    pub as_root: Option<String>,
    user: Option<String>,
    health: Option<String>,
}

impl Final {
    pub fn of(evidence: &Evidence) -> Self {
        let config = evidence.config;
        let mut plan = Self { owned: Vec::new(), as_root: None, user: None, health: None };
        let named =
            !config.user.is_empty() && !["0", "root", "0:0"].contains(&config.user.as_str());
        if named {
            plan.user = Some(config.user.clone());
        } else {
            let user = User::of(evidence);
            plan.as_root = needs_root(evidence, user);
            if plan.as_root.is_none() {
                plan.user = Some(user.to_string());
                let dir = LayerPath::from(config.working_dir.as_str());
                // Any other name would stand in a shell's line, and may be made to write one.
                if !dir.is_root() && is_plain(&dir.to_text()) {
                    plan.owned.push(dir);
                }
            }
        }
        plan.health = health(evidence);
        plan
    }

    /// On a base that has users of its own, a name needs no copy of its table.
    pub fn on_a_system(&mut self) {
        // A user that a step of the build made is not in the base.
        if self.user.as_ref().is_some_and(|u| !u.starts_with(|c: char| c.is_ascii_digit())) {
            self.user = Some(User::OWN.to_string());
        }
    }

    pub fn user(&self) -> Option<String> {
        self.user.clone()
    }

    /// The instruction, where the image has no check of its own.
    pub fn health(&self) -> Option<String> {
        self.health.clone()
    }

    pub fn owned_dirs(&self) -> &[LayerPath] {
        &self.owned
    }

    pub fn owner(&self) -> Option<String> {
        self.user.clone().filter(|_| !self.owned.is_empty())
    }

    /// Whether the program's user owns what lies there.
    pub fn owns(&self, path: &LayerPath) -> bool {
        self.owned
            .iter()
            .any(|d| path == d || path.as_bytes().starts_with(&[d.as_bytes(), b"/"].concat()))
    }
}

/// A check that the one port is open, with what the image has; an own check stays.
fn health(evidence: &Evidence) -> Option<String> {
    let (config, closure) = (evidence.config, evidence.closure?);
    if config.healthcheck.is_some() || config.exposed_ports.len() != 1 {
        return None;
    }
    let port = config.exposed_ports.keys().next()?.strip_suffix("/tcp")?;
    let port: u16 = port.parse().ok()?;
    let text = if closure.runs("python3") {
        format!(
            "[\"python3\", \"-c\", \"import socket; socket.create_connection(('127.0.0.1', {port}), 3)\"]"
        )
    } else if closure.runs("node") {
        format!(
            r#"["node", "-e", "require('net').connect({port}, '127.0.0.1').on('error', () => process.exit(1)).on('connect', () => process.exit(0))"]"#
        )
    } else {
        return None;
    };
    Some(format!("HEALTHCHECK CMD {text}"))
}

/// The whole of it, with a copy of the files into another base, or into an empty image.
pub(super) fn dockerfile(
    evidence: &Evidence,
    origin: &Origin,
    kept: &Cover,
    plan: &Final,
    leaked: &Leaked,
    base: Option<&str>,
) -> String {
    let config = evidence.config;
    let mut lines = head(evidence, origin, leaked);
    lines.push(
        "# What the entry point needs, by `careen`; the rest stays in this stage.".to_owned(),
    );
    let from = format!("FROM {}", base.unwrap_or("scratch"));
    if has_tools(evidence) {
        lines.extend(packed(evidence, kept, plan, base.is_none()));
        lines.extend([String::new(), from, format!("COPY --from={} /needed /", origin.stage())]);
    } else {
        lines.push(from);
        lines.extend(copies(kept, plan, origin.stage()));
    }
    lines.extend(start(evidence, plan));
    if base.is_some() && config.entrypoint.is_empty() {
        // What the base starts by itself would get the command as its arguments.
        let at = lines.iter().rposition(|l| l.starts_with("CMD ")).unwrap_or(lines.len());
        lines.insert(at, "ENTRYPOINT []".to_owned());
    }
    evidence.masked(&lines.join("\n")) + "\n"
}

/// Whether the image has the programs by which its files are gathered for the copy.
pub(super) fn has_tools(evidence: &Evidence) -> bool {
    let config = ContainerConfig::default();
    let has = |name| find_program(&config, &evidence.facts.view, name).is_some();
    ["sh", "tar", "mkdir", "chmod", "chown"].into_iter().all(has)
}

/// The files, each folder or file by a line: nothing of the image has to run.
fn copies(kept: &Cover, plan: &Final, stage: &str) -> Vec<String> {
    let owner = plan.owner();
    let line = |path: &LayerPath| {
        let flag = owner.as_ref().filter(|_| plan.owns(path));
        let flag = flag.map_or(String::new(), |o| format!("--chown={o} "));
        let path = format!("/{}", path.to_text());
        format!("COPY --from={stage} {flag}[{0}, {0}]", json(&path))
    };
    kept.include.iter().map(line).collect()
}

/// The steps of the build stage that gather the files in one folder.
fn packed(evidence: &Evidence, kept: &Cover, plan: &Final, is_empty: bool) -> Vec<String> {
    let config = evidence.config;
    let mut lines = Vec::new();
    if !config.user.is_empty() {
        lines.push("USER root".to_owned());
    }
    if !config.shell.is_empty() {
        lines.push("SHELL [\"/bin/sh\", \"-c\"]".to_owned());
    }
    // From `.`: a pattern of tar's fits at any folder of a path, and `.` is the first alone.
    let quoted = |path: &LayerPath| {
        let text = path.to_text();
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-@:,%".contains(c));
        if plain { format!("./{text}") } else { format!("'./{text}'") }
    };
    let folders = ["tmp", "var/tmp", "run", "dev", "proc", "sys"].map(|d| format!("/needed/{d}"));
    if is_empty {
        lines.push(format!("RUN mkdir -p {} \\", folders.join(" ")));
        lines.push(" && chmod 1777 /needed/tmp /needed/var/tmp \\".to_owned());
        lines.push(" && cd / && tar -cf - \\".to_owned());
    } else {
        lines.push("RUN mkdir /needed && cd / && tar -cf - \\".to_owned());
    }
    lines.extend(kept.exclude.iter().map(|p| format!("    --exclude={} \\", exclude(p))));
    lines.extend(kept.include.iter().map(|p| format!("    {} \\", quoted(p))));
    let mut last = "  | tar -xpf - -C /needed".to_owned();
    if let Some(owner) = plan.owner() {
        for dir in &plan.owned {
            let _ = write!(
                last,
                " \\\n && mkdir -p '/needed/{0}' && chown -R {owner} '/needed/{0}'",
                dir.to_text()
            );
        }
    }
    lines.push(last);
    lines
}

/// The build as now, with what is to be known of it.
pub(super) fn head(evidence: &Evidence, origin: &Origin, leaked: &Leaked) -> Vec<String> {
    let mut lines: Vec<String> = origin.remarks.iter().map(|r| format!("# {}", plain(r))).collect();
    lines.extend(leaked.remarks().iter().map(|r| format!("# {}", plain(&evidence.masked(r)))));
    lines.push(origin.staged().trim_end().to_owned());
    lines.push(String::new());
    lines
}

/// How the last stage starts: the image's configuration, without its secrets.
pub(super) fn start(evidence: &Evidence, plan: &Final) -> Vec<String> {
    let config = evidence.config;
    let mut lines = Vec::new();
    for pair in &config.env {
        let name = pair.split('=').next().unwrap_or_default();
        if evidence.masked(pair) != *pair {
            lines.push(format!(
                "# {} held a secret: pass it when the container starts",
                plain(&evidence.masked(name))
            ));
        } else if let Some((name, value)) = pair.split_once('=') {
            // A Dockerfile puts variables into the values of ENV.
            lines.push(format!("ENV {}={}", plain(name), json(value).replace('$', "\\$")));
        }
    }
    // Before quotes and backslashes are added, which hide what stands between them.
    let text = |text: &str| plain(&evidence.masked(text));
    let word = |text: &str| json(&evidence.masked(text));
    let words = |argv: &[String]| argv.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ");
    let mut rest = Vec::new();
    if !config.working_dir.is_empty() && config.working_dir != "/" {
        rest.push(format!("WORKDIR {}", text(&config.working_dir)));
    }
    rest.extend(config.exposed_ports.keys().map(|p| format!("EXPOSE {}", text(p))));
    rest.extend(config.volumes.keys().map(|v| format!("VOLUME [{}]", word(v))));
    rest.extend(config.stop_signal.iter().map(|s| format!("STOPSIGNAL {}", text(s))));
    rest.extend(plan.user.iter().map(|u| format!("USER {}", text(u))));
    rest.extend(plan.health.clone());
    if let Some(check) = &config.healthcheck
        && let Some((kind, argv)) = check.test.split_first()
    {
        rest.push(match kind.as_str() {
            "CMD" => format!("HEALTHCHECK CMD [{}]", words(argv)),
            "CMD-SHELL" => format!("HEALTHCHECK CMD {}", text(&argv.join(" "))),
            _ => "HEALTHCHECK NONE".to_owned(),
        });
    }
    for (keyword, argv) in [("ENTRYPOINT", &config.entrypoint), ("CMD", &config.cmd)] {
        if !argv.is_empty() {
            rest.push(format!("{keyword} [{}]", words(argv)));
        }
    }
    // Some secrets show only beside the word before them: `--token`, `…`.
    lines.extend(rest.iter().map(|line| evidence.masked(line)));
    lines
}

/// On one line, and only there: a hostile configuration must not write instructions, nor take the next one
/// for its own by a backslash at its end.
pub(super) fn plain(text: &str) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).collect();
    line.trim_end_matches(|c: char| c == '\\' || c.is_whitespace()).to_owned()
}

/// A string of JSON, as a Dockerfile's exec form wants it.
fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// tar reads patterns here. A name alone is left out wherever it stands.
fn exclude(path: &LayerPath) -> String {
    let mut text = String::new();
    for c in path.to_text().chars() {
        if "*?[\\".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    let anywhere = text == COMPILED;
    if anywhere { format!("'{text}'") } else { format!("'./{text}'") }
}
