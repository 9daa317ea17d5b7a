//! The one integration binary.

#[path = "../support/mod.rs"]
mod support;

mod registry;
mod registry_faults;
