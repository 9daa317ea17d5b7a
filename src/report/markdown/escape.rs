//! Text of an image within Markdown, so that it is text and nothing else: no markup, no HTML, no cell of
//! a table, no link, and nobody is called.

use crate::text::Sanitized;

/// Hexadecimal digits from which on GitHub and GitLab look for a commit.
const COMMIT: usize = 7;

/// Text as it stands, in a fixed width: names, paths, commands. Within `code` neither GitHub nor GitLab
/// looks for people, issues or commits.
pub(in crate::report) fn literal(text: &str) -> String {
    format!("<code>{}</code>", escaped(text, false))
}

/// A sentence in which text of an image may stand.
pub(in crate::report) fn prose(text: &str) -> String {
    escaped(text, true)
}

/// Whatever means something to Markdown becomes the number of its character. Signs by which GitHub and
/// GitLab call people and issues are looked for in what is shown, after all that, so each stands in an
/// element of its own. So does, outside of `code` (`words`), what else would make a link: the hyphen of `GH-1`, and now and then a
/// digit of what could be the id of a commit.
fn escaped(text: &str, words: bool) -> String {
    let clean = Sanitized::from(text).to_string();
    let mut out = String::with_capacity(clean.len());
    let mut before = ' ';
    let mut digits = 0;
    let mut chars = clean.chars().peekable();
    while let Some(c) = chars.next() {
        digits = if c.is_ascii_hexdigit() { digits + 1 } else { 0 };
        match c {
            '-' if words
                && before.is_ascii_alphanumeric()
                && chars.peek().is_some_and(char::is_ascii_digit) =>
            {
                out.push_str("<span>-</span>");
            }
            _ if words && digits == COMMIT => {
                out.push_str(&format!("<span>{c}</span>"));
                digits = 0;
            }
            '@' | '#' | '!' | '%' | '&' | '~' | '^' | '$' => {
                out.push_str(&format!("<span>&#{};</span>", c as u32));
            }
            // Only at `www.` and `://` does a link begin by itself.
            '.' if !matches!(before, 'w' | 'W') => out.push(c),
            ':' if chars.peek() != Some(&'/') => out.push(c),
            // The rest of a path and of a sentence is harmless within a line, and reads better plain.
            ' ' | '/' | '-' | ',' | '(' | ')' | '=' | '+' | ';' | '?' | '\'' | '"' | '{' | '}' => {
                out.push(c);
            }
            c if c.is_ascii_punctuation() => out.push_str(&format!("&#{};", c as u32)),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// A block of code (CommonMark 4.5), its fence longer than any run of backticks in it.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|l| Sanitized::from(l).to_string()).collect();
    let body = lines.join("\n");
    let mut longest = 0;
    let mut run = 0;
    for c in body.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{body}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_markup() {
        assert_eq!(literal("a|b`c`<b>\n"), "<code>a&#124;b&#96;c&#96;&#60;b&#62;&#92;n</code>");
        assert_eq!(prose("see @you"), "see <span>&#64;</span>you");
        assert_eq!(prose("www.evil.example: a"), "www&#46;evil.example: a");
        assert_eq!(prose("http://a"), "http&#58;//a");
        assert_eq!(prose("see GH-1, T-12"), "see GH<span>-</span>1, T<span>-</span>12");
        assert_eq!(prose("build-essential abcdef"), "build-essential abcdef");
        assert_eq!(literal("GH-1 0123456789"), "<code>GH-1 0123456789</code>");
    }

    /// No run of what is shown between two elements is long enough to be a commit's id.
    #[test]
    fn a_commit_is_not_found() {
        let id = "0123456789abcdef0123456789ABCDEF01234567";
        let text = prose(&format!("at {id}."));
        assert_eq!(text.replace("<span>", "").replace("</span>", ""), format!("at {id}."));
        let runs = text.split(|c: char| !c.is_ascii_hexdigit());
        assert!(runs.map(str::len).max() < Some(COMMIT), "{text}");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("x", "a\u{1b}\nb"), "```x\na\\u{1b}\nb\n```\n");
        assert!(fenced("", "````` `").starts_with("``````\n"));
    }
}
