//! A tar file that can be read at any place: docker-archive or OCI layout.
