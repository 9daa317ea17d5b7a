//! Text and the columns that it takes.

use unicode_width::UnicodeWidthChar;

/// Columns of one character, never too few: U+FE0F turns the one before it into a wide emoji.
fn width(c: char) -> usize {
    match c {
        '\u{fe0f}' => 1,
        c => c.width().unwrap_or(1),
    }
}

pub(crate) fn columns(s: &str) -> usize {
    s.chars().map(width).sum()
}

/// The longest head of `s` that takes at most `max` columns.
pub(crate) fn head(s: &str, max: usize) -> &str {
    let mut used = 0;
    for (i, c) in s.char_indices() {
        used += width(c);
        if used > max {
            return &s[..i];
        }
    }
    s
}

/// The longest tail of `s` that takes at most `max` columns.
fn tail(s: &str, max: usize) -> &str {
    let mut used = 0;
    for (i, c) in s.char_indices().rev() {
        used += width(c);
        if used > max {
            return &s[i + c.len_utf8()..];
        }
    }
    s
}

/// Cuts the end off: for sentences and instructions, which say most at their start.
pub(crate) fn cut(s: &str, max: usize) -> String {
    if columns(s) <= max {
        return s.to_owned();
    }
    match max {
        0 => String::new(),
        _ => format!("{}…", head(s, max - 1).trim_end()),
    }
}

/// Cuts the middle out: for paths, which say most at their end.
pub(crate) fn squeeze(s: &str, max: usize) -> String {
    if columns(s) <= max {
        return s.to_owned();
    }
    match max {
        0 => String::new(),
        1 => "…".to_owned(),
        _ => {
            let front = (max - 1) / 3;
            format!("{}…{}", head(s, front), tail(s, max - 1 - front))
        }
    }
}

/// Breaks at spaces into lines of at most `max` columns; a longer word is broken anywhere.
pub(crate) fn wrap(s: &str, max: usize) -> Vec<String> {
    let max = max.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in s.split_whitespace() {
        let mut word = word;
        let gap = usize::from(!line.is_empty());
        // No more of a long word than shows that it does not fit.
        if !line.is_empty() && columns(&line) + gap + columns(head(word, max + 1)) > max {
            lines.push(std::mem::take(&mut line));
        }
        loop {
            let part = head(word, max);
            if part.len() == word.len() {
                break;
            }
            lines.push(part.to_owned());
            word = &word[part.len()..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn shortens_where_it_hurts_least() {
        assert_eq!(cut("RUN apt-get update", 10), "RUN apt-g…");
        assert_eq!(squeeze("/usr/share/doc/readme", 13), "/usr…c/readme");
        assert_eq!(squeeze("日本語のファイル", 7), "日…イル");
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
    }

    proptest! {
        #[test]
        fn never_wider_than_asked(s in ".{0,60}", max in 2usize..40) {
            prop_assert!(columns(&cut(&s, max)) <= max);
            prop_assert!(columns(&squeeze(&s, max)) <= max);
            prop_assert!(cut(&s, max).width() <= max);
            prop_assert!(squeeze(&s, max).width() <= max);
            for line in wrap(&s, max) {
                prop_assert!(columns(&line) <= max);
            }
        }
    }
}
