//! Bytes that later layers hide.
