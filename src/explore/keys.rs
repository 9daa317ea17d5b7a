//! What a person does, apart from any terminal.

/// A key press or a turn of the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    /// At column and row of the screen, from 0.
    Click(u16, u16),
    WheelUp,
    WheelDown,
}

/// The keys that do something, for the help.
pub const HELP: [(&str, &str); 17] = [
    ("↑ ↓  k j", "one line up, down; PgUp PgDn Home End as well"),
    ("→  l", "open a folder"),
    ("←  h", "close it, or go to the one around it"),
    ("Enter", "open a folder; look into a file"),
    ("Tab", "from the layers to the files and back"),
    ("/", "search: a few letters of a path"),
    ("f  F", "show only: findings, unneeded, hidden, big, setuid, changed"),
    ("s", "order by size or by name"),
    ("c", "close all folders"),
    ("!", "findings; Enter goes to the file"),
    ("w", "why the file is there, and what needs it"),
    ("x", "save the file, also one that was deleted"),
    ("a", "all layers together, as a container sees them"),
    ("0-9", "one layer"),
    ("mouse", "a click chooses, a second one opens; the wheel scrolls"),
    ("q  Esc", "back; q leaves"),
    ("marks", "! finding  u not needed  x hidden later  s setuid  + ~ - added, changed, removed"),
];
