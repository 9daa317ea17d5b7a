//! From a keyword to a match: which part of a block a pattern's regex looks at, and what is kept.

use super::check::Candidate;
use super::judge::{begins_token, continues_token, judge};
use super::pattern::Rank;
use super::patterns::{Patterns, User};
use super::scan::{Found, MOST_MATCHES, Scan};
use super::seam;
use super::vendor_value::Beside;
use super::work::{ASKING, JUDGING};
use crate::analyze::Confidence;
use std::ops::Range;

impl Scan {
    /// A keyword of a pattern at a place: an anchored pattern is tried at once, another one when its
    /// window is complete, because windows of close keywords are one.
    pub(super) fn hit(
        &mut self,
        patterns: &Patterns,
        buffer: &[u8],
        at: Range<usize>,
        user: &User,
    ) {
        let p = user.pattern;
        if !self.active[p] {
            return;
        }
        if user.exact.as_ref().is_some_and(|k| k.as_bytes() != &buffer[at.clone()]) {
            return;
        }
        let pattern = &patterns.list()[p];
        if pattern.text_only && self.is_binary() {
            return;
        }
        let direct = pattern.beside.is_some() || pattern.anchored;
        if direct {
            let start = at.start;
            let window = start..window_end(buffer, &at, pattern.longest);
            if self.echoes.knows(p, buffer, &window) {
                return self.work.spend(ASKING);
            }
            let before = (self.found.len(), self.more);
            match &pattern.beside {
                Some(beside) => self.beside(patterns, buffer, at, (p, user.name), beside),
                None => self.anchored(patterns, buffer, p, at, window),
            }
            if before == (self.found.len(), self.more) {
                self.echoes.add(p, start);
            }
            return;
        }
        let low = at.start.saturating_sub(pattern.longest + 1);
        let high = (at.end + pattern.longest + 1).min(buffer.len());
        let window = &mut self.windows[p];
        if window.end == 0 {
            *window = low..high;
            self.touched.push(p);
        } else if low <= window.end {
            window.end = high;
        } else {
            let full = std::mem::replace(window, low..high);
            self.run(patterns, buffer, p, full, true);
        }
    }

    /// Values beside a vendor's name.
    fn beside(
        &mut self,
        patterns: &Patterns,
        buffer: &[u8],
        keyword: Range<usize>,
        (p, name): (usize, usize),
        beside: &Beside,
    ) {
        let Some(name) = beside.names[name].around(buffer, keyword) else { return };
        let Some(value) = patterns.list()[p].regex.get() else { return };
        let values = self.values.entry(p).or_default();
        let before = values.asked;
        let found = beside.find(buffer, name.clone(), &value.regex, values);
        self.work.spend((values.asked - before + 1) * ASKING);
        for (secret, confidence) in found {
            self.take(patterns, buffer, p, (name.start..secret.end, secret), Some(confidence));
        }
    }

    /// A match that begins with its keyword.
    fn anchored(
        &mut self,
        patterns: &Patterns,
        buffer: &[u8],
        p: usize,
        keyword: Range<usize>,
        window: Range<usize>,
    ) {
        let pattern = &patterns.list()[p];
        let free = pattern.inside || begins_token(buffer, keyword.start);
        if !free && !self.program {
            return;
        }
        if !free && !self.is_seam(patterns, buffer, p, &keyword) {
            return;
        }
        self.run(patterns, buffer, p, window, free);
    }

    /// Whether a token may begin within what looks like a word: strings of programs stand side by side.
    fn is_seam(
        &self,
        patterns: &Patterns,
        buffer: &[u8],
        p: usize,
        keyword: &Range<usize>,
    ) -> bool {
        let place = self.base + keyword.start as u64;
        let behind_another = self.found.iter().rev().take(8).any(|f| f.range.end == place);
        patterns.list()[p].rank == Rank::Specific
            && (behind_another || !seam::ends_in_noise(&buffer[..keyword.start]))
    }

    /// Runs a pattern's regex over a window of the buffer. `free`: its beginning is that of a word.
    pub(super) fn run(
        &mut self,
        patterns: &Patterns,
        buffer: &[u8],
        p: usize,
        window: Range<usize>,
        free: bool,
    ) {
        let pattern = &patterns.list()[p];
        let text = &buffer[window.clone()];
        let Some(expression) = pattern.regex.get() else { return };
        self.work.spend(ASKING + text.len() / if pattern.anchored { 4 } else { 1 });
        // Most windows hold no match: asking whether is cheaper than asking where.
        if !expression.regex.is_match(text) {
            return;
        }
        for captures in expression.regex.captures_iter(text) {
            let (Some(whole), Some(secret)) = (captures.get(0), expression.secret(&captures))
            else {
                continue;
            };
            self.work.spend(20 * whole.len());
            let place = |m: regex::bytes::Match| window.start + m.start()..window.start + m.end();
            let (mut whole, mut secret) = (place(whole), place(secret));
            if pattern.anchored && self.program {
                let Some(end) = seam::end(pattern, buffer, whole.clone(), free) else { continue };
                whole.end = end;
                secret.end = secret.end.min(end);
                if secret.is_empty() {
                    continue;
                }
            } else if pattern.anchored && continues_token(buffer, whole.end) {
                continue;
            }
            self.take(patterns, buffer, p, (whole, secret), None);
            if self.work.is_spent() {
                return;
            }
        }
    }

    /// Keeps a match, given as the whole and its secret, if the evidence bears it. `most`: no surer
    /// than this.
    fn take(
        &mut self,
        patterns: &Patterns,
        buffer: &[u8],
        p: usize,
        (whole, secret): (Range<usize>, Range<usize>),
        most: Option<Confidence>,
    ) {
        let range = self.base + secret.start as u64..self.base + secret.end as u64;
        if range.start < self.state[p].end {
            return;
        }
        self.work.spend(JUDGING);
        let pattern = &patterns.list()[p];
        let line = match pattern.allow.lists.is_empty() {
            true => whole.clone(),
            false => line_around(buffer, &whole),
        };
        let candidate = Candidate {
            path: &self.path,
            line: &buffer[line],
            length: whole.len(),
            before: &buffer[whole.start.saturating_sub(48)..whole.start],
            secret: &buffer[secret.clone()],
            matched: &buffer[whole.start..(whole.end + 128).min(buffer.len())],
            at: secret.start - whole.start,
            place: self.place,
            binary: self.is_binary(),
            generic: pattern.rank == Rank::Generic,
        };
        let Some(confidence) = judge(pattern, &candidate, &patterns.published) else {
            return;
        };
        let state = &mut self.state[p];
        if (state.found, state.end) == (0, 0) {
            self.met.push(p);
        }
        state.end = range.end;
        if state.found >= MOST_MATCHES {
            self.more += 1;
            return;
        }
        state.found += 1;
        let line = self.line_of(buffer, secret.start);
        self.found.push(Found {
            pattern: p,
            range,
            line,
            confidence: most.map_or(confidence, |m| m.min(confidence)),
            secret: buffer[secret].to_vec(),
            inside: None,
        });
    }
}

/// Where the text ends that a match beginning with this keyword can have.
fn window_end(buffer: &[u8], keyword: &Range<usize>, longest: usize) -> usize {
    let end = (keyword.start + longest + 1).min(buffer.len());
    // No key holds the beginning of another one: only the last mark before an end can be its own.
    let mark = &buffer[keyword.clone()];
    let next = match memchr::memmem::find(mark, b"BEGIN ") {
        Some(_) => memchr::memmem::find(buffer.get(keyword.end..end).unwrap_or_default(), mark),
        None => None,
    };
    next.map_or(end, |at| keyword.end + at)
}

/// The lines that a match stands on, as far as the buffer has them.
fn line_around(buffer: &[u8], whole: &Range<usize>) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &buffer[..whole.start]).map_or(0, |at| at + 1);
    let end = memchr::memchr(b'\n', &buffer[whole.end..]);
    start..end.map_or(buffer.len(), |at| whole.end + at)
}
