//! What the application's own Ruby loads: `require`, `autoload`, the gems that it activates.

use super::names::Sink;
use crate::analyze::How;

const STATEMENTS: [&str; 6] =
    ["require", "require_relative", "autoload", "gem", "load", "require_dependency"];

pub(super) fn read(text: &[u8], sink: &mut Sink) {
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let line = &line[..line.len().min(1024)];
        let Ok(line) = std::str::from_utf8(line.trim_ascii_start()) else { continue };
        let word = line.split([' ', '(', '\t']).next().unwrap_or_default();
        if !STATEMENTS.contains(&word) {
            continue;
        }
        // `autoload :Name, 'path'` has its path behind the first comma.
        let mut texts = line.split(['"', '\'']).skip(1).step_by(2);
        let plain = |name: &&str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        };
        if let Some(name) = texts.next().filter(plain).filter(|_| word != "require_relative") {
            sink.add(name.trim_end_matches(".rb"), number + 1, How::Always);
        }
    }
}
