//! Secrets that were found somewhere in an image, recognised in another text where nothing around them
//! tells what they are: `RUN echo hunter2 > /k`.
//!
//! The secrets themselves are not kept. A mask tells the length and a few characters, which rules out
//! nearly all places of a text; the fingerprint decides.

use crate::text::{Shape, fingerprint};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// Shorter ones would be met by chance.
const SHORTEST: usize = 6;
/// From this length on a mask shows a head, and no bytes beside it are needed to tell a match from chance.
const LONG: usize = 12;
/// No word of a build step is longer.
const LONGEST: usize = 512;

/// What all secrets of one image look like.
#[derive(Clone, Debug, Default)]
pub struct KnownSecrets {
    /// The mask, by the fingerprint.
    masks: HashMap<String, String>,
    /// Shapes of long ones, by their first two bytes and their length. Ten thousand tokens of one kind differ
    /// in little that a mask shows.
    long: HashMap<[u8; 2], BTreeMap<usize, HashSet<Shape>>>,
    /// Whether a long one begins with this byte.
    first: Vec<bool>,
    /// Lengths of short ones, the longest first.
    short: Vec<usize>,
}

impl KnownSecrets {
    /// From pairs of mask and fingerprint.
    pub fn new<'a>(found: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut out = Self { first: vec![false; 256], ..Self::default() };
        let mut short = BTreeMap::new();
        for (mask, fingerprint) in found {
            let Some(shape) = Shape::of_mask(mask) else { continue };
            let new = out.masks.insert(fingerprint.to_owned(), mask.to_owned()).is_none();
            match shape.length {
                SHORTEST..LONG => {
                    short.insert(shape.length, ());
                }
                LONG..=LONGEST if new => {
                    let key = [shape.head[0], shape.head[1]];
                    out.first[usize::from(key[0])] = true;
                    let lengths = out.long.entry(key).or_default();
                    lengths.entry(shape.length).or_default().insert(shape);
                }
                _ => {}
            }
        }
        out.short = short.into_keys().rev().collect();
        out
    }

    pub fn is_empty(&self) -> bool {
        self.long.is_empty() && self.short.is_empty()
    }

    /// Where they stand in a text, with fingerprint and mask, in order and apart from each other.
    pub fn find(&self, text: &[u8]) -> Vec<KnownMatch<'_>> {
        let mut out = Vec::new();
        let mut at = 0;
        while !self.is_empty() && at + SHORTEST <= text.len() {
            match self.at(text, at) {
                Some(found) => {
                    at = found.range.end;
                    out.push(found);
                }
                None => at += 1,
            }
        }
        out
    }

    fn at(&self, text: &[u8], at: usize) -> Option<KnownMatch<'_>> {
        if self.first[usize::from(text[at])]
            && let Some(lengths) = self.long.get(&[text[at], text[at + 1]])
        {
            for (length, shapes) in lengths {
                let range = at..at + length;
                let Some(bytes) = text.get(range.clone()) else { break };
                let fits = shapes.contains(&Shape::of(bytes));
                if let Some(found) = fits.then(|| self.known(text, range)).flatten() {
                    return Some(found);
                }
            }
        }
        if self.short.is_empty() || !is_seam(text, at) {
            return None;
        }
        let ends = self.short.iter().map(|n| at + n);
        ends.filter(|&end| end <= text.len() && is_seam(text, end) && !is_word(&text[at..end]))
            .find_map(|end| self.known(text, at..end))
    }

    fn known(&self, text: &[u8], range: Range<usize>) -> Option<KnownMatch<'_>> {
        let (fingerprint, mask) = self.masks.get_key_value(&fingerprint(&text[range.clone()]))?;
        Some(KnownMatch { range, fingerprint, mask })
    }
}

/// A secret that is known from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMatch<'a> {
    /// In bytes of the text.
    pub range: Range<usize>,
    pub fingerprint: &'a str,
    pub mask: &'a str,
}

/// Not within a word.
fn is_seam(text: &[u8], at: usize) -> bool {
    let inner = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80;
    at == 0 || at == text.len() || !(inner(&text[at - 1]) && inner(&text[at]))
}

/// `postgres` is a password here and there, and the name of a program everywhere else.
fn is_word(bytes: &[u8]) -> bool {
    bytes[0].is_ascii_alphabetic() && bytes[1..].iter().all(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::mask;

    fn known(secrets: &[&str]) -> KnownSecrets {
        let pairs: Vec<(String, String)> =
            secrets.iter().map(|s| (mask(s.as_bytes()), fingerprint(s.as_bytes()))).collect();
        KnownSecrets::new(pairs.iter().map(|(m, f)| (m.as_str(), f.as_str())))
    }

    fn found<'t>(known: &KnownSecrets, text: &'t str) -> Vec<&'t str> {
        known.find(text.as_bytes()).into_iter().map(|m| &text[m.range]).collect()
    }

    #[test]
    fn a_known_secret_is_met_wherever_it_stands() {
        let all = known(&["hunter2", "qX7rT9bK2mW5", "ze8Rk3vQ1nY6uP0sLw4J", "a/b+c=d"]);
        let text = "echo hunter2|x zqX7rT9bK2mW5z 'ze8Rk3vQ1nY6uP0sLw4J' u:a/b+c=d@h";
        assert_eq!(
            found(&all, text),
            ["hunter2", "qX7rT9bK2mW5", "ze8Rk3vQ1nY6uP0sLw4J", "a/b+c=d"]
        );
        assert_eq!(all.find(text.as_bytes())[0].mask, "**** (7 characters)");
    }

    #[test]
    fn a_short_one_is_a_whole_word_and_no_plain_one() {
        let all = known(&["hunter2", "postgres", "a1b2"]);
        assert!(found(&all, "hunter22 xhunter2 apt-get install postgres a1b2").is_empty());
        assert_eq!(found(&all, "hunter2"), ["hunter2"]);
        assert_eq!(found(&all, "é=hunter2;"), ["hunter2"]);
    }

    #[test]
    fn tokens_of_one_kind_by_the_thousand_are_told_apart() {
        let token = |n: usize| format!("tok_{n:06}x7Kd9QmZ2pLw4T{:02}", n % 100);
        let secrets: Vec<String> = (0..20_000).map(token).collect();
        let all = known(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        let text = format!("{} {} {}", token(19_999), token(20_001), "tok_".repeat(50_000));
        assert_eq!(found(&all, &text), [secrets[19_999].as_str()]);
    }

    #[test]
    fn what_is_no_mask_is_no_secret() {
        assert!(KnownSecrets::new([("words", "f"), ("a****b (20 characters)", "g")]).is_empty());
        assert!(KnownSecrets::default().find(b"anything at all").is_empty());
    }
}
