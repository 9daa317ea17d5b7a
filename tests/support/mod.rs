//! What several tests need: registries, token servers, keys.

pub mod fake_registry;
pub mod registry;
pub mod tls;
pub mod token_server;
