//! The one integration binary.

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod local_sources;
mod registry;
mod registry_faults;
mod secrets;
mod walk_properties;
mod walk_umoci;
