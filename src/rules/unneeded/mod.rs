//! What production does not need.
