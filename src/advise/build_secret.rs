//! A step of the build that holds a secret, written so that it gets it by `RUN --mount=type=secret` instead.
//!
//! A mask never stands in for a value: what cannot be written so is refused.

use std::ops::Range;

/// Where a builder mounts a secret by its id.
const FOLDER: &str = "/run/secrets/";
/// Words of a name that is one of a secret.
const TELLING: [&str; 9] =
    ["token", "key", "secret", "pass", "pwd", "auth", "cred", "api", "login"];

/// The line of a RUN with its secrets read from mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mounted {
    /// For the shell, without the keyword and its options.
    pub line: String,
    /// The ids, each once.
    pub ids: Vec<String>,
}

impl Mounted {
    /// As `RUN` has it, with the options that the step has already.
    pub fn instruction(&self, options: &[String]) -> String {
        let mounts = self.ids.iter().map(|id| option(id));
        let options: Vec<String> = options.iter().cloned().chain(mounts).collect();
        format!("RUN {} {}", options.join(" "), self.line)
    }
}

/// `--mount=type=secret,id=ID`.
pub(super) fn option(id: &str) -> String {
    format!("--mount=type=secret,id={id}")
}

/// The value of an environment variable from a mount, for a line that reads it there.
pub(super) fn exported(id: &str, line: &str) -> String {
    format!("export {id}=\"$(cat {FOLDER}{id})\" && {line}")
}

/// How the shell reads what stands at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// The same line with each of the secrets, given by their bytes, read from a mount. `None` where a secret
/// stands within a here-document or a substitution, or ends in other quotes than it begins in.
pub(super) fn mounted(line: &str, secrets: &[Range<usize>]) -> Option<Mounted> {
    if secrets.is_empty() || line.contains("<<") {
        return None;
    }
    let mut ids: Vec<(&str, String)> = Vec::new();
    let mut out = String::new();
    let mut done = 0;
    let mut shell = Shell::default();
    for secret in secrets {
        let text = line.get(secret.clone())?;
        let before = line.get(done..secret.start)?;
        let quote = shell.read(before)?;
        out.push_str(before);
        if shell.read(text)? != quote {
            return None;
        }
        let id = match ids.iter().find(|(known, _)| *known == text) {
            Some((_, id)) => id.clone(),
            None => {
                let id = name(&line[..secret.start], ids.len() + 1);
                let taken = ids.iter().any(|(_, other)| *other == id);
                let id = if taken { format!("{id}-{}", ids.len() + 1) } else { id };
                ids.push((text, id.clone()));
                id
            }
        };
        out.push_str(&match quote {
            Quote::None => format!("\"$(cat {FOLDER}{id})\""),
            Quote::Double => format!("$(cat {FOLDER}{id})"),
            Quote::Single => format!("'\"$(cat {FOLDER}{id})\"'"),
        });
        done = secret.end;
    }
    let rest = line.get(done..)?;
    shell.read(rest)?;
    out.push_str(rest);
    Some(Mounted { line: out, ids: ids.into_iter().map(|(_, id)| id).collect() })
}

/// The state of a shell that has read a part of a line.
struct Shell {
    quote: Quote,
    escaped: bool,
    /// Within `$(` or a backquote: words there have quotes of their own.
    substitution: bool,
    before: char,
}

impl Default for Shell {
    fn default() -> Self {
        Self { quote: Quote::None, escaped: false, substitution: false, before: ' ' }
    }
}

impl Shell {
    /// Reads on; how what follows is quoted. `None` once a substitution has begun.
    fn read(&mut self, text: &str) -> Option<Quote> {
        for c in text.chars() {
            let escaped = std::mem::take(&mut self.escaped);
            match (self.quote, c) {
                _ if escaped => {}
                (Quote::Single, '\'') => self.quote = Quote::None,
                (Quote::Single, _) => {}
                (_, '\\') => self.escaped = true,
                (Quote::Double, '"') => self.quote = Quote::None,
                (Quote::None, '"') => self.quote = Quote::Double,
                (Quote::None, '\'') => self.quote = Quote::Single,
                (_, '`') => self.substitution = true,
                (_, '(') if self.before == '$' => self.substitution = true,
                _ => {}
            }
            self.before = c;
        }
        (!self.substitution && !self.escaped).then_some(self.quote)
    }
}

/// `api-token` of `… --api-token=`, else by its number.
fn name(before: &str, number: usize) -> String {
    let before = before.trim_end_matches(['=', ':', ' ', '"', '\'']);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let from = before.rfind(|c: char| !plain(c)).map_or(0, |at| at + 1);
    let word = before.get(from..).unwrap_or_default().trim_matches('-');
    let lower = word.to_ascii_lowercase();
    match (2..=40).contains(&word.len()) && TELLING.iter().any(|t| lower.contains(t)) {
        true => word.to_owned(),
        false => format!("secret-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, secrets: &[&str]) -> Option<String> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for secret in secrets {
            ranges.extend(line.match_indices(secret).map(|(at, s)| at..at + s.len()));
        }
        ranges.sort_by_key(|r| r.start);
        mounted(line, &ranges).map(|m| m.instruction(&[]))
    }

    #[test]
    fn a_secret_is_read_from_its_mount_in_any_quotes() {
        for (line, want) in [
            (
                "curl -H \"Authorization: Bearer hush\" x",
                "RUN --mount=type=secret,id=secret-1 curl -H \"Authorization: Bearer $(cat /run/secrets/secret-1)\" x",
            ),
            (
                "login --token hush",
                "RUN --mount=type=secret,id=token login --token \"$(cat /run/secrets/token)\"",
            ),
            (
                "echo 'machine x password hush' > /root/.netrc",
                "RUN --mount=type=secret,id=password echo 'machine x password '\"$(cat /run/secrets/password)\"'' > /root/.netrc",
            ),
            (
                "API_KEY=hush a && API_KEY=hush b",
                "RUN --mount=type=secret,id=API_KEY API_KEY=\"$(cat /run/secrets/API_KEY)\" a && API_KEY=\"$(cat /run/secrets/API_KEY)\" b",
            ),
        ] {
            assert_eq!(of(line, &["hush"]).as_deref(), Some(want), "{line}");
        }
    }

    #[test]
    fn two_secrets_have_two_ids() {
        let got = of("a --token hush --token quiet", &["hush", "quiet"]).unwrap();
        assert!(got.contains("id=token ") && got.contains("id=token-2 "), "{got}");
        assert!(!got.contains("hush") && !got.contains("quiet"), "{got}");
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        for line in ["cat <<E\nhush\nE", "x $(echo hush)", "x `hush`", "x 'hu'sh"] {
            assert_eq!(of(line, &["hush", "hu'sh"]), None, "{line}");
        }
    }

    /// The line means the same to a real shell, with the secret from the file.
    #[test]
    fn a_shell_reads_the_same_words() {
        let folder = tempfile::tempdir().unwrap();
        for line in [
            "printf %s 'a hush b'",
            "printf %s \"a hush b\"",
            "printf %s ahush",
            "printf '%s' \\\\hush",
        ] {
            let at = line.find("hush").unwrap();
            let new = mounted(line, std::slice::from_ref(&(at..at + 4))).unwrap();
            std::fs::write(folder.path().join(&new.ids[0]), "hush").unwrap();
            let here = new.line.replace(FOLDER, &format!("{}/", folder.path().display()));
            let run = |line: &str| {
                std::process::Command::new("/bin/sh").arg("-c").arg(line).output().unwrap().stdout
            };
            assert_eq!(run(&here), run(line), "{here}");
        }
    }
}
