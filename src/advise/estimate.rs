//! What an image weighs after bytes are gone.

use super::Evidence;
use crate::image::LayerState;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Bytes: `low` and `high` bound what a build is expected to give, `likely` is the best guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Interval {
    pub low: u64,
    pub likely: u64,
    pub high: u64,
}

/// The image's size afterwards; `None` where its size now is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    pub compressed: Option<Interval>,
    pub on_disk: Option<Interval>,
}

/// Bytes of content to be gone, by layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Removal {
    pub visible: BTreeMap<usize, u64>,
    pub hidden: BTreeMap<usize, u64>,
}

impl Removal {
    pub fn bytes(&self) -> u64 {
        self.visible.values().chain(self.hidden.values()).sum()
    }
}

/// The part of the removal that certainly goes. What is proposed as a whole may be needed in part.
const CERTAIN: f64 = 0.6;

/// The compressed size of part of a layer is its share at the layer's own ratio; parts differ from the
/// whole by up to this factor either way.
const RATIO_SPREAD: f64 = 1.5;

/// The estimate, and the likely saving by which it ranks. `sure` says that the bytes are known to go,
/// such as those that nothing shows.
pub(super) fn after(evidence: &Evidence, removal: &Removal, sure: bool) -> (Estimate, u64) {
    let certain = if sure { 1.0 } else { CERTAIN };
    let scale = |bytes: u64, by: f64| (bytes as f64 * by) as u64;

    let on_disk_now = evidence.facts.view.on_disk_bytes();
    let visible: u64 = removal.visible.values().sum::<u64>().min(on_disk_now);
    let complete = evidence.facts.has_every_layer();
    let on_disk = complete.then(|| Interval {
        low: on_disk_now - visible,
        likely: on_disk_now - visible,
        high: on_disk_now - scale(visible, certain),
    });

    let compressed_now = crate::image::compressed(evidence.layers());
    let compressed = compressed_now.filter(|_| complete).map(|now| {
        let (mut least, mut likely, mut most) = (0, 0, 0);
        for (number, layer) in evidence.layers().iter().enumerate() {
            let gone = removal.visible.get(&number).unwrap_or(&0)
                + removal.hidden.get(&number).unwrap_or(&0);
            let (LayerState::Indexed(index), Some(stored)) = (&layer.state, layer.compressed)
            else {
                continue;
            };
            if gone == 0 || index.content_bytes == 0 {
                continue;
            }
            let share = gone.min(index.content_bytes) as f64 / index.content_bytes as f64;
            // A share of nearly everything cannot be off by much.
            let spread = 1.0 + (RATIO_SPREAD - 1.0) * (1.0 - share);
            likely += scale(stored, share);
            most += scale(stored, (share * spread).min(1.0));
            least += scale(stored, share / spread * certain);
        }
        Interval {
            low: now.saturating_sub(most),
            likely: now.saturating_sub(likely),
            high: now.saturating_sub(least),
        }
    });
    let saves = match (compressed_now, compressed) {
        (Some(now), Some(then)) => now - then.likely,
        _ => removal.bytes(),
    };
    (Estimate { compressed, on_disk }, saves)
}
