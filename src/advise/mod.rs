//! Findings and facts to advice.
