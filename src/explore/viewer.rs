//! A file's beginning as text or as bytes. Secrets that were found in it are masked.

use crate::pipeline::explore::{Beginning, OpenImage};
use crate::text::{Bytes, Sanitized};

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
    pub fn new(title: String, file: &Beginning, secrets: &KnownSecrets, open: &OpenImage) -> Self {
        let binary = file.bytes.iter().take(8192).any(|&b| b == 0);
        let shown = file.bytes.len() as u64;
        let mut note = if shown < file.size {
            format!("the first {} of {}", Bytes(shown), Bytes(file.size))
        } else {
            Bytes(file.size).to_string()
        };
        let clear = open.reveals();
        let has_secret = secrets.inside || !secrets.lines.is_empty();
        let text = if secrets.inside && !clear {
            vec![
                "A secret stands in this file in a form that cannot be masked.".to_owned(),
                "`careen explore --reveal` shows it.".to_owned(),
            ]
        } else {
            let whole = open.masked(&String::from_utf8_lossy(&file.bytes));
            let line = |(i, line): (usize, &str)| {
                let number = u32::try_from(i + 1).unwrap_or(u32::MAX);
                if !clear && secrets.lines.contains(&number) {
                    return "‹a secret was found in this line›".to_owned();
                }
                let tabs = line.trim_end_matches('\r').replace('\t', "    ");
                Sanitized::from(tabs.as_str()).to_string()
            };
            whole.split('\n').enumerate().map(line).collect()
        };
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
