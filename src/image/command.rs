//! The command that really starts.
