//! The instructions behind the layers.
