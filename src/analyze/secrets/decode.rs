//! The scan of what a text holds in another writing: each decoded run is a text of its own.

use super::encoded::{self, Code};
use super::label::Label;
use super::members;
use super::patterns::Patterns;
use super::scan::{Found, Scan};
use super::vendor_value::says_secret;
use super::work::NESTING;
use crate::analyze::unpack::Kind;
use std::ops::Range;
use std::sync::Arc;

/// Base64 of base64, and once more.
const DEEPEST: u8 = 3;

/// What a scan keeps of the encoded runs of its file.
#[derive(Default)]
pub(super) struct Decoding {
    /// How many encodings are around this scan.
    depth: u8,
    inner: Option<Box<Scan>>,
    /// A run that goes on behind the last block.
    open: Option<Open>,
    /// Runs and words that begin before this place of the file are done.
    runs_to: u64,
    words_to: u64,
}

struct Open {
    code: Code,
    start: u64,
    line: u32,
    /// Characters that do not fill a unit yet.
    rest: Vec<u8>,
}

impl Decoding {
    /// As deep as this one.
    pub fn nest(&mut self, other: &Self) {
        self.depth = other.depth;
    }

    pub fn begin(&mut self) {
        self.open = None;
        self.runs_to = 0;
        self.words_to = 0;
    }
}

impl Scan {
    /// Scans the encoded runs that begin in `own` of the buffer. `last`: nothing follows.
    pub(super) fn look_inside(
        &mut self,
        patterns: &Patterns,
        buffer: &[u8],
        own: Range<usize>,
        last: bool,
    ) {
        let mut decoding = std::mem::take(&mut self.decoding);
        if decoding.depth < DEEPEST {
            self.runs(patterns, &mut decoding, buffer, own.clone(), last);
            if !self.is_binary() {
                self.words(patterns, &mut decoding, buffer, own);
            }
        }
        self.decoding = decoding;
    }

    fn runs(
        &mut self,
        patterns: &Patterns,
        decoding: &mut Decoding,
        buffer: &[u8],
        own: Range<usize>,
        last: bool,
    ) {
        let base = self.base();
        let mut at = own.start.max(decoding.runs_to.saturating_sub(base) as usize);
        if let Some(open) = decoding.open.take() {
            let more = buffer[at..].iter().take_while(|&&b| encoded::is_base64(b)).count();
            at += more;
            self.go_on(
                patterns,
                decoding,
                open,
                &buffer[at - more..at],
                at == buffer.len() && !last,
            );
        }
        while decoding.open.is_none()
            && let Some(run) = encoded::next_run(buffer, at, own.end)
        {
            at = run.end;
            let Some((skip, code)) = encoded::code_of(&buffer[run.clone()]) else { continue };
            let start = run.start + skip;
            let (chars, end, goes_on) = encoded::gather(buffer, start..run.end);
            at = end;
            let place = base + start as u64;
            self.work.spend(NESTING);
            if self.work.is_spent() {
                self.stop(place);
                break;
            }
            let mut scan = self.inner(patterns, decoding);
            scan.begin(patterns, None, None);
            scan.place = self.place;
            let mut open = Open { code, start: place, line: 0, rest: Vec::new() };
            if goes_on && !last {
                open.line = self.line_of(buffer, start);
                decoding.inner = Some(scan);
                self.go_on(patterns, decoding, open, &chars, true);
                break;
            }
            let plain = code.decode(&chars);
            if let Some(kind) = Kind::of(b"", &plain) {
                open.line = self.line_of(buffer, start);
                self.packed(patterns, &open, kind, &plain, &mut scan);
                decoding.inner = Some(scan);
                continue;
            }
            let named = name_for(buffer, start, &plain);
            scan.feed(patterns, &named);
            scan.feed(patterns, &plain);
            let found = self.nested(&mut scan, patterns);
            decoding.inner = Some(scan);
            if found.is_empty() {
                continue;
            }
            // Counting lines for every run would cost more than searching it.
            open.line = self.line_of(buffer, start);
            let length = (end - start) as u64;
            self.add(&open, found, named.len() as u64, plain.len().max(1) as u64, length);
        }
        decoding.runs_to = base + at as u64;
    }

    /// What an encoded archive or compressed text holds.
    fn packed(
        &mut self,
        patterns: &Patterns,
        open: &Open,
        kind: Kind,
        plain: &[u8],
        scan: &mut Scan,
    ) {
        let size = plain.len() as u64;
        let members = members::open(kind, &mut &plain[..], b"", size, false, patterns, scan);
        let found = members::without_echoes(members.found);
        for (number, member) in found.into_iter().enumerate() {
            let mut f = member.found;
            // Places in there have none out here: each finding gets a byte of the run.
            let at = open.start + number as u64;
            f.range = at..at + 1;
            f.line = open.line;
            let further = [Some(member.inside), f.inside.take()];
            f.inside = Some(
                further
                    .into_iter()
                    .flatten()
                    .filter(|part| !part.is_empty())
                    .fold(open.code.name().to_owned(), |all, part| format!("{all}!/{part}")),
            );
            self.keep(f);
        }
    }

    /// Feeds more characters of a run to the scan that is open for it.
    fn go_on(
        &mut self,
        patterns: &Patterns,
        decoding: &mut Decoding,
        mut open: Open,
        chars: &[u8],
        more: bool,
    ) {
        let Some(scan) = decoding.inner.as_mut() else { return };
        open.rest.extend_from_slice(chars);
        let whole = if more {
            open.rest.len() / open.code.unit() * open.code.unit()
        } else {
            open.rest.len()
        };
        let plain = open.code.decode(&open.rest[..whole]);
        scan.feed(patterns, &plain);
        open.rest.drain(..whole);
        if more {
            decoding.open = Some(open);
        } else {
            let outcome = scan.end(patterns);
            self.more += outcome.more;
            if outcome.cut.is_some() {
                self.stop(self.base());
            }
            let found = outcome.found;
            let (plain, written) = match open.code {
                Code::Base64 => (3, 4),
                Code::Hex => (1, 2),
            };
            self.add(&open, found, 0, plain, written);
        }
    }

    /// Takes over what stands in a run: `plain` bytes are `written` ones in this file.
    fn add(&mut self, open: &Open, found: Vec<Found>, head: u64, plain: u64, written: u64) {
        for mut f in found {
            let place = |p: u64| open.start + p.saturating_sub(head) * written / plain;
            f.range = place(f.range.start)..place(f.range.end).max(place(f.range.start) + 1);
            f.line = open.line;
            f.inside = Some(match f.inside.take() {
                Some(further) => format!("{}!/{further}", open.code.name()),
                None => open.code.name().to_owned(),
            });
            self.keep(f);
        }
    }

    /// The scan of what is decoded.
    fn inner(&self, patterns: &Patterns, decoding: &mut Decoding) -> Box<Scan> {
        let mut scan = decoding.inner.take().unwrap_or_else(|| {
            let mut scan = Scan::new(patterns);
            scan.decoding.depth = decoding.depth + 1;
            Box::new(scan)
        });
        scan.work = self.work.clone();
        scan.allowance = Arc::clone(&self.allowance);
        scan
    }

    /// What the end of such a scan gives.
    fn nested(&mut self, scan: &mut Scan, patterns: &Patterns) -> Vec<Found> {
        let outcome = scan.end(patterns);
        self.more += outcome.more;
        if outcome.cut.is_some() {
            self.stop(self.base());
        }
        outcome.found
    }

    fn words(
        &mut self,
        patterns: &Patterns,
        decoding: &mut Decoding,
        buffer: &[u8],
        own: Range<usize>,
    ) {
        let base = self.base();
        let mut at = own.start.max(decoding.words_to.saturating_sub(base) as usize);
        while let Some(word) = encoded::next_word(buffer, at, own.end) {
            at = word.range.end.max(at + 1);
            self.work.spend(NESTING);
            if self.work.is_spent() {
                self.stop(base + word.range.start as u64);
                break;
            }
            let mut scan = self.inner(patterns, decoding);
            scan.begin(patterns, None, None);
            scan.place = self.place;
            scan.feed(patterns, &word.plain);
            let found = self.nested(&mut scan, patterns);
            decoding.inner = Some(scan);
            for mut f in found {
                let place = |p: u64| {
                    let p = (p as usize).min(word.places.len() - 1);
                    base + (word.range.start + usize::from(word.places[p])) as u64
                };
                let range = place(f.range.start)..place(f.range.end);
                // Without an escape in the secret or before it, the text as it stands gives the same.
                let raw = range.end - range.start == f.range.end - f.range.start;
                f.line = self.line_of(buffer, (range.start - base) as usize);
                f.range = range;
                if !raw || f.inside.is_some() {
                    f.inside.get_or_insert_with(|| "escapes".to_owned());
                }
                self.keep(f);
            }
        }
        decoding.words_to = base + at as u64;
    }
}

/// The name that a single encoded value is assigned to, for patterns that need one: the values of a
/// Kubernetes Secret are encoded, their names are not.
fn name_for(buffer: &[u8], start: usize, plain: &[u8]) -> Vec<u8> {
    if plain.len() > 512 || plain.iter().any(|b| matches!(b, b'\n' | b' ' | 0)) {
        return Vec::new();
    }
    let label = Label::before(buffer, start);
    let name = label.words.join("_").into_bytes();
    if !label.assigned || !says_secret(&name) {
        return Vec::new();
    }
    [name.as_slice(), b"="].concat()
}
