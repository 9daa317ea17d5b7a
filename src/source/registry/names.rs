//! Names that a registry gives and no reference can have: counted, the first ones kept.

use super::error::quote;
use std::fmt;
use std::time::{Duration, Instant};

/// How many odd names are kept.
const KEPT: usize = 3;

/// Longest odd name that is kept, in characters.
const KEPT_LENGTH: usize = 60;

/// Longest tag by the distribution spec, in bytes.
const TAG_LENGTH: usize = 128;

/// Names in a list that no reference can have: what bears them cannot be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OddNames {
    /// How many there were.
    pub count: u64,
    /// The first of them, shortened and fit to be printed.
    pub first: Vec<String>,
}

impl OddNames {
    pub(super) fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < KEPT {
            let short: String = name.chars().take(KEPT_LENGTH).collect();
            self.first.push(quote(&short));
        }
    }

    /// Takes in what another page has brought.
    pub fn extend(&mut self, other: Self) {
        self.count += other.count;
        let room = KEPT.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// `2 names that no reference can have: "UPPER", "a b"`.
impl fmt::Display for OddNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = if self.count == 1 { "name" } else { "names" };
        write!(f, "{} {names} that no reference can have", self.count)?;
        for (n, name) in self.first.iter().enumerate() {
            f.write_str(if n == 0 { ": " } else { ", " })?;
            write!(f, "`{name}`")?;
        }
        match self.count.saturating_sub(self.first.len() as u64) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// So long a list may take at any pace.
const LONG: Duration = Duration::from_secs(30 * 60);

/// Whether a list has taken long and brought less than a name a second: pages without end, each of them
/// late and all but empty.
pub(super) fn drags_on(begun: Instant, names: usize) -> bool {
    is_dragging(begun.elapsed(), names)
}

fn is_dragging(taken: Duration, names: usize) -> bool {
    taken > LONG && (names as u64) < taken.as_secs()
}

/// Whether a reference can have this tag (distribution spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
pub(super) fn is_tag(name: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.len() <= TAG_LENGTH
        && name.bytes().next().is_some_and(word)
        && name.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tag_may_be() {
        for good in ["1", "v1.2-rc_3", "_", "A", &"a".repeat(128)] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", "-a", ".a", "a/b", "a:b", "a b", "é", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn a_list_may_be_long_but_not_for_nothing() {
        assert!(!is_dragging(Duration::from_secs(1700), 0));
        assert!(is_dragging(Duration::from_secs(1900), 1000));
        assert!(!is_dragging(Duration::from_secs(1900), 2000));
    }

    #[test]
    fn odd_names_are_counted_and_the_first_told() {
        let mut odd = OddNames::default();
        odd.add("A\u{1b}[31m");
        assert_eq!(odd.to_string(), "1 name that no reference can have: `A\\u{1b}[31m`");
        let mut more = OddNames::default();
        (0..4).for_each(|n| more.add(&format!("B{n}")));
        odd.extend(more);
        assert_eq!((odd.count, odd.first.len()), (5, 3));
        assert!(odd.to_string().ends_with("`B0`, `B1` and 2 more"), "{odd}");
        odd.add(&"x".repeat(1 << 20));
        assert!(odd.to_string().len() < 300);
    }
}
