//! What the facts of all layers of an image may take in memory together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of memory that facts may take, of one layer and of all layers of an image. The largest real layer seen
/// (a full desktop with its documentation) is below a third of it.
pub(super) const FACTS: u64 = 96 << 20;

/// What is left for the facts of an image; its clones share it.
#[derive(Clone, Debug)]
pub struct FactsBudget(Arc<AtomicU64>);

impl Default for FactsBudget {
    fn default() -> Self {
        Self::of(FACTS)
    }
}

impl FactsBudget {
    pub fn of(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// For the layers of so many images that are looked at together.
    pub fn of_images(images: usize) -> Self {
        Self::of(FACTS * images.max(1) as u64)
    }

    /// Takes so many bytes, if they are left.
    pub fn take(&self, bytes: u64) -> bool {
        let less = |left: u64| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}
