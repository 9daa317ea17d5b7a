//! Finding a path by a few of its letters.

use super::tree::Tree;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// Hits beyond this nobody reads.
const MOST: usize = 500;

/// All paths of a tree as one text, made once: 300,000 of them are gone through with each letter.
pub struct Paths {
    text: String,
    /// Where each path ends, by number of its entry.
    ends: Vec<u32>,
}

impl Paths {
    pub fn new(tree: &Tree) -> Self {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(tree.len());
        // Where the path of each open folder ends within `current`.
        let mut current = String::new();
        let mut lengths: Vec<usize> = vec![0];
        for number in 0..tree.len() as u32 {
            let entry = tree.get(number);
            if number > 0 {
                lengths.truncate(usize::from(entry.depth));
                current.truncate(lengths.last().copied().unwrap_or(0));
                if !current.is_empty() {
                    current.push('/');
                }
                current.push_str(&entry.name);
                lengths.push(current.len());
            }
            text.push_str(&current);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Self { text, ends }
    }

    fn get(&self, number: usize) -> &str {
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        self.text.get(start..self.ends[number] as usize).unwrap_or_default()
    }

    /// The entries that fit best, the best first.
    pub fn find(&self, query: &str) -> Vec<u32> {
        if query.trim().is_empty() {
            return Vec::new();
        }
        let pattern = Pattern::parse(query, CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
        let mut buffer = Vec::new();
        let mut hits: Vec<(u32, usize, u32)> = Vec::new();
        for number in 1..self.ends.len() {
            let path = self.get(number);
            if let Some(score) = pattern.score(Utf32Str::new(path, &mut buffer), &mut matcher) {
                hits.push((score, path.len(), number as u32));
            }
        }
        // Of equally good ones the shorter.
        let order = |a: &(u32, usize, u32), b: &(u32, usize, u32)| {
            b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
        };
        if hits.len() > MOST {
            hits.select_nth_unstable_by(MOST, order);
            hits.truncate(MOST);
        }
        hits.sort_unstable_by(order);
        hits.into_iter().map(|(_, _, number)| number).collect()
    }
}
