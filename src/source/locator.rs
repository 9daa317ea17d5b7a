//! What the user's words name: skopeo's prefixes, or a guess.
