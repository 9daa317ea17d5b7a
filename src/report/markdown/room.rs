//! A part of a page that is only so long: what does not fit is left out whole, and said to be.

/// Bytes that are kept for saying what was left out: all names that there are, together.
pub(super) const RESERVE: usize = 300;

pub(super) struct Room {
    out: String,
    left: usize,
    missing: Vec<&'static str>,
}

impl Room {
    /// Of `bytes` in all.
    pub(super) fn new(bytes: usize) -> Self {
        Self { out: String::new(), left: bytes.saturating_sub(RESERVE), missing: Vec::new() }
    }

    /// All of it or nothing.
    pub(super) fn whole(&mut self, name: &'static str, text: &str) {
        if text.len() <= self.left {
            self.push(text);
        } else {
            self.missing.push(name);
        }
    }

    /// Something to unfold: a title, what stands above its rows, and of the rows as many as fit into
    /// half of what is left, so that the parts behind it have room too.
    pub(super) fn folded(&mut self, name: &'static str, title: &str, above: &str, rows: &[String]) {
        let open = format!("<details><summary>{title}</summary>\n\n{above}");
        let close = "\n</details>\n\n";
        let rest = |n: usize| format!("\n… and {n} more, left out for length.\n");
        let fixed = open.len() + close.len();
        let mut free = (self.left / 2).saturating_sub(fixed + rest(rows.len()).len());
        let mut fit = 0;
        for row in rows {
            if row.len() > free {
                break;
            }
            free -= row.len();
            fit += 1;
        }
        if fixed > self.left / 2 || (fit == 0 && !rows.is_empty()) {
            self.missing.push(name);
            return;
        }
        let mut text = open;
        rows[..fit].iter().for_each(|row| text.push_str(row));
        if fit < rows.len() {
            text.push_str(&rest(rows.len() - fit));
        }
        text.push_str(close);
        self.push(&text);
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.left = self.left.saturating_sub(text.len());
    }

    pub(super) fn finish(mut self) -> String {
        if !self.missing.is_empty() {
            let names = self.missing.join(", ");
            self.out.push_str(&format!("Left out for length: {names}.\n\n"));
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_whole_and_named() {
        let mut room = Room::new(RESERVE + 400);
        room.whole("the first", "first\n\n");
        room.whole("the long one", &"x".repeat(1000));
        let rows: Vec<String> = (0..100).map(|n| format!("row {n}\n")).collect();
        room.folded("the rows", "Rows", "", &rows);
        let text = room.finish();
        assert!(text.len() <= RESERVE + 400, "{}", text.len());
        assert!(text.starts_with("first\n\n<details><summary>Rows</summary>\n\nrow 0\n"), "{text}");
        assert!(text.contains("more, left out for length.\n\n</details>\n\n"), "{text}");
        assert!(text.ends_with("Left out for length: the long one.\n\n"), "{text}");
    }
}
