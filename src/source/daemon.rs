//! The export stream of a local Docker-compatible engine.
