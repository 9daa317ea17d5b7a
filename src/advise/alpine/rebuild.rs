//! A Debian build as Alpine runs it: the same steps with Alpine's packages, for programs that have to be built
//! again for musl.
//!
//! Only where every step can be told, and one of them builds; why not, in words, where not.

use super::table::TABLE;
use crate::dockerfile::{self, Command, Kind, commands};
use std::collections::BTreeSet;

/// Programs that turn sources into programs.
const BUILD: [&str; 10] =
    ["make", "gcc", "g++", "cc", "c++", "cargo", "go", "cmake", "ninja", "rustc"];
/// What only Debian has, or has otherwise.
const ONLY_DEBIAN: [&str; 10] = [
    "dpkg",
    "apt-key",
    "add-apt-repository",
    "useradd",
    "groupadd",
    "adduser",
    "addgroup",
    "update-alternatives",
    "bash",
    "chpasswd",
];
/// They fetch what was built for glibc, or build it with packages of which nothing is known here.
const FETCH_BUILT: [&str; 7] = ["pip", "pip3", "npm", "yarn", "pnpm", "gem", "bundle"];

/// The build with another base and that base's packages.
pub(super) fn translated(text: &str) -> Result<String, String> {
    let steps = dockerfile::parse(text).map_err(|e| e.to_string())?;
    let stages = steps.iter().filter(|s| matches!(s.kind, Kind::From { .. })).count();
    if stages != 1 {
        return Err("its build has several stages".to_owned());
    }
    let (mut out, mut at, mut builds) = (String::new(), 0, false);
    for step in &steps {
        out.push_str(&text[at..step.range.start]);
        at = step.range.end;
        let own = &text[step.range.clone()];
        match &step.kind {
            Kind::From { .. } => out.push_str(&format!("FROM {}", TABLE.base)),
            Kind::Run { options, line: Some(line) } => {
                let all = commands(line)
                    .ok_or("a RUN step with conditions or loops cannot be told apart")?;
                builds |= all.iter().any(|c| first(c).is_some_and(|w| BUILD.contains(&w)));
                out.push_str(&run(options, &all, own)?);
            }
            Kind::Run { line: None, .. } => {
                return Err(
                    "a RUN step in the exec form or with a here-document cannot be told apart"
                        .to_owned(),
                );
            }
            Kind::Shell => return Err("its build sets another shell".to_owned()),
            _ => out.push_str(own),
        }
    }
    out.push_str(&text[at..]);
    match builds {
        true => Ok(out),
        false => Err("no step of the build builds it".to_owned()),
    }
}

/// The program of a command, behind variables that are set for it.
fn first(command: &Command) -> Option<&str> {
    command.words.iter().map(String::as_str).find(|w| !w.contains('='))
}

fn run(options: &[String], all: &[Command], own: &str) -> Result<String, String> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut rest: Vec<&str> = Vec::new();
    let mut changed = false;
    for command in all {
        let words = || command.text.split(|c: char| c.is_whitespace() || "|;&()".contains(c));
        if let Some(word) = words().find(|w| ONLY_DEBIAN.contains(w)) {
            return Err(format!("a step of its build calls {word}"));
        }
        if let Some(word) = words().find(|w| FETCH_BUILT.contains(w)) {
            return Err(format!("{word} brings parts that are built for glibc"));
        }
        match first(command) {
            Some("apt-get" | "apt") => {
                changed = true;
                names.extend(installed(command)?);
            }
            Some("rm")
                if command.text.contains("/var/lib/apt/")
                    || command.text.contains("/var/cache/apt") =>
            {
                changed = true;
            }
            _ if words().any(|w| w == "apt-get" || w == "apt") => {
                return Err("a step of its build calls apt-get among others".to_owned());
            }
            _ => rest.push(&command.text),
        }
    }
    if !changed {
        return Ok(own.to_owned());
    }
    let add = format!("apk add --no-cache {}", names.into_iter().collect::<Vec<_>>().join(" "));
    let mut commands: Vec<&str> =
        if add.ends_with(' ') || add.ends_with("cache") { vec![] } else { vec![&add] };
    commands.extend(rest);
    // Caches of apt are none here.
    let options: Vec<&String> = options.iter().filter(|o| !o.contains("apt")).collect();
    let options: String = options.iter().map(|o| format!("{o} ")).collect();
    Ok(match commands.is_empty() {
        true => String::new(),
        false => format!("RUN {options}{}", commands.join(" \\\n && ")),
    })
}

/// Alpine's packages for those that apt-get installs; none for its other verbs.
fn installed(command: &Command) -> Result<Vec<&'static str>, String> {
    let words: Vec<&str> =
        command.words.iter().map(String::as_str).skip_while(|w| w.contains('=')).skip(1).collect();
    let verb = words.iter().find(|w| !w.starts_with('-')).copied().unwrap_or_default();
    match verb {
        "install" => {
            let names = words.iter().filter(|w| !w.starts_with('-') && **w != "install");
            let mut out = Vec::new();
            for name in names {
                let found = TABLE.for_build(name);
                let found = found.ok_or_else(|| {
                    format!("its build installs {name}, of which no counterpart is known for sure")
                })?;
                out.extend(found.split(' '));
            }
            Ok(out)
        }
        "update" | "clean" | "autoclean" | "autoremove" => Ok(Vec::new()),
        other => Err(format!("a step of its build calls apt-get {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_steps_with_alpines_packages() {
        let text = "FROM debian:12\nRUN apt-get update\n\
            RUN apt-get install -y --no-install-recommends build-essential libcurl4-openssl-dev && rm -rf /var/lib/apt/lists/*\n\
            COPY . /src\nWORKDIR /src\nRUN make && make install\n";
        let want = "FROM alpine:3.23\n\nRUN apk add --no-cache build-base curl-dev\n\
            COPY . /src\nWORKDIR /src\nRUN make && make install\n";
        assert_eq!(translated(text).as_deref(), Ok(want));
    }

    #[test]
    fn what_is_not_known_for_sure_is_said() {
        for (text, why) in [
            ("FROM a\nFROM b\nRUN make", "several stages"),
            ("FROM a\nRUN apt-get install -y x && make", "installs x"),
            ("FROM a\nRUN apt-get remove -y gcc && make", "apt-get remove"),
            ("FROM a\nRUN useradd x && make", "useradd"),
            ("FROM a\nRUN pip install x && make", "pip"),
            ("FROM a\nRUN if x; then make; fi", "conditions"),
            ("FROM a\nRUN [\"make\"]", "exec form"),
            ("FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nRUN make", "shell"),
            ("FROM a\nCOPY app /app", "no step"),
        ] {
            let got = translated(text).unwrap_err();
            assert!(got.contains(why), "{text}: {got}");
        }
    }
}
