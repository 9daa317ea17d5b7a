//! Absolute paths and names of libraries among a program's strings: what it may open by name.

use std::collections::BTreeSet;

const LONGEST: usize = 200;
/// The longest string with the NUL on both sides.
const KEPT: usize = LONGEST + 2;
const MOST: usize = 400;

/// Where such a path begins. Others are format strings, parts of URLs and the like.
const TOPS: [&str; 18] = [
    "etc",
    "usr",
    "var",
    "opt",
    "lib",
    "lib64",
    "srv",
    "run",
    "app",
    "home",
    "data",
    "share",
    "bin",
    "sbin",
    "root",
    "tmp",
    "config",
    "workspace",
];

pub(super) struct Strings {
    /// The end of what has come by, for a string across two chunks.
    rest: Vec<u8>,
    found: BTreeSet<String>,
}

impl Strings {
    /// Libraries of the system name far more than any program uses of them.
    pub fn of(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let library = memchr::memmem::find(name, b".so").is_some();
        let system = [&b"lib/"[..], b"lib64/", b"usr/lib/", b"usr/lib64/"]
            .iter()
            .any(|p| path.starts_with(p));
        (!(library && system)).then(|| Self { rest: Vec::new(), found: BTreeSet::new() })
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        if self.found.len() >= MOST {
            return;
        }
        // A string that begins before the chunk and ends in it.
        let mut seam = std::mem::take(&mut self.rest);
        seam.extend_from_slice(&bytes[..bytes.len().min(KEPT)]);
        self.look(&seam);
        if bytes.len() > KEPT {
            self.look(bytes);
            seam = bytes[bytes.len() - KEPT..].to_vec();
        }
        self.rest = seam[seam.len().saturating_sub(KEPT)..].to_vec();
    }

    pub fn finish(self) -> Vec<String> {
        self.found.into_iter().collect()
    }

    fn look(&mut self, bytes: &[u8]) {
        for start in [&b"\0/"[..], b"\0lib"] {
            for at in memchr::memmem::find_iter(bytes, start) {
                let rest = &bytes[at + 1..];
                let rest = &rest[..rest.len().min(LONGEST)];
                let Some(end) = memchr::memchr(0, rest) else { continue };
                if is_telling(&rest[..end]) && self.found.len() < MOST {
                    self.found.insert(String::from_utf8_lossy(&rest[..end]).into_owned());
                }
            }
        }
    }
}

fn is_telling(text: &[u8]) -> bool {
    if !text.iter().all(|b| b.is_ascii_alphanumeric() || b"/._+-@:~".contains(b)) {
        return false;
    }
    match text.strip_prefix(b"/") {
        Some(rest) => {
            let top = rest.split(|&b| b == b'/').next().unwrap_or_default();
            rest.len() > top.len() + 1 && TOPS.iter().any(|t| t.as_bytes() == top)
        }
        None => memchr::memmem::find(text, b".so").is_some() && !text.contains(&b'/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_libraries_are_found_in_any_chunks() {
        let text = b"\x01\0/etc/nginx/nginx.conf\0%s\0libfoo.so.1\0/x\0lib is here\0/usr/share/zoneinfo\0/etc/a b\0";
        for step in [1, 3, 7, 1000] {
            let mut strings = Strings::of(b"usr/sbin/nginx").unwrap();
            for chunk in text.chunks(step) {
                strings.feed(chunk);
            }
            let found = strings.finish();
            let wanted = ["/etc/nginx/nginx.conf", "/usr/share/zoneinfo", "libfoo.so.1"];
            assert_eq!(found, wanted, "{step}");
        }
        assert!(Strings::of(b"usr/lib/x86_64-linux-gnu/libc.so.6").is_none());
    }
}
