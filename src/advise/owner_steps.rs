//! Which steps of a build change owner, mode or time of files that are there, and of which files.

use crate::dockerfile::commands;
use crate::layer::LayerPath;

/// Commands that change nothing else.
const OWNERS: [&str; 5] = ["chown", "chmod", "chgrp", "touch", "setfacl"];
/// Commands that run another one, with the words before it.
const RUNNERS: [&str; 5] = ["sudo", "env", "xargs", "exec", "command"];

/// Words of a shell before a command.
const CONTROL: [&str; 6] = ["then", "else", "do", "if", "while", "{"];

/// Whether a step, as a Dockerfile has it, gives a file another owner, mode or time. That a step which does so
/// writes another file anew proves nothing: package managers write theirs again as they were.
pub(super) fn changes_owner(step: &str, path: &LayerPath) -> bool {
    let Some(line) = step.strip_prefix("RUN ") else { return false };
    match commands(line) {
        Some(all) => all.iter().any(|command| match command.words.as_slice() {
            // A pipe or a substitution: its words are not told apart.
            [] => is_named(&command.text.split_whitespace().collect::<Vec<_>>(), path),
            words => is_named(&words.iter().map(String::as_str).collect::<Vec<_>>(), path),
        }),
        None => line.split([';', '&', '|']).any(|part| {
            let words = part.split_whitespace().skip_while(|w| CONTROL.contains(w));
            is_named(&words.collect::<Vec<_>>(), path)
        }),
    }
}

/// Whether one of these words is such a command, and what stands behind it leads to the file.
fn is_named(words: &[&str], path: &LayerPath) -> bool {
    let runs_first = |at: usize| {
        words[..at].iter().all(|w| RUNNERS.contains(w) || w.contains('=') || w.starts_with('-'))
    };
    let finds = words.first() == Some(&"find");
    words.iter().enumerate().any(|(at, word)| {
        let name = word.rsplit('/').next().unwrap_or_default();
        OWNERS.contains(&name)
            && if finds {
                words[1..at].iter().any(|w| leads_to(w, path))
            } else {
                (runs_first(at) || words.contains(&"|"))
                    && words[at + 1..].iter().any(|w| leads_to(w, path))
            }
    })
}

/// A folder or file by its absolute path, or by one whose folder is not known.
fn leads_to(word: &str, path: &LayerPath) -> bool {
    if word.starts_with('-') {
        return false;
    }
    // A pattern ends what is known of a name; a variable begins one that is not.
    let known = word.split(['*', '?', '[', '$']).next().unwrap_or_default();
    let cut = known.len() < word.len();
    let name = known.trim_end_matches('/').trim_start_matches("./");
    let bytes = path.as_bytes();
    if let Some(whole) = name.strip_prefix('/') {
        let rest = bytes.strip_prefix(whole.as_bytes());
        return rest.is_some_and(|r| cut || whole.is_empty() || r.is_empty() || r[0] == b'/');
    }
    if known.starts_with('/') || name == "." {
        return true;
    }
    // `{}` and the like are no names; `app:app` is an owner, `755` a mode.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    let is_name = !name.is_empty() && name.bytes().all(plain);
    is_name
        && !name.bytes().all(|b| b.is_ascii_digit())
        && [&b"/"[..], bytes, b"/"].concat().windows(name.len() + 2).any(|w| {
            w[0] == b'/' && w[w.len() - 1] == b'/' && &w[1..w.len() - 1] == name.as_bytes()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_the_step_names_was_given_another_owner() {
        for (step, path, want) in [
            ("RUN chown -R app:app /srv", "srv/a/b", true),
            ("RUN chown -R app:app /srv", "srv2/a", false),
            ("RUN cd /srv && chmod +x a.sh", "srv/a.sh", true),
            ("RUN chmod 755 run.sh", "srv/run.sh", true),
            ("RUN chmod 755 run.sh", "srv/other.sh", false),
            ("RUN chown -R 1000:1000 .", "srv/a", true),
            ("RUN chown -R app /", "srv/a", true),
            ("RUN chown app $HOME/x", "srv/x", false),
            ("RUN chmod 600 /etc/ssl/*.key", "etc/ssl/a.key", true),
            ("RUN find /srv -type f | xargs chmod 644", "srv/a", true),
            ("RUN find /srv -type f -exec chmod 644 {} +", "srv/a", true),
            ("RUN find /srv -type f -exec chmod 644 {} +", "etc/a", false),
            ("RUN if test -e /srv; then chown -R app /srv; fi", "srv/a", true),
            // apt-get writes debconf's tables again as they were.
            ("RUN apt-get update && apt-get install -y touchegg", "var/cache/debconf/a", false),
            (
                "RUN apt-get install -y x && chmod +x /usr/bin/x",
                "var/cache/debconf/templates.dat",
                false,
            ),
            ("COPY . /srv", "srv/a", false),
        ] {
            assert_eq!(changes_owner(step, &LayerPath::from(path)), want, "{step}: {path}");
        }
    }
}
