//! Where the keywords stand: one automaton over all of them, run over some stretches of a block at
//! once.
//!
//! One table look-up per byte waits for the one before it; independent walks wait for each
//! other's time instead.

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, StartKind, dfa};

/// A keyword at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// Of the keyword's first byte, in the searched slice.
    pub start: u32,
    /// Its number in the list given to [`Prefilter::new`].
    pub keyword: u32,
}

pub(super) struct Prefilter {
    dfa: Option<dfa::DFA>,
    longest: usize,
}

const LANES: usize = 6;

impl Prefilter {
    /// Matches in any case of ASCII letters.
    ///
    /// # Panics
    /// If they have more than 2³¹ bytes together; [`super::Patterns`] takes far fewer.
    pub fn new(keywords: &[String]) -> Self {
        let longest = keywords.iter().map(String::len).max().unwrap_or(0);
        let dfa = if keywords.is_empty() {
            None
        } else {
            let dfa = dfa::Builder::new()
                .ascii_case_insensitive(true)
                .start_kind(StartKind::Unanchored)
                .prefilter(false)
                .build(keywords)
                .unwrap_or_else(|e| unreachable!("the number of keywords is bounded: {e}"));
            Some(dfa)
        };
        Self { dfa, longest }
    }

    /// Adds every keyword that starts in `from..to` of `hay`, overlapping ones too, in order.
    pub fn hits(&self, hay: &[u8], from: usize, to: usize, out: &mut Vec<Hit>) {
        let first = out.len();
        let Some(dfa) = &self.dfa else { return };
        let to = to.min(hay.len());
        if from >= to {
            return;
        }
        let reach = self.longest - 1;
        let part = (to - from) / LANES;
        if part <= reach {
            self.lane(dfa, hay, from, to, out);
        } else {
            let Ok(start) = dfa.start_state(Anchored::No) else {
                return;
            };
            let at: [usize; LANES] = std::array::from_fn(|l| from + l * part);
            let lanes = at.map(|p| &hay[p..p + part]);
            let mut state = [start; LANES];
            let mut i = 0;
            while i < part {
                let mut special = false;
                for l in 0..LANES {
                    state[l] = dfa.next_state(Anchored::No, state[l], lanes[l][i]);
                    special |= dfa.is_special(state[l]);
                }
                if special {
                    for l in 0..LANES {
                        record(dfa, state[l], at[l] + i + 1, usize::MAX, out);
                    }
                }
                i += 1;
            }
            // Each lane goes on a little: a keyword may start in its stretch and end behind it. The
            // last one has the rest of the division, too.
            for (l, mut sid) in state.into_iter().enumerate() {
                let seam = at[l] + part;
                let stop = if l + 1 == LANES { to } else { seam };
                for (i, &byte) in hay[seam..(stop + reach).min(hay.len())].iter().enumerate() {
                    sid = dfa.next_state(Anchored::No, sid, byte);
                    if dfa.is_special(sid) {
                        record(dfa, sid, seam + i + 1, stop, out);
                    }
                }
            }
        }
        out[first..].sort_unstable();
    }

    fn lane(&self, dfa: &dfa::DFA, hay: &[u8], from: usize, to: usize, out: &mut Vec<Hit>) {
        let Ok(mut sid) = dfa.start_state(Anchored::No) else {
            return;
        };
        let end = (to + self.longest - 1).min(hay.len());
        for (i, &byte) in hay[from..end].iter().enumerate() {
            sid = dfa.next_state(Anchored::No, sid, byte);
            if dfa.is_special(sid) {
                record(dfa, sid, from + i + 1, to, out);
            }
        }
    }
}

/// The keywords that end at `end` and start before `to`.
fn record(
    dfa: &dfa::DFA,
    sid: aho_corasick::automaton::StateID,
    end: usize,
    to: usize,
    out: &mut Vec<Hit>,
) {
    if !dfa.is_match(sid) {
        return;
    }
    for i in 0..dfa.match_len(sid) {
        let id = dfa.match_pattern(sid, i);
        let start = end.saturating_sub(dfa.pattern_len(id));
        if start < to {
            out.push(Hit { start: start as u32, keyword: id.as_u32() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(
            hay in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'B'), Just(b'b'), Just(b'c')], 0..300),
            from in 0usize..50,
            cut in 0usize..50,
        ) {
            let words: Vec<String> = ["a", "abc", "bcb", "bb", "cabca"].map(String::from).to_vec();
            let filter = Prefilter::new(&words);
            let from = from.min(hay.len());
            let to = hay.len().saturating_sub(cut).max(from);
            let mut got = Vec::new();
            filter.hits(&hay, from, to, &mut got);
            let mut want = Vec::new();
            for start in from..to {
                for (k, w) in words.iter().enumerate() {
                    if hay.get(start..start + w.len()).is_some_and(|h| h.eq_ignore_ascii_case(w.as_bytes())) {
                        want.push(Hit { start: start as u32, keyword: k as u32 });
                    }
                }
            }
            prop_assert_eq!(got, want);
        }
    }
}
