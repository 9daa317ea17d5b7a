//! Raw bytes to verified, inflated bytes: see the modules.
