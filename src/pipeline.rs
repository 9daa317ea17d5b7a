//! The whole path on one screen.
