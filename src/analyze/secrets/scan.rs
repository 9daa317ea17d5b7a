//! One file, or one text, as it streams by.
//!
//! Bytes are gathered into blocks that begin and end at the same places of the file however it was
//! cut into chunks, so the result cannot depend on the chunks. Neighbouring blocks overlap by the
//! longest match on both sides; every keyword belongs to exactly one block, and a match that two
//! blocks find around two keywords is kept once.

use super::decode::Decoding;
use super::echo::Echoes;
use super::form::{Form, HEAD};
use super::judge::without_overlaps;
use super::patterns::Patterns;
use super::place::Place;
use super::prefilter::Hit;
use super::seam;
use super::vendor_value::Values;
use super::work::Work;
use crate::analyze::Confidence;
use crate::analyze::unpack::Allowance;
use std::collections::HashMap;
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
    /// Of the secret, in bytes of the file as searched; while a file of UTF-16 is searched, in its units.
    pub range: Range<u64>,
    /// From 1.
    pub line: u32,
    pub confidence: Confidence,
    pub secret: Vec<u8>,
    /// How the text around it was written, if otherwise than as it stands.
    pub inside: Option<String>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct PatternState {
    pub found: u32,
    /// End of the last match.
    pub end: u64,
}

pub(super) struct Scan {
    block: usize,
    margin: usize,
    buffer: Vec<u8>,
    /// Place of `buffer[0]` in the file as searched.
    pub(super) base: u64,
    /// Where in `buffer` the bytes begin whose keywords no earlier block has seen.
    own: usize,
    /// Line ends before `buffer[own]`.
    lines: u64,
    form: Option<Form>,
    /// The first byte of a UTF-16 unit whose second is in the next chunk.
    odd: Option<u8>,
    /// What is taken for UTF-16 is searched as it stands, too: a mark is no proof.
    raw: Option<Box<Scan>>,
    pub(super) place: Place,
    pub(super) path: Vec<u8>,
    pub(super) active: Vec<bool>,
    /// Patterns that are active for this file's path only.
    bound: Vec<usize>,
    /// Only one pattern is active.
    alone: bool,
    pub(super) state: Vec<PatternState>,
    /// Patterns whose state is not the first one.
    pub(super) met: Vec<usize>,
    pub(super) windows: Vec<Range<usize>>,
    pub(super) touched: Vec<usize>,
    hits: Vec<Hit>,
    pub(super) echoes: Echoes,
    /// For each pattern of a vendor's name, the values of this block.
    pub(super) values: HashMap<usize, Values>,
    pub(super) found: Vec<Found>,
    /// Matches that are not kept, because there are many of their kind.
    pub(super) more: u64,
    pub(super) decoding: Decoding,
    pub(super) work: Work,
    /// What containers may unpack to; one for all files of a layer.
    pub(super) allowance: Arc<Allowance>,
    /// A program, whose strings may stand side by side.
    pub(super) program: bool,
    /// From this byte on it is not searched, because it was too much work.
    cut: Option<u64>,
}

/// What one file gave.
pub(super) struct Outcome {
    /// In order of place, no two on the same bytes.
    pub found: Vec<Found>,
    /// How many matches are not kept.
    pub more: u64,
    /// From this byte on it was not searched: that was too much work.
    pub cut: Option<u64>,
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
            raw: None,
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
            echoes: Echoes::new(n),
            values: HashMap::new(),
            found: Vec::new(),
            more: 0,
            decoding: Decoding::default(),
            work: Work::new(),
            allowance: Arc::default(),
            program: false,
            cut: None,
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
        self.more = 0;
        self.cut = None;
        self.program = false;
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
        self.feed_raw(patterns, bytes);
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
                self.decide(patterns);
                self.feed_raw(patterns, bytes);
            }
            if self.buffer.len() >= self.block {
                self.search(patterns, false);
            }
        }
    }

    pub fn end(&mut self, patterns: &Patterns) -> Outcome {
        if self.form.is_none() {
            self.decide(patterns);
        }
        self.search(patterns, true);
        let mut found = std::mem::take(&mut self.found);
        if self.is_wide() {
            for f in &mut found {
                f.range = f.range.start * 2..f.range.end * 2;
            }
            if let Some(raw) = &mut self.raw {
                let outcome = raw.end(patterns);
                let of_path = |f: &Found| f.range.is_empty();
                found.extend(outcome.found.into_iter().filter(|f| !of_path(f)));
                self.more += outcome.more;
                self.cut = self.cut.or(outcome.cut);
            }
        }
        let mut found = without_overlaps(found, patterns.list());
        found.extend(self.named_files(patterns));
        let form = self.form.unwrap_or(Form::Text);
        Outcome { found, more: self.more, cut: self.cut, form }
    }

    fn is_wide(&self) -> bool {
        matches!(self.form, Some(Form::Utf16 { .. }))
    }

    /// Shows bytes of a file of UTF-16 to the search of it as it stands.
    fn feed_raw(&mut self, patterns: &Patterns, bytes: &[u8]) {
        if self.is_wide()
            && let Some(raw) = &mut self.raw
        {
            raw.feed(patterns, bytes);
        }
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
    fn decide(&mut self, patterns: &Patterns) {
        let head = &self.buffer[..self.buffer.len().min(HEAD)];
        let form = Form::of(head);
        self.form = Some(form);
        self.program = form == Form::Binary && seam::is_program(head);
        if let Form::Utf16 { big } = form {
            let bytes = std::mem::take(&mut self.buffer);
            let mut raw = self.raw.take().unwrap_or_else(|| Box::new(Self::new(patterns)));
            let path = Some(self.path.as_slice()).filter(|p| !p.is_empty());
            raw.begin(patterns, path, Some(Form::Text));
            raw.work = self.work.clone();
            raw.allowance = Arc::clone(&self.allowance);
            raw.place = self.place;
            raw.decoding.nest(&self.decoding);
            raw.feed(patterns, &bytes);
            self.raw = Some(raw);
            self.take_utf16(&bytes, self.block, big);
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
        self.work.earn(until - from);
        if self.work.is_spent() {
            self.cut.get_or_insert(self.base + from as u64);
        }
        if self.cut.is_none() {
            self.search_block(patterns, from..until, last);
        }
        if !last {
            self.lines += memchr::memchr_iter(b'\n', &self.buffer[from..until]).count() as u64;
            let drop = until.saturating_sub(self.margin);
            self.buffer.copy_within(drop.., 0);
            self.buffer.truncate(self.buffer.len() - drop);
            self.base += drop as u64;
            self.own = until - drop;
        }
    }

    fn search_block(&mut self, patterns: &Patterns, own: Range<usize>, last: bool) {
        let Range { start: from, end: until } = own;
        let index = if self.is_binary() { &patterns.binary } else { &patterns.text };
        let mut hits = std::mem::take(&mut self.hits);
        let buffer = std::mem::take(&mut self.buffer);
        let named = (!self.bound.is_empty()).then_some(&patterns.named);
        for index in [Some(index), named].into_iter().flatten() {
            hits.clear();
            index.prefilter().hits(&buffer, from, until, &mut hits);
            self.echoes.begin();
            self.values.clear();
            for hit in &hits {
                let start = hit.start as usize;
                if self.work.is_spent() {
                    self.cut.get_or_insert(self.base + start as u64);
                    break;
                }
                let keyword = &index.keywords[hit.keyword as usize];
                for user in &index.users[hit.keyword as usize] {
                    self.hit(patterns, &buffer, start..start + keyword.len(), user);
                }
            }
        }
        for p in std::mem::take(&mut self.touched) {
            let window = std::mem::replace(&mut self.windows[p], 0..0);
            self.run(patterns, &buffer, p, window, true);
        }
        let bound: Vec<usize> = self.bound.iter().copied().filter(|&p| self.active[p]).collect();
        for p in bound {
            let pattern = &patterns.list()[p];
            if pattern.keywords.is_empty() && !pattern.whole_file {
                let window = from.saturating_sub(pattern.longest + 1)
                    ..(until + pattern.longest + 1).min(buffer.len());
                self.run(patterns, &buffer, p, window, true);
            }
        }
        self.look_inside(patterns, &buffer, from..until, last);
        self.hits = hits;
        self.buffer = buffer;
    }

    /// Adds what was found in a decoded part.
    pub(super) fn keep(&mut self, found: Found) {
        let state = &mut self.state[found.pattern];
        if (state.found, state.end) == (0, 0) {
            self.met.push(found.pattern);
        }
        if state.found >= MOST_MATCHES {
            self.more += 1;
            return;
        }
        state.found += 1;
        self.found.push(found);
    }

    /// From this place of the file on nothing more is searched for.
    pub(super) fn stop(&mut self, at: u64) {
        self.cut.get_or_insert(at);
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
