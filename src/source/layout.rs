//! An OCI image layout in a directory.
