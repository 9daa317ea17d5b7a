//! Small known files kept for later stages.
