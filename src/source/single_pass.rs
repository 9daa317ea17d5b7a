//! A tar that can be read only once.
