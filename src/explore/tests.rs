//! The explorer on made-up images.
