//! The identity of an index.
