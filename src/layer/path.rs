//! A path inside an image: bytes, relative to the root, clean.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;

/// A normalised path: no leading or trailing `/`, no empty part, no `.` and no `..`. The root is the
/// empty path. Bytes, not text: a tar may hold any.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct LayerPath(Box<[u8]>);

/// Bytes of the longest path that Linux makes or opens (`PATH_MAX` less its end mark).
pub const LONGEST_PATH: usize = 4095;

/// Bytes of the longest name of one file or folder (`NAME_MAX`).
pub const LONGEST_NAME: usize = 255;

/// What an entry's name says about the layers below (layer.md, "Whiteouts").
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whiteout {
    /// `.wh.NAME`: the sibling NAME, and all below it, is gone.
    Of(LayerPath),
    /// `.wh..wh..opq`: all that lower layers put into this directory is gone.
    Opaque(LayerPath),
}

/// The first part of a path as it is written, and what stands behind its `/`.
pub fn split_first(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'/', path) {
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (path, b""),
    }
}

impl LayerPath {
    /// Cleans `raw` as a runtime does (Go's `filepath.Clean` under a root): `..` stops at the root.
    pub fn new(raw: &[u8]) -> Self {
        Self::clean(raw).0
    }

    /// The clean path, and whether a `..` tried to climb out of the root.
    pub fn clean(raw: &[u8]) -> (Self, bool) {
        let mut out: Vec<u8> = Vec::with_capacity(raw.len());
        let mut escaped = false;
        for part in raw.split(|&b| b == b'/') {
            match part {
                b"" | b"." => {}
                b".." if out.is_empty() => escaped = true,
                b".." => {
                    let cut = out.iter().rposition(|&b| b == b'/').unwrap_or(0);
                    out.truncate(cut);
                }
                _ => {
                    if !out.is_empty() {
                        out.push(b'/');
                    }
                    out.extend_from_slice(part);
                }
            }
        }
        (Self(out.into()), escaped)
    }

    /// A path that is clean already, made of clean parts.
    pub(crate) fn of_clean(path: Vec<u8>) -> Self {
        debug_assert_eq!(Self::new(&path).as_bytes(), path);
        Self(path.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last part; empty for the root.
    pub fn name(&self) -> &[u8] {
        match self.0.iter().rposition(|&b| b == b'/') {
            Some(i) => &self.0[i + 1..],
            None => &self.0,
        }
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(Self(self.0[..cut].into()))
    }

    /// `self/name`, cleaned.
    pub fn join(&self, name: &[u8]) -> Self {
        let mut raw = self.0.to_vec();
        raw.push(b'/');
        raw.extend_from_slice(name);
        Self::new(&raw)
    }

    /// Whether it is `dir` or lies below it.
    pub fn is_within(&self, dir: &LayerPath) -> bool {
        dir.is_root()
            || self
                .0
                .strip_prefix(dir.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    /// Whether Linux can make it: neither the path nor one of its names is too long.
    pub fn can_be_made(&self) -> bool {
        self.0.len() <= LONGEST_PATH
            && self.0.split(|&b| b == b'/').all(|n| n.len() <= LONGEST_NAME)
    }

    /// Another path in the place of one that is longer than [`LONGEST_PATH`]: its first folders, its length
    /// and hash, its last names. The same for the same path, and nothing that exists is called so.
    pub fn stand_in(&self) -> Self {
        const HEAD: usize = 64;
        const TAIL: usize = 128;
        let head = &self.0[..self.0.len().min(HEAD)];
        let head = &head[..memchr::memrchr(b'/', head).unwrap_or(head.len())];
        let tail = &self.0[self.0.len().saturating_sub(TAIL)..];
        let tail = &tail[memchr::memchr(b'/', tail).map_or(0, |i| i + 1)..];
        let hash = crate::oci::digest::hex(&blake3::hash(&self.0).as_bytes()[..8]);
        let mark = format!("...{}-bytes-{hash}...", self.0.len());
        Self::new(&[head, mark.as_bytes(), tail].join(&b'/'))
    }

    /// How many of its folders and names `before`, the path that stood before it, does not have.
    pub(super) fn parts_beyond(&self, before: &[u8]) -> usize {
        let same = self.0.iter().zip(before).take_while(|(a, b)| a == b).count();
        let ends = |path: &[u8]| path.get(same).is_none_or(|&b| b == b'/');
        let rest = match ends(&self.0) && ends(before) {
            true => &self.0[(same + 1).min(self.0.len())..],
            // A part that is the same only at its beginning is another one.
            false => &self.0[memchr::memrchr(b'/', &self.0[..same]).map_or(0, |i| i + 1)..],
        };
        match rest {
            b"" => 0,
            rest => 1 + memchr::memchr_iter(b'/', rest).count(),
        }
    }

    /// The path as text, with bytes that are no UTF-8 replaced.
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// What the name says as a whiteout, whatever kind of entry it is of. Old names of aufs' books are no
    /// exception: `.wh..wh.plnk` is a whiteout of `.wh.plnk`, and what is below it unpacks.
    pub fn whiteout(&self) -> Option<Whiteout> {
        let name = self.name();
        let parent = self.parent()?;
        if name == b".wh..wh..opq" {
            return Some(Whiteout::Opaque(parent));
        }
        let hidden = name.strip_prefix(b".wh.")?;
        (!hidden.is_empty() && hidden != b"." && hidden != b"..")
            .then(|| Whiteout::Of(parent.join(hidden)))
    }

    /// Whether the name begins with `.wh.`: nothing of that name is unpacked, whether it says something or not.
    pub fn is_marker(&self) -> bool {
        self.name().starts_with(b".wh.")
    }
}

impl Borrow<[u8]> for LayerPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for LayerPath {
    fn from(s: &str) -> Self {
        Self::new(s.as_bytes())
    }
}

/// For a terminal: with a leading `/`, and harmless.
impl fmt::Display for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", crate::text::Sanitized(&self.0))
    }
}

impl fmt::Debug for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_like_a_runtime() {
        for (raw, clean, escaped) in [
            ("./a//b/./c/", "a/b/c", false),
            ("/etc/passwd", "etc/passwd", false),
            ("../../etc/x", "etc/x", true),
            ("a/../b", "b", false),
            ("a/../../b", "b", true),
            (".", "", false),
        ] {
            let (path, e) = LayerPath::clean(raw.as_bytes());
            assert_eq!((path.as_bytes(), e), (clean.as_bytes(), escaped), "{raw}");
        }
    }

    #[test]
    fn whiteouts_by_name() {
        let p = |s: &str| LayerPath::from(s);
        assert_eq!(p("a/.wh.b").whiteout(), Some(Whiteout::Of(p("a/b"))));
        assert_eq!(p(".wh.b").whiteout(), Some(Whiteout::Of(p("b"))));
        assert_eq!(p("a/.wh..wh..opq").whiteout(), Some(Whiteout::Opaque(p("a"))));
        assert_eq!(p("a/.wh..wh.plnk").whiteout(), Some(Whiteout::Of(p("a/.wh.plnk"))));
        assert!(p("a/.wh..wh.plnk").is_marker() && !p("a/.wh..wh.plnk/1").is_marker());
        // It would name the directory itself or its parent.
        for odd in ["a/.wh.", "a/.wh..", "a/.wh..."] {
            assert_eq!(p(odd).whiteout(), None, "{odd}");
        }
    }

    #[test]
    fn a_path_that_linux_cannot_make_has_a_short_stand_in() {
        let long = LayerPath::from(format!("{}secret/key.pem", "folder/".repeat(600)).as_str());
        assert!(!long.can_be_made());
        let short = long.stand_in();
        assert!(short.can_be_made() && short.as_bytes().len() < 300, "{short}");
        let text = short.to_text();
        assert!(text.starts_with("folder/folder/"), "{text}");
        assert!(text.contains("...4214-bytes-") && text.ends_with("/secret/key.pem"), "{text}");
        assert_eq!(short, long.stand_in());
        let name = LayerPath::from("x".repeat(5000).as_str());
        assert!(name.stand_in().as_bytes().len() < 300);
        assert!(!LayerPath::from("x".repeat(256).as_str()).can_be_made());
        assert!(LayerPath::from(format!("a/{}/b", "x".repeat(255)).as_str()).can_be_made());
    }

    #[test]
    fn new_parts_are_counted_against_the_path_before() {
        for (before, path, new) in [
            ("", "a", 1),
            ("", "a/b/c", 3),
            ("a/b/c", "a/b/d", 1),
            ("a/b/c", "a/b/cd", 1),
            ("a/b/c", "a/b/c/d", 1),
            ("a/b/c", "a/b", 0),
            ("a/bc", "a/b", 1),
            ("ab/c", "a/c", 2),
            ("a/b", "x/b", 2),
        ] {
            let got = LayerPath::from(path).parts_beyond(before.as_bytes());
            assert_eq!(got, new, "{before} {path}");
        }
    }

    #[test]
    fn within_is_by_whole_parts() {
        let p = |s: &str| LayerPath::from(s);
        assert!(
            p("a/b").is_within(&p("a")) && p("a").is_within(&p("a")) && p("a").is_within(&p(""))
        );
        assert!(!p("ab").is_within(&p("a")));
    }
}
