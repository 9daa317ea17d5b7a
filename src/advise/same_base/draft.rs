//! A Dockerfile that is being rewritten: its instructions, each with its text as it is to be.
//!
//! What is not touched stays byte for byte. Must not know why anything changes.

use crate::dockerfile::{self, Command, Kind, Step};
use std::fmt::Write;

pub(super) struct Draft {
    source: String,
    /// Of the last stage, without its FROM.
    pub slots: Vec<Slot>,
    head: usize,
}

pub(super) struct Slot {
    step: Step,
    /// `None`: as it was; empty: gone.
    new: Option<String>,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Draft {
    /// `None` if the text is no Dockerfile.
    pub fn new(text: &str) -> Option<Self> {
        let steps = dockerfile::parse(text).ok()?;
        let from = steps.iter().rposition(|s| matches!(s.kind, Kind::From { .. }))?;
        let slot = |step: &Step| Slot {
            step: step.clone(),
            new: None,
            before: Vec::new(),
            after: Vec::new(),
        };
        Some(Self {
            source: text.to_owned(),
            slots: steps[from + 1..].iter().map(slot).collect(),
            head: steps[from].range.end,
        })
    }

    pub fn render(&self) -> String {
        let mut out = self.source[..self.head].to_owned();
        let mut at = self.head;
        for slot in &self.slots {
            let gap = &self.source[at..slot.step.range.start];
            at = slot.step.range.end;
            let own = match &slot.new {
                None => &self.source[slot.step.range.clone()],
                Some(text) => text.as_str(),
            };
            if own.is_empty() && slot.before.is_empty() && slot.after.is_empty() {
                out.push_str(gap.strip_suffix('\n').unwrap_or(gap));
                continue;
            }
            out.push_str(gap);
            let lines = slot.before.iter().map(String::as_str).chain([own]);
            let lines = lines.chain(slot.after.iter().map(String::as_str));
            let lines: Vec<&str> = lines.filter(|l| !l.is_empty()).collect();
            out.push_str(&lines.join("\n"));
        }
        out.push_str(&self.source[at..]);
        if !out.ends_with('\n') {
            out.push('\n');
        }
        out
    }
}

impl Slot {
    pub fn kind(&self) -> &Kind {
        &self.step.kind
    }

    pub fn is_gone(&self) -> bool {
        self.new.as_ref().is_some_and(String::is_empty)
    }

    pub fn remove(&mut self) {
        self.new = Some(String::new());
    }

    pub fn set(&mut self, text: String) {
        self.new = Some(text);
    }

    /// The commands of a RUN as they are now, where they can be told apart.
    pub fn commands(&self) -> Option<Vec<Command>> {
        match self.kind() {
            Kind::Run { line: Some(line), .. } if !self.is_gone() => dockerfile::commands(line),
            _ => None,
        }
    }

    pub fn options(&self) -> &[String] {
        match self.kind() {
            Kind::Run { options, .. } => options,
            _ => &[],
        }
    }

    /// Changes what a RUN runs, or its options.
    pub fn set_run(&mut self, options: Vec<String>, commands: &[Command]) {
        let mut text = "RUN ".to_owned();
        for option in &options {
            let _ = write!(text, "{option} ");
        }
        if commands.len() > 1 && !options.is_empty() {
            text.push_str("\\\n    ");
        }
        for (n, command) in commands.iter().enumerate() {
            let joint = match (n, command.joint) {
                (0, _) => "",
                (_, dockerfile::Joint::Then) => " \\\n ; ",
                _ => " \\\n && ",
            };
            let _ = write!(text, "{joint}{}", command.text);
        }
        let line: Vec<&str> = commands.iter().map(|c| c.text.as_str()).collect();
        self.step.kind = Kind::Run { options, line: Some(line.join(" && ")) };
        self.new = Some(text);
    }

    /// Adds an option to a RUN or COPY, once.
    pub fn add_option(&mut self, source: &str, option: &str) {
        let now = match &self.new {
            Some(text) => text.clone(),
            None => source[self.step.range.clone()].to_owned(),
        };
        let Some((keyword, rest)) = now.split_once(char::is_whitespace) else { return };
        if now.contains(option) {
            return;
        }
        self.new = Some(format!("{keyword} {option} {}", rest.trim_start()));
        if let Kind::Run { options, .. } | Kind::Copy { options, .. } = &mut self.step.kind {
            options.push(option.to_owned());
        }
    }
}

impl Draft {
    /// An instruction as it is to be.
    pub fn text(&self, slot: usize) -> String {
        let slot = &self.slots[slot];
        slot.new.clone().unwrap_or_else(|| self.source[slot.step.range.clone()].to_owned())
    }

    pub fn add_option(&mut self, slot: usize, option: &str) {
        let source = std::mem::take(&mut self.source);
        self.slots[slot].add_option(&source, option);
        self.source = source;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_stays() {
        let text = "# top\nFROM a\n# one\nRUN x\n\n# two\nRUN y  \nCMD z";
        let mut draft = Draft::new(text).unwrap();
        assert_eq!(draft.render(), format!("{text}\n"));
        draft.slots[0].remove();
        draft.slots[1].after.push("RUN w".into());
        draft.add_option(1, "--mount=type=tmpfs,target=/x");
        assert_eq!(
            draft.render(),
            "# top\nFROM a\n# one\n\n# two\nRUN --mount=type=tmpfs,target=/x y\nRUN w  \nCMD z\n"
        );
    }
}
