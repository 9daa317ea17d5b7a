//! One pass over a layer.
