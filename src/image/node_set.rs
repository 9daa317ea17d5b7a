//! Sets of entries of the layers, a bit for each.

use super::view::Node;

/// Entries of an image's layers.
#[derive(Clone, Debug, Default)]
pub struct NodeSet {
    /// Of each layer the bits of its entries.
    layers: Vec<Vec<u64>>,
}

const BITS: usize = u64::BITS as usize;

impl NodeSet {
    /// Adds one; whether it was not there.
    pub fn insert(&mut self, node: Node) -> bool {
        if self.layers.len() <= node.layer {
            self.layers.resize(node.layer + 1, Vec::new());
        }
        let bits = &mut self.layers[node.layer];
        let (word, bit) = (node.entry as usize / BITS, 1 << (node.entry as usize % BITS));
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        let is_new = bits[word] & bit == 0;
        bits[word] |= bit;
        is_new
    }

    pub fn contains(&self, node: &Node) -> bool {
        let word = self.layers.get(node.layer).and_then(|l| l.get(node.entry as usize / BITS));
        word.is_some_and(|word| word >> (node.entry as usize % BITS) & 1 == 1)
    }

    /// By layer, in the order of the tar.
    pub fn iter(&self) -> impl Iterator<Item = Node> + Clone {
        self.layers.iter().enumerate().flat_map(|(layer, words)| {
            words.iter().enumerate().flat_map(move |(n, word)| {
                let set = (0..BITS).filter(move |bit| word >> bit & 1 == 1);
                set.map(move |bit| Node { layer, entry: (n * BITS + bit) as u32 })
            })
        })
    }
}

impl FromIterator<Node> for NodeSet {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        let mut set = Self::default();
        set.extend(nodes);
        set
    }
}

impl Extend<Node> for NodeSet {
    fn extend<I: IntoIterator<Item = Node>>(&mut self, nodes: I) {
        for node in nodes {
            self.insert(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_is_there_and_nothing_else() {
        let nodes = [(2, 63), (0, 0), (2, 64), (2, 700), (0, 0)];
        let nodes = nodes.map(|(layer, entry)| Node { layer, entry });
        let mut set: NodeSet = nodes.into_iter().collect();
        let mut want = nodes.to_vec();
        want.sort();
        want.dedup();
        assert_eq!(set.iter().collect::<Vec<_>>(), want);
        assert!(nodes.iter().all(|n| set.contains(n)));
        let other = Node { layer: 1, entry: 0 };
        assert!(!set.contains(&other) && set.insert(other) && !set.insert(other));
        assert!(!set.contains(&Node { layer: 9, entry: 9 }));
    }
}
