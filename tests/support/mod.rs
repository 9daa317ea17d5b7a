//! What the integration tests share: images made from code, and real servers started for a test.

// Each test file uses a part.
#![allow(dead_code)]

pub mod asking;
pub mod browser;
pub mod effort;
pub mod fake_registry;
pub mod fleet;
pub mod image_builder;
pub mod image_registry;
pub mod page_of;
pub mod planted;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod registry;
pub mod tls;
pub mod token_server;
pub mod tutorial;
