//! The one integration binary.

mod secrets;
