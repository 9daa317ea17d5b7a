//! Text as a SARIF message has it (3.11): not all of it is literal.

/// `text` so that no part of it is read as a link, `[text](target)` (3.11.6), or as the place of an
/// argument, `{0}` (3.11.5). Viewers differ in whether they undo the standard's escapes, so a space
/// parts what would be read together.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if (before == ']' && c == '(') || (before == '{' && is_number(&text[at..])) {
            out.push(' ');
        }
        out.push(c);
        before = c;
    }
    out
}

/// Digits up to a closing brace.
fn is_number(rest: &str) -> bool {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && rest.as_bytes().get(digits) == Some(&b'}')
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_name_makes_neither_link_nor_argument() {
        assert_eq!(literal("/a/[x](http://evil)/{0}.txt"), "/a/[x] (http://evil)/{ 0}.txt");
        assert_eq!(literal("a[0] = {x} {1b} {"), "a[0] = {x} {1b} {");
    }
}
