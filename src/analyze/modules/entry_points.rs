//! The groups of plugins that an installed distribution says it belongs to (`entry_points.txt` of the entry
//! points specification).

use super::names::Sink;
use crate::analyze::How;

pub(super) fn read(text: &[u8], sink: &mut Sink) {
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let group = line.trim_ascii().strip_prefix(b"[").and_then(|l| l.strip_suffix(b"]"));
        let Some(group) = group.and_then(|g| std::str::from_utf8(g).ok()) else { continue };
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let starts = ["console_scripts", "gui_scripts"].contains(&group);
        if !starts && group.chars().all(plain) {
            sink.add(group, number + 1, How::Group);
        }
    }
}
