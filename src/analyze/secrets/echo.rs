//! Text that repeats itself: what stands around a keyword was searched a moment ago and gave nothing.
//!
//! Compares the bytes themselves, so that nothing can be made to look like what it is not.

use std::ops::Range;

/// Hits of a pattern that are remembered.
const RECENT: usize = 4;
/// Bytes before and behind a window that judging a match looks at.
pub(super) const BEFORE: usize = 256;
pub(super) const BEHIND: usize = 256;

#[derive(Default)]
pub(super) struct Echoes {
    /// For each pattern, where in the buffer its last hits without a match began; 0 for none.
    recent: Vec<[u32; RECENT]>,
    touched: Vec<usize>,
}

impl Echoes {
    pub fn new(patterns: usize) -> Self {
        Self { recent: vec![[0; RECENT]; patterns], touched: Vec::new() }
    }

    /// Begins a new block.
    pub fn begin(&mut self) {
        for p in self.touched.drain(..) {
            self.recent[p] = [0; RECENT];
        }
    }

    /// Whether the window of this pattern, and what stands around it, is that of a hit that gave nothing.
    pub fn knows(&self, pattern: usize, buffer: &[u8], window: &Range<usize>) -> bool {
        let Some(from) = window.start.checked_sub(BEFORE) else { return false };
        let Some(text) = buffer.get(from..window.end + BEHIND) else { return false };
        self.recent[pattern].iter().any(|&start| {
            let start = start as usize;
            start
                .checked_sub(BEFORE)
                .and_then(|from| buffer.get(from..from + text.len()))
                .is_some_and(|earlier| earlier == text)
        })
    }

    /// A hit at this place gave nothing.
    pub fn add(&mut self, pattern: usize, start: usize) {
        let recent = &mut self.recent[pattern];
        if recent[0] == 0 {
            self.touched.push(pattern);
        }
        recent.rotate_right(1);
        recent[0] = start as u32;
    }
}
