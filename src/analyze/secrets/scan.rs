//! One file, or one text, as it streams by.
//!
//! Bytes are gathered into blocks that begin and end at the same places of the file however it was
//! cut into chunks, so the result cannot depend on the chunks. Neighbouring blocks overlap by the
//! longest match on both sides; every keyword belongs to exactly one block, and a match that two
//! blocks find around two keywords is kept once.

use super::check::{Candidate, Verdict};
use super::evidence::{entropy, is_placeholder};
use super::pattern::{Pattern, Rank};
use super::patterns::{Patterns, User};
use super::prefilter::Hit;
use crate::analyze::Confidence;
use crate::text::fingerprint;
use std::ops::Range;

/// Of what is searched at once; at least four times the margin, so that overlaps stay cheap.
const BLOCK: usize = 256 * 1024;
/// A file with a NUL byte in this much of its head is binary, as `grep` and `git` have it.
const HEAD: usize = 8 * 1024;
/// Of one pattern in one file.
pub(super) const MOST_MATCHES: u32 = 100;

/// A match that the evidence did not dismiss.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub pattern: usize,
    /// Of the secret, in the file as searched (for UTF-16: in code units behind the mark).
    pub range: Range<u64>,
    /// From 1.
    pub line: u32,
    pub confidence: Confidence,
    pub secret: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Text,
    Binary,
    /// Little or big endian. Searched as one byte a unit; what is not ASCII becomes 0xff.
    Utf16 {
        big: bool,
    },
}

#[derive(Clone, Copy, Default)]
struct PatternState {
    found: u32,
    /// End of the last match.
    end: u64,
}

pub(super) struct Scan {
    block: usize,
    margin: usize,
    buffer: Vec<u8>,
    /// Place of `buffer[0]` in the file as searched.
    base: u64,
    /// Where in `buffer` the bytes begin whose keywords no earlier block has seen.
    own: usize,
    /// Line ends before `buffer[own]`.
    lines: u64,
    form: Option<Form>,
    /// The first byte of a UTF-16 unit whose second is in the next chunk.
    odd: Option<u8>,
    path: Option<Vec<u8>>,
    active: Vec<bool>,
    state: Vec<PatternState>,
    windows: Vec<Range<usize>>,
    touched: Vec<usize>,
    hits: Vec<Hit>,
    found: Vec<Found>,
    capped: bool,
}

/// What one file gave.
pub(super) struct Outcome {
    /// In order of place, no two on the same bytes.
    pub found: Vec<Found>,
    /// A pattern matched more often than is kept.
    pub capped: bool,
    pub form: Form,
}

impl Scan {
    pub fn new(patterns: &Patterns) -> Self {
        Self::with_block(patterns, BLOCK)
    }

    pub fn with_block(patterns: &Patterns, block: usize) -> Self {
        let n = patterns.list().len();
        Self {
            block: block.max(4 * patterns.margin).max(HEAD + 2),
            margin: patterns.margin,
            buffer: Vec::new(),
            base: 0,
            own: 0,
            lines: 0,
            form: None,
            odd: None,
            path: None,
            active: vec![true; n],
            state: vec![PatternState::default(); n],
            windows: vec![0..0; n],
            touched: Vec::new(),
            hits: Vec::new(),
            found: Vec::new(),
            capped: false,
        }
    }

    /// Starts anew. `form`: known already, or `None` to look at the head.
    pub fn begin(&mut self, patterns: &Patterns, path: Option<&[u8]>, form: Option<Form>) {
        self.buffer.clear();
        self.base = 0;
        self.own = 0;
        self.lines = 0;
        self.form = form;
        self.odd = None;
        self.path = path.map(<[u8]>::to_vec);
        self.state.fill(PatternState::default());
        self.found.clear();
        self.capped = false;
        for &p in &patterns.bound {
            let globs = patterns.list()[p].path.as_ref();
            self.active[p] = match (path, globs) {
                (Some(path), Some(globs)) => globs.is_match(as_path(path).as_ref()),
                _ => false,
            };
        }
    }

    pub fn feed(&mut self, patterns: &Patterns, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.block - self.buffer.len();
            bytes = match self.form {
                Some(Form::Utf16 { big }) => self.take_utf16(bytes, room, big),
                _ => {
                    let (now, later) = bytes.split_at(room.min(bytes.len()));
                    self.buffer.extend_from_slice(now);
                    later
                }
            };
            if self.form.is_none() && self.buffer.len() >= HEAD {
                self.decide();
            }
            if self.buffer.len() >= self.block {
                self.search(patterns, false);
            }
        }
    }

    pub fn end(&mut self, patterns: &Patterns) -> Outcome {
        if self.form.is_none() {
            self.decide();
        }
        self.search(patterns, true);
        Outcome {
            found: without_overlaps(std::mem::take(&mut self.found), patterns.list()),
            capped: self.capped,
            form: self.form.unwrap_or(Form::Text),
        }
    }

    /// Text, binary or UTF-16, from the head in the buffer.
    fn decide(&mut self) {
        let head = &self.buffer[..self.buffer.len().min(HEAD)];
        let form = match utf16_of(head) {
            Some(big) => Form::Utf16 { big },
            None if memchr::memchr(0, head).is_some() => Form::Binary,
            None => Form::Text,
        };
        self.form = Some(form);
        if let Form::Utf16 { big } = form {
            let raw = std::mem::take(&mut self.buffer);
            self.take_utf16(&raw, self.block, big);
        }
    }

    /// Adds up to `room` units; gives back what is left.
    fn take_utf16<'b>(&mut self, bytes: &'b [u8], room: usize, big: bool) -> &'b [u8] {
        let mut rest = bytes;
        let mut room = room;
        let narrow = |a: u8, b: u8| {
            let (high, low) = if big { (a, b) } else { (b, a) };
            if high == 0 && low < 0x80 { low } else { 0xff }
        };
        if let (Some(first), Some((&second, later))) = (self.odd, rest.split_first()) {
            self.buffer.push(narrow(first, second));
            self.odd = None;
            rest = later;
            room -= 1;
        }
        let units = (rest.len() / 2).min(room);
        let (now, later) = rest.split_at(units * 2);
        self.buffer.extend(now.chunks_exact(2).map(|u| narrow(u[0], u[1])));
        match later {
            [last] if units < room => {
                self.odd = Some(*last);
                &[]
            }
            _ => later,
        }
    }

    /// Searches the buffer; keeps its end for the next block unless it is the last.
    fn search(&mut self, patterns: &Patterns, last: bool) {
        let until = if last { self.buffer.len() } else { self.buffer.len() - self.margin };
        let from = self.own.min(until);
        let index = if self.form == Some(Form::Binary) { &patterns.binary } else { &patterns.text };
        let mut hits = std::mem::take(&mut self.hits);
        let buffer = std::mem::take(&mut self.buffer);
        hits.clear();
        index.prefilter.hits(&buffer, from, until, &mut hits);
        for hit in &hits {
            let start = hit.start as usize;
            let keyword = &index.keywords[hit.keyword as usize];
            for user in &index.users[hit.keyword as usize] {
                self.hit(patterns, &buffer, start..start + keyword.len(), user);
            }
        }
        for p in std::mem::take(&mut self.touched) {
            let window = std::mem::replace(&mut self.windows[p], 0..0);
            self.run(patterns, &buffer, p, window);
        }
        for &p in &patterns.bound {
            let pattern = &patterns.list()[p];
            if self.active[p] && pattern.keywords.is_empty() {
                let window = from.saturating_sub(pattern.longest + 1)
                    ..(until + pattern.longest + 1).min(buffer.len());
                self.run(patterns, &buffer, p, window);
            }
        }
        self.hits = hits;
        self.buffer = buffer;
        if !last {
            self.lines += memchr::memchr_iter(b'\n', &self.buffer[from..until]).count() as u64;
            let drop = until.saturating_sub(self.margin);
            self.buffer.copy_within(drop.., 0);
            self.buffer.truncate(self.buffer.len() - drop);
            self.base += drop as u64;
            self.own = until - drop;
        }
    }

    /// A keyword of a pattern at a place: an anchored pattern is tried at once, another one when its
    /// window is complete, because windows of close keywords are one.
    fn hit(&mut self, patterns: &Patterns, buffer: &[u8], at: Range<usize>, user: &User) {
        let p = user.pattern;
        if !self.active[p] || self.state[p].found >= MOST_MATCHES && self.capped {
            return;
        }
        if user.exact.as_ref().is_some_and(|k| k.as_bytes() != &buffer[at.clone()]) {
            return;
        }
        let pattern = &patterns.list()[p];
        if let Some(beside) = &pattern.beside {
            let Some(value) = pattern.regex.get() else { return };
            for (secret, confidence) in beside.find(buffer, at.clone(), &value.regex) {
                self.take(patterns, buffer, p, (at.start..secret.end, secret), Some(confidence));
            }
            return;
        }
        if pattern.anchored {
            if pattern.inside || begins_token(buffer, at.start) {
                let end = (at.start + pattern.longest + 1).min(buffer.len());
                self.run(patterns, buffer, p, at.start..end);
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
            self.run(patterns, buffer, p, full);
        }
    }

    /// Runs a pattern's regex over a window of the buffer.
    fn run(&mut self, patterns: &Patterns, buffer: &[u8], p: usize, window: Range<usize>) {
        let pattern = &patterns.list()[p];
        let text = &buffer[window.clone()];
        let Some(expression) = pattern.regex.get() else { return };
        // Most windows hold no match: asking whether is cheaper than asking where.
        if !expression.regex.is_match(text) {
            return;
        }
        for captures in expression.regex.captures_iter(text) {
            let (Some(whole), Some(secret)) = (captures.get(0), captures.get(expression.group))
            else {
                continue;
            };
            if pattern.anchored && continues_token(text, whole.end()) {
                continue;
            }
            let place = |m: regex::bytes::Match| window.start + m.start()..window.start + m.end();
            if !self.take(patterns, buffer, p, (place(whole), place(secret)), None) {
                return;
            }
        }
    }

    /// Keeps a match, given as the whole and its secret, if the evidence bears it. `most`: no surer
    /// than this. `false` if no more of its pattern are kept.
    fn take(
        &mut self,
        patterns: &Patterns,
        buffer: &[u8],
        p: usize,
        (whole, secret): (Range<usize>, Range<usize>),
        most: Option<Confidence>,
    ) -> bool {
        let range = self.base + secret.start as u64..self.base + secret.end as u64;
        if range.start < self.state[p].end {
            return true;
        }
        let candidate = Candidate {
            before: &buffer[whole.start.saturating_sub(48)..whole.start],
            secret: &buffer[secret.clone()],
            matched: &buffer[whole.start..(whole.end + 128).min(buffer.len())],
            at: secret.start - whole.start,
            path: self.path.as_deref(),
        };
        let Some(confidence) = judge(&patterns.list()[p], &candidate) else {
            return true;
        };
        let state = &mut self.state[p];
        state.end = range.end;
        if state.found >= MOST_MATCHES {
            self.capped = true;
            return false;
        }
        state.found += 1;
        let line = self.line_of(buffer, secret.start);
        self.found.push(Found {
            pattern: p,
            range,
            line,
            confidence: most.map_or(confidence, |m| m.min(confidence)),
            secret: buffer[secret].to_vec(),
        });
        true
    }

    /// The line of a place in the buffer, from 1.
    fn line_of(&self, buffer: &[u8], at: usize) -> u32 {
        let breaks =
            |range: Range<usize>| memchr::memchr_iter(b'\n', &buffer[range]).count() as u64;
        let line = if at >= self.own {
            self.lines + breaks(self.own..at)
        } else {
            self.lines - breaks(at..self.own)
        };
        u32::try_from(line + 1).unwrap_or(u32::MAX)
    }
}

/// Whether a token may begin at `at`: no letter, digit or `_` stands before it, other than the end of
/// an escape (`\n`, `\t`, `%3D`, `\u003d`).
fn begins_token(buffer: &[u8], at: usize) -> bool {
    let before = &buffer[at.saturating_sub(6)..at];
    match before {
        [.., b'\\', b'n' | b't' | b'r'] => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [b'\\', b'u', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit) => true,
        _ if !buffer.get(at).is_some_and(u8::is_ascii_alphanumeric) => true,
        [.., last] => !(last.is_ascii_alphanumeric() || *last == b'_'),
        [] => true,
    }
}

fn continues_token(text: &[u8], end: usize) -> bool {
    text.get(end).is_some_and(u8::is_ascii_alphanumeric)
        && text.get(end - 1).is_some_and(u8::is_ascii_alphanumeric)
}

/// How sure a match is; `None` if it is no secret.
fn judge(pattern: &Pattern, c: &Candidate) -> Option<Confidence> {
    let allow = &pattern.allow;
    if pattern.placeholders && is_placeholder(c.secret) {
        return None;
    }
    if let Some((least, over)) = pattern.entropy
        && entropy(c.secret, over) < least
    {
        return None;
    }
    if !allow.words.is_empty() || !allow.stopwords.is_empty() {
        let lower = c.secret.to_ascii_lowercase();
        let holds = |w: &String| memchr::memmem::find(&lower, w.as_bytes()).is_some();
        if allow.words.iter().any(|w| w.as_bytes() == lower) || allow.stopwords.iter().any(holds) {
            return None;
        }
    }
    if allow.regexes.iter().any(|r| r.is_match(c.secret)) {
        return None;
    }
    if !allow.fingerprints.is_empty() && allow.fingerprints.contains(&fingerprint(c.secret)) {
        return None;
    }
    match pattern.check.map(|check| check.run(c)) {
        None => Some(pattern.confidence),
        Some(Verdict::Verified) => Some(Confidence::VerifiedFormat),
        Some(Verdict::Level(level)) => Some(level),
        Some(Verdict::Failed) => Some(Confidence::Possible),
        Some(Verdict::Dismissed) => None,
    }
}

/// One match a place: the most telling one.
fn without_overlaps(mut found: Vec<Found>, list: &[Pattern]) -> Vec<Found> {
    if found.len() < 2 {
        return found;
    }
    let weight = |f: &Found| -> (Rank, Confidence, u64) {
        (list[f.pattern].rank, f.confidence, f.range.end - f.range.start)
    };
    found.sort_by(|a, b| {
        weight(b)
            .cmp(&weight(a))
            .then(a.range.start.cmp(&b.range.start))
            .then(a.pattern.cmp(&b.pattern))
    });
    let mut kept: std::collections::BTreeMap<u64, Found> = std::collections::BTreeMap::new();
    for f in found {
        // Kept ranges are disjoint, so only the last one that begins before our end can touch us.
        let touched =
            kept.range(..f.range.end).next_back().is_some_and(|(_, k)| k.range.end > f.range.start);
        if !touched {
            kept.insert(f.range.start, f);
        }
    }
    kept.into_values().collect()
}

/// UTF-16 by its mark, or by ASCII in every other byte of the head; `true` for big endian.
fn utf16_of(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None, // UTF-32
        [0xff, 0xfe, ..] => return Some(false),
        [0xfe, 0xff, ..] => return Some(true),
        _ => {}
    }
    let units = head.len() / 2;
    if units < 16 {
        return None;
    }
    let text = |a: usize, b: usize| {
        let good = head
            .chunks_exact(2)
            .filter(|u| u[a] == 0 && (u[b].is_ascii_graphic() || u[b].is_ascii_whitespace()))
            .count();
        good * 100 >= units * 95
    };
    if text(1, 0) {
        Some(false)
    } else if text(0, 1) {
        Some(true)
    } else {
        None
    }
}

#[cfg(unix)]
fn as_path(path: &[u8]) -> std::borrow::Cow<'_, std::path::Path> {
    use std::os::unix::ffi::OsStrExt as _;
    std::path::Path::new(std::ffi::OsStr::from_bytes(path)).into()
}

#[cfg(not(unix))]
fn as_path(path: &[u8]) -> std::borrow::Cow<'_, std::path::Path> {
    std::path::PathBuf::from(String::from_utf8_lossy(path).into_owned()).into()
}
