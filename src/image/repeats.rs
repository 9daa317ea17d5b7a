//! Layers that stand in an image more than once.

use super::{ImageLayer, LayerState};
use std::collections::HashSet;

/// Entries of layers that stand again: a few hundred bytes of a manifest can name a large layer many times, and each
/// is laid over the others.
const MOST_AGAIN: usize = 1_000_000;

/// Leaves out what of them is beyond that.
pub(super) fn bound(layers: &mut [ImageLayer]) {
    let mut met = HashSet::new();
    let mut left = MOST_AGAIN;
    for layer in layers {
        let LayerState::Indexed(index) = &layer.state else { continue };
        if met.insert(index.diff_id) {
            continue;
        }
        match left.checked_sub(index.entries.len()) {
            Some(rest) => left = rest,
            None => {
                let why = "large layers stand in the image more often than is looked at".to_owned();
                layer.state = LayerState::NotLookedAt { why, failed: true };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{layer, sized};
    use super::*;

    #[test]
    fn a_large_layer_that_stands_a_hundred_times_is_looked_at_a_few_times() {
        let large = layer((0..100_000).map(|n| sized(&format!("f{n}"), 1)).collect());
        let mut layers = vec![large; 100];
        bound(&mut layers);
        let read = |l: &&ImageLayer| matches!(l.state, LayerState::Indexed(_));
        assert_eq!(layers.iter().filter(read).count(), 11);
        assert!(layers.iter().take(11).all(|l| read(&l)));
    }

    #[test]
    fn small_layers_may_stand_as_often_as_they_like() {
        let mut layers = vec![layer(vec![sized("a", 1)]); 1000];
        bound(&mut layers);
        assert!(layers.iter().all(|l| matches!(l.state, LayerState::Indexed(_))));
    }
}
