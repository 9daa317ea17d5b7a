//! Images in a registry.
