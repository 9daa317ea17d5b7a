//! Text of an image as the formats show it: harmless to terminals, in the direction in which it
//! stands, and not endless.

use crate::text::Sanitized;

/// `text` without control and invisible characters, at most `most` characters of it: from the middle
/// of a longer one something is left out, since a path says most at its end.
pub(super) fn shown(text: &str, most: usize) -> String {
    // Of a name of 100 kB only the ends are looked at.
    let clean = if text.chars().nth(2 * most).is_none() {
        Sanitized::from(text).to_string()
    } else {
        let front: String = text.chars().take(most).collect();
        let mut back: Vec<char> = text.chars().rev().take(most).collect();
        back.reverse();
        let back: String = back.into_iter().collect();
        format!("{}{}", Sanitized::from(front.as_str()), Sanitized::from(back.as_str()))
    };
    let length = clean.chars().count();
    if length <= most {
        return clean;
    }
    let head = most.saturating_sub(1) * 2 / 3;
    let tail = most.saturating_sub(1) - head;
    let front: String = clean.chars().take(head).collect();
    let back: String = clean.chars().skip(length - tail).collect();
    format!("{front}…{back}")
}

/// Its head alone, at most `most` characters: for sentences, which say most at their start.
pub(super) fn begun(text: &str, most: usize) -> String {
    let head: String = text.chars().take(most + 1).collect();
    let clean = Sanitized::from(head.as_str()).to_string();
    if clean.chars().count() <= most {
        return clean;
    }
    let head: String = clean.chars().take(most.saturating_sub(1)).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_harmless_and_not_endless() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}", 99), "a\\u{1b}[2J\\u{202e}");
        assert_eq!(shown(&"x".repeat(100_000), 10), "xxxxxx…xxx");
        assert_eq!(shown("0123456789", 10), "0123456789");
        assert_eq!(begun("0123456789a", 10), "012345678…");
    }
}
