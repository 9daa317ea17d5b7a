//! Takes secrets out of the names in an index: of files, folders, links, packages, libraries. What stands in
//! their place is the mask and the fingerprint, the same for the same name in any layer, so that names that
//! were equal or different before still are, and can be looked up by what stands there.

use super::{Entries, LayerIndex};
use crate::analyze::secrets::{KnownSecrets, Masker, Patterns};
use crate::analyze::{Confidence, Dynamic, Facts};
use crate::layer::LayerPath;
use std::cell::RefCell;
use std::collections::HashMap;

/// Parts of paths that are remembered: the same folders come again and again.
const REMEMBERED: usize = 4096;

/// What begins the name of a whiteout (layer.md, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";

/// A secret shorter than this is met in names by chance.
const KNOWN: usize = 12;

/// Masks names, each part of a path by itself.
pub struct Names<'p> {
    masker: Masker<'p>,
    /// With what stands in its place; `None` where a part holds no secret.
    parts: RefCell<HashMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Entries {
    /// Masks the parts of all paths and of the targets of links. Each folder is looked at once.
    fn mask(&mut self, names: &Names) {
        let mut masked: HashMap<u32, Vec<u8>> = HashMap::new();
        let lists = [&mut self.paths.folder_names, &mut self.paths.names, &mut self.links];
        for list in lists {
            for n in names.masker.suspects(list.iter()) {
                masked.extend(names.parts_of(list.get(n as u32)).map(|part| (n as u32, part)));
            }
            if !masked.is_empty() {
                list.replace(&mut masked);
            }
        }
    }
}

impl<'p> Names<'p> {
    pub fn new(patterns: &'p Patterns) -> Self {
        Self { masker: Masker::new(patterns, KnownSecrets::default()), parts: RefCell::default() }
    }

    /// The path as an index has it.
    pub fn path(&self, path: &LayerPath) -> LayerPath {
        self.parts_of(path.as_bytes()).map_or_else(|| path.clone(), |p| LayerPath::new(&p))
    }

    /// A path as it was written, a link's target too; `None` if it holds no secret.
    fn parts_of(&self, path: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(path.len());
        let mut masked = false;
        for (n, part) in path.split(|b| *b == b'/').enumerate() {
            if n > 0 {
                out.push(b'/');
            }
            match self.part(part) {
                Some(mask) => {
                    masked = true;
                    out.extend_from_slice(&mask);
                }
                None => out.extend_from_slice(part),
            }
        }
        masked.then_some(out)
    }

    fn part(&self, part: &[u8]) -> Option<Vec<u8>> {
        if let Some(known) = self.parts.borrow().get(part) {
            return known.clone();
        }
        // The mark hides what has the name without it: both are masked alike.
        let masked = match part.strip_prefix(WHITEOUT) {
            Some(name) => self.masker.mask_name(name).map(|name| [WHITEOUT, &name].concat()),
            None => self.masker.mask_name(part),
        };
        let mut parts = self.parts.borrow_mut();
        if parts.len() >= REMEMBERED {
            parts.clear();
        }
        parts.insert(part.to_vec(), masked.clone());
        masked
    }
}

/// Masks all names of an index. What a secret of the layer's own files looks like is known, and heeded in
/// what is no path.
pub(super) fn mask(index: &mut LayerIndex, patterns: &Patterns) {
    let names = Names::new(patterns);
    paths(index, &names);
    let sure = index.facts.secrets.iter().filter(|s| s.confidence >= Confidence::Likely);
    let long = sure.filter(|s| crate::text::Shape::of_mask(&s.masked).is_some_and(is_long));
    let known = KnownSecrets::new(long.map(|s| (s.masked.as_str(), s.fingerprint.as_str())));
    let masker = Masker::new(patterns, known);
    texts(&mut index.facts, &masker);
    for kept in &mut index.facts.kept {
        if let Some(masked) = masker.mask_bytes(&kept.bytes) {
            kept.bytes = masked;
        }
    }
}

fn is_long(shape: crate::text::Shape) -> bool {
    shape.length >= KNOWN
}

fn paths(index: &mut LayerIndex, names: &Names) {
    index.entries.mask(names);

    let facts = &mut index.facts;
    let mut listed: Vec<&mut LayerPath> = Vec::new();
    listed.extend(facts.owned.iter_mut().flat_map(|o| &mut o.paths));
    listed.extend(facts.packages.iter_mut().flat_map(|p| &mut p.root));
    for n in names.masker.suspects(listed.iter().map(|p| p.as_bytes())) {
        *listed[n] = names.path(listed[n]);
    }

    let mut words: Vec<&mut String> = Vec::new();
    for elf in &mut facts.elf {
        words.extend(&mut elf.interpreter);
        words.extend(&mut elf.strings);
        if let Dynamic::Linked(linked) = &mut elf.dynamic {
            words.extend(linked.needed.iter_mut().chain(&mut linked.search));
        }
    }
    for r in &mut facts.references {
        words.extend(r.paths.iter_mut().chain(&mut r.includes).chain(&mut r.imports));
        words.extend(&mut r.development);
    }
    for n in names.masker.suspects(words.iter().map(|w| w.as_bytes())) {
        if let Some(masked) = names.parts_of(words[n].as_bytes()) {
            *words[n] = String::from_utf8_lossy(&masked).into_owned();
        }
    }
}

/// What is no path, and what of a path is a secret only as a whole.
fn texts(facts: &mut Facts, masker: &Masker) {
    let mut texts: Vec<&mut String> = Vec::new();
    texts.extend(facts.secrets.iter_mut().flat_map(|s| &mut s.inside));
    for p in &mut facts.packages {
        texts.extend([&mut p.name, &mut p.version]);
        texts.extend(p.architecture.iter_mut().chain(&mut p.source));
        texts.extend(p.namespace.iter_mut().chain(&mut p.inside));
        texts.extend(p.relations.needs.iter_mut().flatten().chain(&mut p.relations.provides));
    }
    texts.extend(facts.owned.iter_mut().map(|o| &mut o.package));
    for elf in &mut facts.elf {
        texts.extend(&mut elf.strings);
        if let Dynamic::Linked(linked) = &mut elf.dynamic {
            texts.extend(&mut linked.versions);
        }
    }
    for r in &mut facts.references {
        texts.extend(r.interpreter.iter_mut().chain(&mut r.commands).chain(&mut r.unclear));
        texts.extend(&mut r.builds);
        texts.extend(r.paths.iter_mut().chain(&mut r.includes));
    }
    texts.extend(&mut facts.modules.names);
    texts.extend(facts.unread.iter_mut().map(|u| &mut u.why));
    for n in masker.suspects(texts.iter().map(|t| t.as_bytes())) {
        if let Some(masked) = masker.mask_name(texts[n].as_bytes()) {
            *texts[n] = String::from_utf8_lossy(&masked).into_owned();
        }
    }
    // What is looked up by its name in another layer, where the secret may not be known, is not among these.
    let mut told: Vec<&mut String> = Vec::new();
    told.extend(facts.secrets.iter_mut().flat_map(|s| &mut s.inside));
    told.extend(facts.packages.iter_mut().map(|p| &mut p.version));
    for r in &mut facts.references {
        told.extend(r.interpreter.iter_mut().chain(&mut r.commands).chain(&mut r.unclear));
        told.extend(&mut r.builds);
    }
    told.extend(facts.unread.iter_mut().map(|u| &mut u.why));
    for text in told {
        if let Some(masked) = masker.mask_known(text) {
            *text = masked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In parts, so that no scanner takes this file for a leak.
    fn token() -> String {
        ["gh", "p_Gp", "WLuqIA", "1id6Vw", "5DQL05", "HA064G", "iIjH2Y", "Y9mj"].concat()
    }

    #[test]
    fn a_name_is_masked_alike_wherever_it_stands() {
        let patterns = Patterns::builtin();
        let names = Names::new(&patterns);
        let masked = |path: &str| names.path(&LayerPath::from(path)).to_text();
        let token = token();
        let part = masked(&token);
        assert!(part.starts_with("ghp_****mj (40 characters, ") && !part.contains(&token));
        assert_eq!(masked(&format!("srv/{token}/a/b")), format!("srv/{part}/a/b"));
        assert_eq!(masked(&format!("srv/.wh.{token}")), format!("srv/.wh.{part}"));
        assert_eq!(masked(&format!("srv/{token}.pem")), format!("srv/{part}.pem"));
        // What is masked is not masked again.
        assert_eq!(masked(&part), part);
        for plain in ["usr/bin/env", "srv/.wh..wh..opq", "etc/password=changeme", ""] {
            assert_eq!(masked(plain), plain);
        }
    }
}
