//! JSON whose strings look like what they are: characters that move a cursor, hide themselves or turn the
//! direction of a text stand as `\u` escapes, which every reader of JSON takes for the same characters.

use super::sanitize::is_dangerous;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// On one line.
///
/// # Errors
///
/// A document that JSON cannot say, such as a map whose keys are no text.
pub fn compact<T: Serialize + ?Sized>(document: &T) -> Result<String, serde_json::Error> {
    written(document, CompactFormatter)
}

/// A field or an element a line.
///
/// # Errors
///
/// A document that JSON cannot say.
pub fn pretty<T: Serialize + ?Sized>(document: &T) -> Result<String, serde_json::Error> {
    written(document, PrettyFormatter::new())
}

fn written<T: Serialize + ?Sized>(
    document: &T,
    form: impl Formatter,
) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    document.serialize(&mut Serializer::with_formatter(&mut out, Escaped(form)))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Another form, but for what stands in strings.
struct Escaped<F>(F);

impl<F: Formatter> Formatter for Escaped<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_dangerous(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        let text = "a\u{7f}b\u{9b}c\u{202e}d\u{e0041}e\u{feff}\n\u{1b}[2J\"\\ Grüße 日本";
        let document = json!({ (text): [text, 1, null], "empty": {}, "none": [] });
        for written in [compact(&document).unwrap(), pretty(&document).unwrap()] {
            assert!(!written.chars().any(|c| is_dangerous(c) && c != '\n'), "{written:?}");
            assert!(written.contains("\\u202ed\\udb40\\udc41e") && written.contains("Grüße 日本"));
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), document);
        }
        let plain = json!({ "a": [1, { "b": "c" }], "d": [], "e": {} });
        assert_eq!(pretty(&plain).unwrap(), serde_json::to_string_pretty(&plain).unwrap());
        assert_eq!(compact(&plain).unwrap(), plain.to_string());
    }
}
