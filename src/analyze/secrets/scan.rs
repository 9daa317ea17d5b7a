//! One file, or one text, as it streams by.
//!
//! Bytes are gathered into blocks that begin and end at the same places of the file however it was
//! cut into chunks, so the result cannot depend on the chunks. Neighbouring blocks overlap by the
//! longest match on both sides; every keyword belongs to exactly one block, and a match that two
//! blocks find around two keywords is kept once.

use super::check::Candidate;
use super::decode::Decoding;
use super::form::{Form, HEAD};
use super::judge::{begins_token, continues_token, judge, without_overlaps};
use super::pattern::Rank;
use super::patterns::{Patterns, User};
use super::place::Place;
use super::prefilter::Hit;
use crate::analyze::Confidence;
use crate::analyze::unpack::Allowance;
use std::ops::Range;
use std::sync::Arc;

/// Of what is searched at once; at least four times the margin, so that overlaps stay cheap.
const BLOCK: usize = 256 * 1024;
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
    /// How the text around it was written, if otherwise than as it stands.
    pub inside: Option<String>,
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
    pub(super) place: Place,
    path: Vec<u8>,
    active: Vec<bool>,
    /// Patterns that are active for this file's path only.
    bound: Vec<usize>,
    /// Only one pattern is active.
    alone: bool,
    state: Vec<PatternState>,
    /// Patterns whose state is not the first one.
    met: Vec<usize>,
    windows: Vec<Range<usize>>,
    touched: Vec<usize>,
    hits: Vec<Hit>,
    found: Vec<Found>,
    capped: bool,
    pub(super) decoding: Decoding,
    /// What containers may unpack to; one for all files of a layer.
    pub(super) allowance: Arc<Allowance>,
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
            place: Place::default(),
            path: Vec::new(),
            active: patterns.list().iter().map(|p| !p.is_bound()).collect(),
            bound: Vec::new(),
            alone: false,
            state: vec![PatternState::default(); n],
            met: Vec::new(),
            windows: vec![0..0; n],
            touched: Vec::new(),
            hits: Vec::new(),
            found: Vec::new(),
            capped: false,
            decoding: Decoding::default(),
            allowance: Arc::default(),
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
        self.place = Place::of(path);
        for p in self.met.drain(..) {
            self.state[p] = PatternState::default();
        }
        self.found.clear();
        self.capped = false;
        self.decoding.begin();
        if std::mem::take(&mut self.alone) {
            self.active = patterns.list().iter().map(|p| !p.is_bound()).collect();
        }
        for p in self.bound.drain(..) {
            self.active[p] = false;
        }
        patterns.bound_to(path, &mut self.bound);
        for &p in &self.bound {
            self.active[p] = true;
        }
        self.path.clear();
        self.path.extend_from_slice(path.unwrap_or_default());
    }

    /// Leaves one pattern only, after [`Self::begin`].
    pub fn only(&mut self, pattern: usize) {
        for (p, active) in self.active.iter_mut().enumerate() {
            *active &= p == pattern;
        }
        self.alone = true;
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
        let mut found = without_overlaps(std::mem::take(&mut self.found), patterns.list());
        found.extend(self.named_files(patterns));
        Outcome { found, capped: self.capped, form: self.form.unwrap_or(Form::Text) }
    }

    /// What a path alone says.
    fn named_files(&self, patterns: &Patterns) -> Vec<Found> {
        let by_path = |p: &&usize| patterns.list()[**p].whole_file && self.active[**p];
        let found = self.bound.iter().filter(by_path).map(|&pattern| Found {
            pattern,
            range: 0..0,
            line: 1,
            confidence: patterns.list()[pattern].confidence,
            secret: self.path.clone(),
            inside: None,
        });
        found.collect()
    }

    /// Text, binary or UTF-16, from the head in the buffer.
    fn decide(&mut self) {
        let head = &self.buffer[..self.buffer.len().min(HEAD)];
        let form = Form::of(head);
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
        let index = if self.is_binary() { &patterns.binary } else { &patterns.text };
        let mut hits = std::mem::take(&mut self.hits);
        let buffer = std::mem::take(&mut self.buffer);
        let named = (!self.bound.is_empty()).then_some(&patterns.named);
        for index in [Some(index), named].into_iter().flatten() {
            hits.clear();
            index.prefilter().hits(&buffer, from, until, &mut hits);
            for hit in &hits {
                let start = hit.start as usize;
                let keyword = &index.keywords[hit.keyword as usize];
                for user in &index.users[hit.keyword as usize] {
                    self.hit(patterns, &buffer, start..start + keyword.len(), user);
                }
            }
        }
        for p in std::mem::take(&mut self.touched) {
            let window = std::mem::replace(&mut self.windows[p], 0..0);
            self.run(patterns, &buffer, p, window);
        }
        let bound: Vec<usize> = self.bound.iter().copied().filter(|&p| self.active[p]).collect();
        for p in bound {
            let pattern = &patterns.list()[p];
            if pattern.keywords.is_empty() && !pattern.whole_file {
                let window = from.saturating_sub(pattern.longest + 1)
                    ..(until + pattern.longest + 1).min(buffer.len());
                self.run(patterns, &buffer, p, window);
            }
        }
        self.look_inside(patterns, &buffer, from..until, last);
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
        if pattern.text_only && self.is_binary() {
            return;
        }
        if let Some(beside) = &pattern.beside {
            let Some(name) = beside.names[user.name].around(buffer, at) else { return };
            let Some(value) = pattern.regex.get() else { return };
            for (secret, confidence) in beside.find(buffer, name.clone(), &value.regex) {
                self.take(patterns, buffer, p, (name.start..secret.end, secret), Some(confidence));
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
            let (Some(whole), Some(secret)) = (captures.get(0), expression.secret(&captures))
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
            return true;
        };
        let state = &mut self.state[p];
        if (state.found, state.end) == (0, 0) {
            self.met.push(p);
        }
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
            inside: None,
        });
        true
    }

    /// Adds what was found in a decoded part.
    pub(super) fn keep(&mut self, found: Found) {
        let state = &mut self.state[found.pattern];
        if (state.found, state.end) == (0, 0) {
            self.met.push(found.pattern);
        }
        if state.found >= MOST_MATCHES {
            self.capped = true;
            return;
        }
        state.found += 1;
        self.found.push(found);
    }

    /// Place of the buffer's beginning in the file as searched.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    pub(super) fn is_binary(&self) -> bool {
        self.form == Some(Form::Binary)
    }

    /// The line of a place in the buffer, from 1.
    pub(super) fn line_of(&self, buffer: &[u8], at: usize) -> u32 {
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

/// The lines that a match stands on, as far as the buffer has them.
fn line_around(buffer: &[u8], whole: &Range<usize>) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &buffer[..whole.start]).map_or(0, |at| at + 1);
    let end = memchr::memchr(b'\n', &buffer[whole.end..]);
    start..end.map_or(buffer.len(), |at| whole.end + at)
}
