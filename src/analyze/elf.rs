//! What an ELF file is.
