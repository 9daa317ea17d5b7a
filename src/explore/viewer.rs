//! A file's beginning as text or as bytes. Secrets that were found in it are masked.

use crate::layer::LayerPath;
use crate::pipeline::explore::{Beginning, OpenImage};
use crate::text::{Bytes, Sanitized};
use std::ops::Range;

/// Bytes of a file that are looked at.
pub const LIMIT: usize = 256 << 10;

/// Bytes of a line of the hexadecimal form.
const PER_LINE: usize = 16;

/// What is known of the secrets in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSecrets {
    /// Lines that hold one, from 1.
    pub lines: Vec<u32>,
    /// Some stand in a form in which they cannot be masked.
    pub inside: bool,
}

pub struct Viewer {
    pub title: String,
    pub text: Vec<String>,
    /// `None`: it would show a secret.
    pub hex: Option<Vec<String>>,
    pub as_hex: bool,
    pub top: usize,
    /// In words: how much of it this is.
    pub note: String,
}

impl Viewer {
    pub fn new(
        path: &LayerPath,
        file: &Beginning,
        secrets: &KnownSecrets,
        open: &OpenImage,
    ) -> Self {
        let title = Sanitized::from(format!("/{}", path.to_text()).as_str()).to_string();
        let binary = file.bytes.iter().take(8192).any(|&b| b == 0);
        let shown = file.bytes.len() as u64;
        let mut note = if shown < file.size {
            format!("the first {} of {}", Bytes(shown), Bytes(file.size))
        } else {
            Bytes(file.size).to_string()
        };
        let clear = open.reveals();
        let has_secret = secrets.inside || !secrets.lines.is_empty();
        let whole = shown == file.size;
        let raw = String::from_utf8_lossy(&file.bytes);
        let lines = match (clear, secrets.inside) {
            (true, _) => raw.split('\n').map(str::to_owned).collect(),
            (false, true) => UNMASKABLE.map(str::to_owned).to_vec(),
            (false, false) => masked(&raw, &open.secrets_of(path, &raw), &secrets.lines, whole),
        };
        let clean = |line: &String| {
            let tabs = line.trim_end_matches('\r').replace('\t', "    ");
            Sanitized::from(tabs.as_str()).to_string()
        };
        let text = lines.iter().map(clean).collect();
        if has_secret && !clear {
            note.push_str(", secrets masked");
        }
        let hex = (clear || !has_secret).then(|| hex(&file.bytes));
        let as_hex = binary && hex.is_some();
        Self { title, text, hex, as_hex, top: 0, note }
    }

    pub fn lines(&self) -> &[String] {
        match &self.hex {
            Some(hex) if self.as_hex => hex,
            _ => &self.text,
        }
    }

    /// The other form, if it may be shown.
    pub fn toggle(&mut self) {
        if self.hex.is_some() {
            self.as_hex = !self.as_hex;
            self.top = 0;
        } else {
            self.note = "the bytes would show the secret: `careen explore --reveal`".to_owned();
        }
    }

    pub fn scroll(&mut self, by: isize) {
        let last = self.lines().len().saturating_sub(1);
        self.top = self.top.saturating_add_signed(by).min(last);
    }
}

const UNMASKABLE: [&str; 2] = [
    "A secret stands in this file in a form that cannot be masked.",
    "`careen explore --reveal` shows it.",
];
const HIDDEN: &str = "‹a secret was found in this line›";
const BEYOND: &str = "‹a secret begins here and goes on beyond what is shown›";

/// The lines of a text, as many as it has, without its secrets: `found` in it now, and `known` from the
/// lines where they stood when the whole file was read.
fn masked(text: &str, found: &[(Range<usize>, String)], known: &[u32], whole: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (number, line) in (1u32..).zip(text.split('\n')) {
        let end = start + line.len();
        let here: Vec<_> = found.iter().filter(|(r, _)| r.start < end && r.end > start).collect();
        if here.is_empty() && known.contains(&number) {
            // What ends beyond this text is not found in it, and its further lines are secret too.
            if !whole {
                lines.push(BEYOND.to_owned());
                return lines;
            }
            lines.push(HIDDEN.to_owned());
        } else {
            let mut out = Vec::new();
            let mut done = start;
            for (range, mask) in here {
                out.extend_from_slice(&text.as_bytes()[done..range.start.max(done)]);
                // Of several lines the first has the mask, the others nothing: they stay as many.
                if range.start >= start {
                    out.extend_from_slice(mask.as_bytes());
                }
                done = range.end.min(end).max(done);
            }
            out.extend_from_slice(&text.as_bytes()[done..end]);
            // A secret may have cut a character in two.
            lines.push(String::from_utf8_lossy(&out).into_owned());
        }
        start = end + 1;
    }
    lines
}

fn hex(bytes: &[u8]) -> Vec<String> {
    let line = |(i, chunk): (usize, &[u8])| {
        let mut out = format!("{:08x}  ", i * PER_LINE);
        for n in 0..PER_LINE {
            match chunk.get(n) {
                Some(b) => out.push_str(&format!("{b:02x} ")),
                None => out.push_str("   "),
            }
            if n == PER_LINE / 2 - 1 {
                out.push(' ');
            }
        }
        out.push(' ');
        out.extend(
            chunk.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { b as char } else { '·' }),
        );
        out
    };
    bytes.chunks(PER_LINE).enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, secret: &str) -> (Range<usize>, String) {
        let start = text.find(secret).unwrap();
        (start..start + secret.len(), "****".to_owned())
    }

    #[test]
    fn lines_stay_as_many_whatever_is_masked_in_them() {
        let text = "a\nkey=BEGIN\nbody\nEND;\nhost:pw\nz";
        let key = at(text, "BEGIN\nbody\nEND");
        assert_eq!(
            masked(text, &[key], &[2, 5], true),
            ["a", "key=****", "", ";", HIDDEN, "z"],
            "the line that was known stays the fifth"
        );
        let two = [at("x=1 y=2", "1"), at("x=1 y=2", "2")];
        assert_eq!(masked("x=1 y=2", &two, &[1], true), ["x=**** y=****"]);
    }

    #[test]
    fn nothing_is_shown_after_a_secret_whose_end_is_not_there() {
        let text = "a\n-----BEGIN\nbody\nbody";
        assert_eq!(masked(text, &[], &[2], false), ["a", BEYOND]);
        assert_eq!(masked("a\nb", &[], &[], false), ["a", "b"]);
    }
}
