//! Masks the secrets of one image in any text that is told of it: those that a pattern knows by what
//! stands around them, and those that were found somewhere else in the image.

use super::known::KnownSecrets;
use super::pattern::Rank;
use super::patterns::Patterns;
use super::scan::Scan;
use super::text::{TextMatch, scan_with};
use crate::analyze::Confidence;
use crate::text::{length_told, mask_in_name};
use std::cell::RefCell;
use std::ops::Range;

/// Of text in one piece; what is longer is taken in halves.
const PIECE: usize = 1 << 20;

/// Made once an image, when its secrets have been found.
pub struct Masker<'a> {
    patterns: &'a Patterns,
    known: KnownSecrets,
    scan: RefCell<Scan>,
}

/// A place to mask and what to write there.
type Place = (Range<usize>, String);

impl<'a> Masker<'a> {
    pub fn new(patterns: &'a Patterns, known: KnownSecrets) -> Self {
        Self { patterns, known, scan: RefCell::new(Scan::new(patterns)) }
    }

    /// A text of the configuration, the history or a Dockerfile: with a mask in the place of each secret,
    /// however unsure.
    pub fn mask(&self, text: &str) -> String {
        let mut places = self.by_pattern(text, Confidence::Possible);
        places.extend(self.by_fingerprint(text));
        replaced(text, places)
    }

    /// Where a text of the configuration, the history or a Dockerfile holds secrets, in bytes and in order:
    /// what [`Masker::mask`] would replace.
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = self.by_pattern(text, Confidence::Possible);
        places.extend(self.by_fingerprint(text));
        joined(places).into_iter().map(|(range, _)| range).collect()
    }

    /// A name that is mostly no secret: only what is sure enough to be reported.
    pub fn mask_sure(&self, text: &str) -> String {
        let mut places = self.by_pattern(text, Confidence::Likely);
        places.extend(self.by_fingerprint(text));
        replaced(text, places)
    }

    /// A sentence of careen's own about the image. That a word stands behind `--secret` there tells
    /// nothing of it: only what is a secret by its own form is taken for one.
    pub fn mask_sentence(&self, text: &str) -> String {
        let mut places = self.matches(text, |m| {
            let pattern = self.patterns.get(&m.pattern);
            m.confidence >= Confidence::Likely && pattern.is_some_and(|p| p.rank == Rank::Specific)
        });
        places.extend(self.by_fingerprint(text));
        replaced(text, places)
    }

    /// The words of a command line: what stands before a word tells what it is, as in `--password` and what
    /// follows.
    pub fn mask_words(&self, words: &[String]) -> Vec<String> {
        let line = words.join(" ");
        let mut places = self.by_pattern(&line, Confidence::Possible);
        places.extend(self.by_fingerprint(&line));
        let mut begin = 0;
        let masked = words.iter().map(|word| {
            let end = begin + word.len();
            let own = places.iter().filter(|(r, _)| r.start < end && begin < r.end);
            let mut own: Vec<Place> = own
                .map(|(r, mask)| (r.start.max(begin) - begin..r.end.min(end) - begin, mask.clone()))
                .collect();
            begin = end + 1;
            own.extend(self.by_pattern(word, Confidence::Possible));
            replaced(word, own)
        });
        masked.collect()
    }

    /// A name that is looked up again: with a mask and the fingerprint in the place of each secret that is
    /// sure enough to be reported, the same for the same name anywhere. `None`: it holds none.
    pub fn mask_name(&self, name: &[u8]) -> Option<Vec<u8>> {
        let found = self.found_in(name, |m| m.confidence >= Confidence::Likely);
        let places: Vec<Place> =
            found.into_iter().map(|m| (m.range, mask_in_name(&m.masked, &m.fingerprint))).collect();
        (!places.is_empty()).then(|| replaced_bytes(name, places))
    }

    /// A text that need be none, with a mask in the place of each secret that is sure enough to be reported.
    /// `None`: it holds none.
    pub fn mask_bytes(&self, text: &[u8]) -> Option<Vec<u8>> {
        let found = self.found_in(text, |m| m.confidence >= Confidence::Likely);
        let mut places: Vec<Place> = found.into_iter().map(|m| (m.range, m.masked)).collect();
        places.extend(self.known.find(text).into_iter().map(|m| (m.range, m.mask.to_owned())));
        (!places.is_empty()).then(|| replaced_bytes(text, places))
    }

    /// Only what was found elsewhere; `None` if the text holds nothing of it.
    pub fn mask_known(&self, text: &str) -> Option<String> {
        let places: Vec<Place> = self.by_fingerprint(text).collect();
        (!places.is_empty()).then(|| replaced(text, places))
    }

    /// Which of very many texts may hold a secret, by the patterns alone: nearly always none. They are taken
    /// together; what is found in two together must be looked at again.
    pub fn suspects<'t>(&self, texts: impl Iterator<Item = &'t [u8]>) -> Vec<usize> {
        let mut suspects = Vec::new();
        let mut together = Vec::new();
        let mut ends: Vec<usize> = Vec::new();
        let mut first = 0;
        for text in texts {
            if !ends.is_empty() && together.len() + text.len() > PIECE {
                self.suspects_of(&together, &ends, first, &mut suspects);
                first += ends.len();
                together.clear();
                ends.clear();
            }
            together.extend_from_slice(text);
            together.push(b'\n');
            ends.push(together.len());
        }
        self.suspects_of(&together, &ends, first, &mut suspects);
        suspects
    }

    fn suspects_of(&self, together: &[u8], ends: &[usize], first: usize, out: &mut Vec<usize>) {
        /// Of more the scan may keep some to itself.
        const FEW: usize = 50;
        let found = self.found_in(together, |_| true);
        if found.len() > FEW {
            return out.extend(first..first + ends.len());
        }
        let mut numbers = Vec::new();
        for m in found.into_iter().filter(|m| m.confidence >= Confidence::Likely) {
            let from = ends.partition_point(|end| *end <= m.range.start);
            let to = ends.partition_point(|end| *end < m.range.end);
            numbers.extend(from..=to.min(ends.len().saturating_sub(1)));
        }
        numbers.sort_unstable();
        numbers.dedup();
        out.extend(numbers.into_iter().map(|n| first + n));
    }

    /// The same for very many names and paths, by the patterns alone.
    pub fn mask_names(&self, names: &mut [&mut String]) {
        let bytes: usize = names.iter().map(|n| n.len() + 1).sum();
        if let [name] = names {
            **name = replaced(name, self.by_pattern(name, Confidence::Likely));
            return;
        }
        // One pass over all of them is cheap, and finds nothing in nearly every image. No match of two
        // names together counts: in the end each is tried by itself.
        let whole = bytes <= PIECE && {
            let mut all = String::with_capacity(bytes);
            for name in names.iter() {
                all.push_str(name);
                all.push('\n');
            }
            self.by_pattern(&all, Confidence::Likely).is_empty()
        };
        if !whole && !names.is_empty() {
            let (left, right) = names.split_at_mut(names.len() / 2);
            self.mask_names(left);
            self.mask_names(right);
        }
    }

    fn by_pattern(&self, text: &str, least: Confidence) -> Vec<Place> {
        self.matches(text, |m| m.confidence >= least)
    }

    fn matches(&self, text: &str, counts: impl Fn(&TextMatch) -> bool) -> Vec<Place> {
        let found = self.found_in(text.as_bytes(), counts);
        found.into_iter().map(|m| (m.range, m.masked)).collect()
    }

    fn found_in(&self, text: &[u8], counts: impl Fn(&TextMatch) -> bool) -> Vec<TextMatch> {
        let mut scan = self.scan.borrow_mut();
        let mut found = scan_with(&mut scan, self.patterns, text, None, false);
        found.retain(|m| counts(m) && !is_mask(text, &m.range));
        found
    }

    fn by_fingerprint(&self, text: &str) -> impl Iterator<Item = Place> {
        self.known.find(text.as_bytes()).into_iter().map(|m| (m.range, m.mask.to_owned()))
    }
}

/// What was masked before is no secret any more, though it looks like a part of one: within a mask as
/// [`crate::text::mask`] writes it, from its head on.
fn is_mask(text: &[u8], range: &Range<usize>) -> bool {
    const STARS: &[u8] = b"****";
    // A mask has at most four characters before its stars and two behind them.
    let from = range.start.saturating_sub(STARS.len());
    let to = (range.start + 4 + STARS.len()).min(text.len());
    let Some(stars) = memchr::memmem::find(&text[from..to], STARS) else { return false };
    let shown = from + stars + STARS.len();
    let rest = &text[shown..];
    let Some(gap) = rest.iter().take(3).position(|b| *b == b' ') else { return false };
    length_told(&rest[gap..]).is_some_and(|told| range.end <= shown + gap + told)
}

/// The text with the places replaced; where they overlap, the longest speaks for all.
pub(super) fn replaced(text: &str, places: Vec<Place>) -> String {
    if places.is_empty() {
        return text.to_owned();
    }
    // A match may have cut a character in two.
    String::from_utf8_lossy(&replaced_bytes(text.as_bytes(), places)).into_owned()
}

fn replaced_bytes(text: &[u8], places: Vec<Place>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for (range, (_, mask)) in joined(places) {
        out.extend_from_slice(&text[done..range.start]);
        out.extend_from_slice(mask.as_bytes());
        done = range.end;
    }
    out.extend_from_slice(&text[done..]);
    out
}

/// The places in order; those that overlap as one, with the longest of them.
fn joined(mut places: Vec<Place>) -> Vec<(Range<usize>, Place)> {
    places.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut joined: Vec<(Range<usize>, Place)> = Vec::with_capacity(places.len());
    for (range, mask) in places {
        match joined.last_mut() {
            Some((all, longest)) if range.start < all.end => {
                all.end = all.end.max(range.end);
                if range.len() > longest.0.len() {
                    *longest = (range, mask);
                }
            }
            _ => joined.push((range.clone(), (range, mask))),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{fingerprint, mask};

    /// In parts, so that no scanner takes this file for a leak.
    fn token() -> String {
        ["xoxb-4071", "83925164-5820394716385-", "x7Kd9QmZ2pLw4TnB8vRc5YhJ"].concat()
    }

    #[test]
    fn what_is_masked_stays_as_it_is() {
        let patterns = Patterns::builtin();
        let masker = Masker::new(&patterns, KnownSecrets::default());
        for text in [
            format!("DB_PASSWORD={}", token()),
            format!("RUN curl -H \"Authorization: Bearer {}\" https://a.example.test/", token()),
            "RUN git clone https://bot:qX7rT9bK2mW5@git.example.test/a.git".to_owned(),
            "export DB_PASSWORD='Tr0ub4dor&3'".to_owned(),
        ] {
            let once = masker.mask(&text);
            assert_ne!(once, text);
            assert_eq!(masker.mask(&once), once);
            assert_eq!(masker.mask_sure(&once), once);
        }
    }

    #[test]
    fn a_written_mask_hides_nothing_before_it() {
        let patterns = Patterns::builtin();
        let masker = Masker::new(&patterns, KnownSecrets::default());
        let text = "DB_PASSWORD=qX7rT9bK2mW5ab****cd (20 characters)";
        assert!(!masker.mask(text).contains("qX7rT9"), "{}", masker.mask(text));
    }

    #[test]
    fn overlapping_places_are_one() {
        let places = vec![(2..5, "A".to_owned()), (4..9, "B".to_owned()), (0..1, "C".to_owned())];
        assert_eq!(replaced("0123456789", places), "C1B9");
    }

    #[test]
    fn a_known_secret_needs_no_context() {
        let patterns = Patterns::builtin();
        let (secret, other) = ("qX7rT9bK2mW5vN3c", "RUN echo plain words");
        let pair = (mask(secret.as_bytes()), fingerprint(secret.as_bytes()));
        let masker =
            Masker::new(&patterns, KnownSecrets::new([(pair.0.as_str(), pair.1.as_str())]));
        assert_eq!(masker.mask(other), other);
        assert_eq!(
            masker.mask_sure(&format!("RUN echo {secret} > /k")),
            "RUN echo qX**** (16 characters) > /k"
        );
    }

    #[test]
    fn a_sentence_gives_no_context() {
        let patterns = Patterns::builtin();
        let masker = Masker::new(&patterns, KnownSecrets::default());
        let text = "it is mounted as a secret (build with --secret id=npmrc,src=npmrc)";
        assert_eq!(masker.mask_sentence(text), text);
        assert!(!masker.mask_sentence(&format!("{text} {}", token())).contains(&token()));
    }

    #[test]
    fn few_of_many_names_are_masked() {
        let patterns = Patterns::builtin();
        let masker = Masker::new(&patterns, KnownSecrets::default());
        let mut names: Vec<String> = (0..50_000).map(|n| format!("usr/lib/thing/{n}.py")).collect();
        names[7] = format!("srv/{}.txt", token());
        names[49_999] = token();
        let before = names.clone();
        masker.mask_names(&mut names.iter_mut().collect::<Vec<_>>());
        let changed: Vec<usize> = (0..names.len()).filter(|&n| names[n] != before[n]).collect();
        assert_eq!(changed, [7, 49_999]);
        assert!(names[7].starts_with("srv/xoxb****hJ (") && names[7].ends_with("characters).txt"));
    }
}
