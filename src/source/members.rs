//! The members of an image archive by name, and where their links lead.

use super::SourceError;
use super::headers::{Header, Kind};
use crate::text::Sanitized;
use std::collections::HashMap;

/// Most members that an archive may have. Images have a few hundred; the table of these takes 20 MB.
pub const MAX_MEMBERS: usize = 100_000;

/// Most bytes that the names and link targets of all members may take together.
pub const MAX_NAME_BYTES: usize = 16 << 20;

/// Whether a tar that has these names holds the files of a container.
pub fn is_root_file_system(has: &dyn Fn(&str) -> bool) -> bool {
    const TELLING: [&str; 10] = [
        ".dockerenv",
        "etc/os-release",
        "usr/lib/os-release",
        "etc/passwd",
        "etc/group",
        "etc/hosts",
        "etc/hostname",
        "bin/sh",
        "bin/busybox",
        "usr/bin/env",
    ];
    TELLING.iter().any(|name| has(name))
}

/// Links that are followed for one name.
const MAX_LINKS: usize = 32;

enum Node<T> {
    File(T),
    /// The path of the target, from the root of the archive; `None` leads out of it.
    Link(Option<String>),
    /// A directory, a device…
    Other,
}

/// What each name stands for; of a name that stands twice the last one counts, as for an engine
/// that unpacks the archive.
pub struct Members<T> {
    what: String,
    nodes: HashMap<String, Node<T>>,
    count: usize,
    name_bytes: usize,
    /// Names of manifests that stand more than once: readers differ in which one they take.
    twice: Vec<String>,
}

impl<T> Members<T> {
    /// `what` names the archive in errors.
    pub fn new(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            nodes: HashMap::new(),
            count: 0,
            name_bytes: 0,
            twice: Vec::new(),
        }
    }

    /// Files a member; `content` is called for a regular file only. A name that is not UTF-8 or
    /// leads out of the archive can't be named by a manifest and is left out.
    pub fn insert(
        &mut self,
        header: &Header,
        content: impl FnOnce() -> T,
    ) -> Result<(), SourceError> {
        self.count += 1;
        let Some(name) = path(&header.name, "") else {
            return self.check();
        };
        let node = match &header.kind {
            Kind::File => Node::File(content()),
            Kind::Symlink(target) => {
                let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
                Node::Link(path(target, parent))
            }
            // A hard link names its target from the root.
            Kind::Hardlink(target) => Node::Link(path(target, "")),
            Kind::Directory | Kind::Other => Node::Other,
        };
        self.name_bytes += name.len();
        if let Node::Link(Some(target)) = &node {
            self.name_bytes += target.len();
        }
        let is_manifest = name == "index.json" || name == "manifest.json";
        if self.nodes.insert(name.clone(), node).is_some()
            && is_manifest
            && !self.twice.contains(&name)
        {
            self.twice.push(name);
        }
        self.check()
    }

    fn check(&self) -> Result<(), SourceError> {
        if self.count > MAX_MEMBERS && is_root_file_system(&|n| self.nodes.contains_key(n)) {
            return Err(SourceError::RootFileSystem { what: self.what.clone() });
        }
        let why = if self.count > MAX_MEMBERS {
            format!("more than {MAX_MEMBERS} members in an image archive")
        } else if self.name_bytes > MAX_NAME_BYTES {
            format!("more than {MAX_NAME_BYTES} bytes of member names")
        } else {
            return Ok(());
        };
        Err(SourceError::Malformed { what: self.what.clone(), why })
    }

    /// The name of the regular file that `name` leads to.
    pub fn canonical(&self, name: &str) -> Result<String, SourceError> {
        let mut at = path(name.as_bytes(), "");
        for _ in 0..=MAX_LINKS {
            let Some(current) = at else {
                return Err(self.bad(name, "leads out of the archive"));
            };
            match self.nodes.get(&current) {
                Some(Node::File(_)) => return Ok(current),
                Some(Node::Link(target)) => at = target.clone(),
                Some(Node::Other) => return Err(self.bad(name, "is not a regular file")),
                None => {
                    return Err(SourceError::NotFound {
                        what: format!("{}: member `{}`", self.what, Sanitized::from(name)),
                    });
                }
            }
        }
        Err(self.bad(name, "is a loop of links"))
    }

    /// The regular file that `name` leads to.
    pub fn get(&self, name: &str) -> Result<&T, SourceError> {
        let canonical = self.canonical(name)?;
        match self.nodes.get(&canonical) {
            Some(Node::File(content)) => Ok(content),
            _ => Err(SourceError::NotFound { what: canonical }),
        }
    }

    /// Takes the content of a canonical name out.
    pub fn take(&mut self, canonical: &str) -> Option<T> {
        match self.nodes.remove(canonical) {
            Some(Node::File(content)) => Some(content),
            _ => None,
        }
    }

    /// Manifests that stand more than once.
    pub fn twice(&self) -> &[String] {
        &self.twice
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn bad(&self, name: &str, why: &str) -> SourceError {
        SourceError::Malformed {
            what: format!("{}: member `{}`", self.what, Sanitized::from(name)),
            why: why.to_owned(),
        }
    }
}

/// A path from the archive's root without `.`, `..` and doubled slashes; `None` when it is not
/// UTF-8, is empty or leads out of the archive.
pub fn path(name: &[u8], parent: &str) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let parent = if name.starts_with('/') { "" } else { parent };
    let mut parts: Vec<&str> = Vec::new();
    for part in parent.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, kind: Kind) -> Header {
        Header { name: name.into(), kind, size: 0, offset: 0 }
    }

    fn table(entries: &[(&str, Kind)]) -> Members<usize> {
        let mut m = Members::new("x.tar");
        for (i, (name, kind)) in entries.iter().enumerate() {
            m.insert(&member(name, kind.clone()), || i).unwrap();
        }
        m
    }

    #[test]
    fn names_are_made_plain_and_the_last_duplicate_wins() {
        let m = table(&[
            ("./a//b", Kind::File),
            ("/a/./b", Kind::File),
            ("../out", Kind::File),
            ("./index.json", Kind::File),
            ("index.json", Kind::File),
        ]);
        assert_eq!(*m.get("a/b").unwrap(), 1);
        assert!(m.get("out").is_err());
        assert_eq!(m.twice(), ["index.json"]);
    }

    #[test]
    fn links_lead_to_files_and_never_out_or_round() {
        let m = table(&[
            ("one/layer.tar", Kind::File),
            ("two/layer.tar", Kind::Symlink(b"../one/layer.tar".into())),
            ("three/layer.tar", Kind::Hardlink(b"two/layer.tar".into())),
            ("up", Kind::Symlink(b"../../etc/passwd".into())),
            ("loop", Kind::Symlink(b"pool".into())),
            ("pool", Kind::Symlink(b"loop".into())),
            ("dir", Kind::Directory),
        ]);
        assert_eq!(m.canonical("three/layer.tar").unwrap(), "one/layer.tar");
        for (name, why) in [
            ("up", "out of the archive"),
            ("loop", "loop of links"),
            ("dir", "not a regular file"),
            ("none", "not found"),
        ] {
            let e = m.canonical(name).unwrap_err().to_string();
            assert!(e.contains(why) && e.contains(name), "{e}");
        }
    }

    #[test]
    fn the_table_is_capped() {
        let mut m: Members<()> = Members::new("x.tar");
        let long = "n".repeat(1 << 20);
        let error = (0..100)
            .find_map(|i| m.insert(&member(&format!("{i}{long}"), Kind::File), || ()).err())
            .unwrap();
        assert!(error.to_string().contains("member names"), "{error}");
        let mut m: Members<()> = Members::new("x.tar");
        let error = (0..=MAX_MEMBERS)
            .find_map(|_| m.insert(&member("a", Kind::File), || ()).err())
            .unwrap();
        assert!(error.to_string().contains("more than 100000 members"));
    }
}
