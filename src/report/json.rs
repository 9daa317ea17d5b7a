//! The report for programs.
