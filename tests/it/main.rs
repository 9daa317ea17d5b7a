//! The one integration binary.

mod architecture;
mod walk_properties;
mod walk_umoci;
