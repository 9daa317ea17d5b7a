//! Many short byte strings in one piece of memory: four bytes each beside their own.

use std::collections::HashMap;

/// A list of byte strings that only grows. All of them together are below 4 GiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    bytes: Vec<u8>,
    /// Where each one ends.
    ends: Vec<u32>,
}

impl Strings {
    /// The list of these bytes, cut at `ends`; `None` if the ends do not rise to the length of the bytes.
    pub fn from_parts(bytes: Vec<u8>, ends: Vec<u32>) -> Option<Self> {
        let whole = ends.last().copied().unwrap_or(0) as usize == bytes.len();
        (whole && ends.is_sorted()).then_some(Self { bytes, ends })
    }

    /// All bytes, and where each string ends in them.
    pub fn parts(&self) -> (&[u8], &[u32]) {
        (&self.bytes, &self.ends)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds one and says its number.
    ///
    /// # Panics
    ///
    /// Above 4 GiB: whoever fills the list bounds what goes in.
    pub fn push(&mut self, string: &[u8]) -> u32 {
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(string);
        let end = u32::try_from(self.bytes.len()).expect("fewer than 4 GiB of names");
        self.ends.push(end);
        number
    }

    /// The string of a number; empty where there is none.
    pub fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let from = match number {
            0 => 0,
            n => self.ends.get(n - 1).copied().unwrap_or(u32::MAX),
        };
        let end = self.ends.get(number).copied().unwrap_or(0);
        self.bytes.get(from as usize..end as usize).unwrap_or_default()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len() as u32).map(|n| self.get(n))
    }

    /// Puts others in the place of some of them.
    pub fn replace(&mut self, others: &mut HashMap<u32, Vec<u8>>) {
        let mut out = Self::default();
        for (number, string) in self.iter().enumerate() {
            match others.remove(&(number as u32)) {
                Some(other) => out.push(&other),
                None => out.push(string),
            };
        }
        *self = out;
    }

    /// Gives back memory that is held for more of them.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Bytes of memory that it holds.
    pub fn weight(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_as_they_went_in() {
        let mut strings = Strings::default();
        for s in ["", "ab", "", "c"] {
            strings.push(s.as_bytes());
        }
        let all: Vec<&[u8]> = strings.iter().collect();
        assert_eq!(all, [&b""[..], b"ab", b"", b"c"]);
        assert_eq!(strings.get(4), b"");
        let (bytes, ends) = strings.parts();
        assert_eq!(Strings::from_parts(bytes.to_vec(), ends.to_vec()), Some(strings.clone()));
    }

    #[test]
    fn ends_that_do_not_fit_are_refused() {
        for ends in [vec![2, 1, 3], vec![2], vec![4], vec![]] {
            assert_eq!(Strings::from_parts(b"abc".to_vec(), ends), None);
        }
    }
}
