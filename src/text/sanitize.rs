//! Names from an image are hostile: they may hold escape sequences, line breaks, text-direction
//! marks or no UTF-8 at all. Everything from an image that reaches a terminal goes through here.

use std::fmt;

/// Bytes from an image, printable: control characters, invisible and bidirectional formatting
/// characters as `\u{…}`, bytes that are not UTF-8 as `\xNN`. The rest is left as it is.
#[derive(Clone, Copy)]
pub struct Sanitized<'a>(pub &'a [u8]);

impl<'a> From<&'a str> for Sanitized<'a> {
    fn from(s: &'a str) -> Self {
        Self(s.as_bytes())
    }
}

impl fmt::Display for Sanitized<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    c if is_dangerous(c) => write!(f, "\\u{{{:x}}}", c as u32)?,
                    c => f.write_char(c)?,
                }
            }
            for b in chunk.invalid() {
                write!(f, "\\x{b:02x}")?;
            }
        }
        Ok(())
    }
}

/// Characters that move the cursor, hide themselves or turn the direction of the text around them.
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_cannot_reach_the_terminal() {
        assert_eq!(Sanitized(b"a\x1b[31mb\n\x9b\xff").to_string(), "a\\u{1b}[31mb\\n\\x9b\\xff");
        assert_eq!(
            Sanitized::from("x\u{202e}gnp.exe\u{9b}").to_string(),
            "x\\u{202e}gnp.exe\\u{9b}"
        );
        assert_eq!(Sanitized::from("Grüße/日本").to_string(), "Grüße/日本");
    }
}
