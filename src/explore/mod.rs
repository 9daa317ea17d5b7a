//! The explorer: an image's layers and files to walk through. State and pictures only: keys come in,
//! wishes ([`Effect`]) go out, and a frame is drawn; it knows no terminal, no thread and no file.

mod details;
mod draw;
mod explorer;
mod keys;
mod listing;
mod search;
mod tree;
mod viewer;

pub use explorer::{Answer, Effect, Explorer};
pub use keys::Key;
pub use tree::{Filter, Tree};
pub use viewer::LIMIT as VIEW_LIMIT;
