//! The overlay merge.
