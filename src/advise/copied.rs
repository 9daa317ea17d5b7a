//! What the history says of a COPY or ADD: its options, what was copied and where to, in the words of each
//! builder.
//!
//! Reads text only; must not know layers.

use crate::image::history::Instruction;
use crate::layer::LayerPath;

/// A COPY or ADD of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copied {
    /// `--chown=1:1`.
    pub options: Vec<String>,
    pub what: What,
    /// As written.
    pub target: String,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Sources by name.
    Named(Vec<String>),
    /// Older builders write a digest: of one folder,
    Folder,
    /// of one file,
    File,
    /// of several sources or of something else.
    Several,
    /// Text that stood in the Dockerfile itself.
    Heredoc,
}

impl Copied {
    /// `None` if there is no target.
    pub fn parse(step: &Instruction) -> Option<Self> {
        let text = step.text.as_str();
        let words: Vec<&str> = text.split_whitespace().collect();
        let flags = words.iter().take_while(|w| w.starts_with("--")).count();
        let options = words[..flags].iter().map(|w| (*w).to_owned()).collect();
        let rest = &words[flags..];
        if let [digest, "in", target @ ..] = rest
            && let Some(what) = digested(digest)
        {
            let target = target.join(" ");
            let target = if target.is_empty() { "/".to_owned() } else { target };
            return Some(Self { options, what, target });
        }
        let (target, sources) = rest.split_last()?;
        let what = match sources {
            [] => return None,
            all if all.iter().any(|s| s.starts_with("<<")) => What::Heredoc,
            all => What::Named(all.iter().map(|s| (*s).to_owned()).collect()),
        };
        Some(Self { options, what, target: (*target).to_owned() })
    }

    /// The stage or image that it copies from, if the history names it.
    pub fn from(&self) -> Option<&str> {
        self.options.iter().find_map(|o| o.strip_prefix("--from="))
    }

    /// Where it copies to, from the folder that it works in.
    pub fn destination(&self, folder: &LayerPath) -> LayerPath {
        within(folder, &self.target)
    }
}

/// A path of a Dockerfile's from the folder that it works in.
pub(super) fn within(folder: &LayerPath, path: &str) -> LayerPath {
    match path.starts_with('/') {
        true => LayerPath::from(path),
        false => {
            let path = path.trim_start_matches("./");
            if path.is_empty() || path == "." {
                return folder.clone();
            }
            LayerPath::from(format!("{}/{path}", folder.to_text()).as_str())
        }
    }
}

/// `dir:ab12…`, `file:ab12…`, `multi:ab12…`, `ab12…`.
fn digested(word: &str) -> Option<What> {
    let is_digest = |d: &str| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit());
    match word.split_once(':') {
        Some(("dir", d)) if is_digest(d) => Some(What::Folder),
        Some(("file", d)) if is_digest(d) => Some(What::File),
        Some(("multi" | "archive", d)) if is_digest(d) => Some(What::Several),
        None if word.len() >= 12 && is_digest(word) => Some(What::Several),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::HistoryEntry;

    fn of(created_by: &str) -> Option<Copied> {
        let entry = HistoryEntry { created_by: created_by.into(), ..Default::default() };
        Copied::parse(&Instruction::parse(&entry))
    }

    #[test]
    fn the_words_of_each_builder() {
        let named = |names: &[&str]| What::Named(names.iter().map(|n| (*n).to_owned()).collect());
        for (text, what, target) in [
            ("/bin/sh -c #(nop) COPY dir:ab12 in /app ", What::Folder, "/app"),
            ("/bin/sh -c #(nop) COPY file:ab12 in ./ ", What::File, "./"),
            ("/bin/sh -c #(nop) COPY multi:ab12 in /etc/x/ ", What::Several, "/etc/x/"),
            ("/bin/sh -c #(nop) ADD 0123456789abcdef in /x ", What::Several, "/x"),
            ("COPY . . # buildkit", named(&["."]), "."),
            ("COPY --chown=1:1 a b /x/ # buildkit", named(&["a", "b"]), "/x/"),
            ("COPY <<EOF /etc/x # buildkit", What::Heredoc, "/etc/x"),
            ("ADD https://example.com/x /x # buildkit", named(&["https://example.com/x"]), "/x"),
            // A file of this name.
            ("COPY in in # buildkit", named(&["in"]), "in"),
        ] {
            let got = of(text).unwrap();
            assert_eq!((got.what, got.target.as_str()), (what, target), "{text}");
        }
        let got = of("/bin/sh -c #(nop) COPY --chown=1000:1000 dir:ab12 in /app ").unwrap();
        assert_eq!((got.options, got.what), (vec!["--chown=1000:1000".into()], What::Folder));
        assert_eq!(of("COPY --from=build /a /b").unwrap().from(), Some("build"));
        for odd in ["COPY", "COPY a", "COPY --chown=1:1"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_target_is_a_path_of_the_working_folder() {
        let folder = LayerPath::from("app");
        for (path, want) in
            [(".", "app"), ("./", "app"), ("x/", "app/x"), ("/y", "y"), ("/", ""), ("../z", "z")]
        {
            assert_eq!(within(&folder, path).to_text(), want, "{path}");
        }
    }
}
