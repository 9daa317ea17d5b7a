//! The identity of an index, apart from the layer: which analyzers, in which versions, with which
//! patterns, and in which stored form.
//!
//! Knows nothing of layers or files; a change in any part makes another key, so an old index is never
//! taken for a new one.

use crate::analyze::Analyzer;

/// Of the stored form of [`super::LayerIndex`] and of the walk that fills it. Raise it whenever either
/// changes its shape or meaning: old entries then count as misses.
pub const FORMAT_VERSION: u32 = 11;

/// What all indexes of one run have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IndexKey([u8; 32]);

impl IndexKey {
    /// `patterns` is the digest of the secret patterns. The order of the analyzers does not matter:
    /// facts of different analyzers stand in different lists.
    pub fn new(analyzers: &[Box<dyn Analyzer>], patterns: [u8; 32]) -> Self {
        let ids = analyzers.iter().map(|a| a.id()).collect();
        Self::of(FORMAT_VERSION, ids, patterns)
    }

    fn of(format: u32, mut ids: Vec<(&'static str, u32)>, patterns: [u8; 32]) -> Self {
        ids.sort_unstable();
        let mut hasher = blake3::Hasher::new_derive_key("careen 2026 layer index key");
        hasher.update(&format.to_le_bytes());
        hasher.update(&patterns);
        for (id, version) in ids {
            // The length keeps `ab` + `c` apart from `a` + `bc`.
            hasher.update(&(id.len() as u64).to_le_bytes());
            hasher.update(id.as_bytes());
            hasher.update(&version.to_le_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Enough of it to name it by, as hex.
    pub fn short(&self) -> String {
        crate::oci::digest::hex(&self.0[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_the_order_of_analyzers_does_not() {
        let base = IndexKey::of(1, vec![("a", 1), ("b", 1)], [0; 32]);
        assert_eq!(base, IndexKey::of(1, vec![("b", 1), ("a", 1)], [0; 32]));
        for other in [
            IndexKey::of(2, vec![("a", 1), ("b", 1)], [0; 32]),
            IndexKey::of(1, vec![("a", 1), ("b", 2)], [0; 32]),
            IndexKey::of(1, vec![("a", 1)], [0; 32]),
            IndexKey::of(1, vec![("a", 1), ("b", 1)], [1; 32]),
            IndexKey::of(1, vec![("ab", 1), ("", 1)], [0; 32]),
        ] {
            assert_ne!(base, other);
        }
    }
}
