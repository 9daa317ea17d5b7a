//! What production does not need.

use crate::layer::LayerPath;
use std::collections::BTreeMap;

/// Files of one kind and owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnneededItem {
    pub kind: String,
    pub bytes: u64,
    pub paths: Vec<LayerPath>,
    pub owner: Option<String>,
    pub layers: BTreeMap<usize, u64>,
}
