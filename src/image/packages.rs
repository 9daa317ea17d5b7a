//! The packages in force and who owns a file.
