//! The cache of indexes.
