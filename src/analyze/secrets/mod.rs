//! The secret engine.
