//! The commands of a RUN, as far as they can be told apart without a shell.
//!
//! Where a line does more than run one command after another, it is not taken apart.

/// What stands before a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    First,
    /// `&&`
    And,
    /// `;`
    Then,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub joint: Joint,
    /// As written, trimmed.
    pub text: String,
    /// Without quotes; empty where the words cannot be told.
    pub words: Vec<String>,
}

/// Words with which a shell does more than run commands one after another.
const CONTROL: [&str; 14] = [
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "{",
    "}",
];

/// The commands of one line in their order; `None` where there are loops, conditions, groups or
/// here-documents. A pipe, `||` and a subshell stay within their command.
pub fn commands(line: &str) -> Option<Vec<Command>> {
    let mut out: Vec<Command> = Vec::new();
    let mut joint = Joint::First;
    let mut begin = 0;
    let mut depth = 0_u32;
    let mut quote = None;
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let b = bytes[at];
        match (quote, b) {
            (Some(b'\''), b'\'') => quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') => at += 1,
            (Some(q), _) if b == q => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"' | b'`') => quote = Some(b),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.checked_sub(1)?,
            (None, b'<') if bytes.get(at + 1) == Some(&b'<') => return None,
            (None, b'&') if depth == 0 && bytes.get(at + 1) == Some(&b'&') => {
                push(&mut out, joint, &line[begin..at])?;
                (joint, begin) = (Joint::And, at + 2);
                at += 1;
            }
            (None, b';') if depth == 0 => {
                push(&mut out, joint, &line[begin..at])?;
                (joint, begin) = (Joint::Then, at + 1);
            }
            _ => {}
        }
        at += 1;
    }
    if quote.is_some() || depth > 0 {
        return None;
    }
    push(&mut out, joint, &line[begin..])?;
    Some(out)
}

fn push(out: &mut Vec<Command>, joint: Joint, text: &str) -> Option<()> {
    let text = text.trim();
    if text.is_empty() {
        // A `;` at the end.
        return Some(());
    }
    let first = text.split_whitespace().next().unwrap_or_default();
    if CONTROL.contains(&first) {
        return None;
    }
    let plain = !text.contains(['|', '`', '>', '<', '&']) && !text.contains("$(");
    let words = if plain { shlex::split(text).unwrap_or_default() } else { Vec::new() };
    let joint = if out.is_empty() { Joint::First } else { joint };
    out.push(Command { joint, text: text.to_owned(), words });
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart() {
        for (line, want) in [
            ("a && b; c", Some(vec!["a", "b", "c"])),
            ("echo 'x && y' && z", Some(vec!["echo 'x && y'", "z"])),
            ("echo \"a;b\" ;", Some(vec!["echo \"a;b\""])),
            ("(cd x && make) && y", Some(vec!["(cd x && make)", "y"])),
            ("curl x | sh && y", Some(vec!["curl x | sh", "y"])),
            ("a || b && c", Some(vec!["a || b", "c"])),
            ("echo $(a && b) && c", Some(vec!["echo $(a && b)", "c"])),
            ("if x; then y; fi", None),
            ("cat <<EOF", None),
            ("echo 'a", None),
            ("a) && b", None),
            ("echo a\\;b", Some(vec!["echo a\\;b"])),
        ] {
            let got = commands(line);
            let got = got.as_ref().map(|c| c.iter().map(|c| c.text.as_str()).collect::<Vec<_>>());
            assert_eq!(got, want, "{line}");
        }
    }

    #[test]
    fn words_are_given_where_they_are_sure() {
        let got = commands("pip install -r 'my req.txt' && a > b").unwrap();
        assert_eq!(got[0].words, ["pip", "install", "-r", "my req.txt"]);
        assert!(got[1].words.is_empty());
        assert_eq!(got[1].joint, Joint::And);
    }
}
