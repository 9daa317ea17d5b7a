//! careen looks inside container images and says how to make them small and safe.
//!
//! The modules stand in the order of the data; a module may use only those above it
//! (`tests/it/architecture.rs` checks it).

pub mod oci;

pub mod text;

pub mod stream;

pub mod source;

pub mod layer;

pub mod analyze;

pub mod index;

pub mod image;

pub mod dockerfile;

pub mod kube;

pub mod rules;

pub mod closure;

pub mod advise;

pub mod report;

pub mod pipeline;

pub mod sweep;

pub mod explore;

pub mod cli;
