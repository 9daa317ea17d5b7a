//! How many bytes facts take in memory, so that a layer cannot fill it: databases and programs say with a few
//! bytes what takes thousands.

use super::{
    Dynamic, ElfFact, Facts, KeptFile, Load, Loads, OwnedFiles, PackageRecord, References,
    SecretMatch,
};
use crate::layer::LayerPath;
use std::mem::size_of;

/// Of a string or a path on the heap, with its place in a list.
const PART: usize = 48;

/// How many facts of each sort there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    secrets: usize,
    packages: usize,
    owned: usize,
    elf: usize,
    kept: usize,
    references: usize,
    packing: usize,
    names: usize,
    modules: usize,
}

impl Facts {
    /// Where the facts end now. What could not be read is not counted.
    pub fn mark(&self) -> Mark {
        Mark {
            secrets: self.secrets.len(),
            packages: self.packages.len(),
            owned: self.owned.len(),
            elf: self.elf.len(),
            kept: self.kept.len(),
            references: self.references.len(),
            packing: self.packing.len(),
            names: self.modules.names.len(),
            modules: self.modules.files.len(),
        }
    }

    /// Bytes in memory of the facts since `mark`, roughly.
    pub fn weight_since(&self, mark: &Mark) -> u64 {
        let sum = self.secrets[mark.secrets..].iter().map(secret).sum::<usize>()
            + self.packages[mark.packages..].iter().map(package).sum::<usize>()
            + self.owned[mark.owned..].iter().map(owned).sum::<usize>()
            + self.elf[mark.elf..].iter().map(elf).sum::<usize>()
            + self.kept[mark.kept..].iter().map(kept).sum::<usize>()
            + self.references[mark.references..].iter().map(references).sum::<usize>()
            // The analyzer has the names a second time.
            + 2 * words(&self.modules.names[mark.names..])
            + self.modules.files[mark.modules..].iter().map(loads).sum::<usize>();
        sum as u64
    }

    /// Forgets the facts since `mark`.
    pub fn cut_back(&mut self, mark: &Mark) {
        self.secrets.truncate(mark.secrets);
        self.packages.truncate(mark.packages);
        self.owned.truncate(mark.owned);
        self.elf.truncate(mark.elf);
        self.kept.truncate(mark.kept);
        self.references.truncate(mark.references);
        self.packing.truncate(mark.packing);
        self.modules.names.truncate(mark.names);
        self.modules.files.truncate(mark.modules);
    }
}

fn words(list: &[String]) -> usize {
    list.iter().map(|w| w.len() + PART).sum()
}

fn paths(list: &[LayerPath]) -> usize {
    list.iter().map(|p| p.as_bytes().len() + PART).sum()
}

fn optional(word: Option<&String>) -> usize {
    word.map_or(0, |w| w.len() + PART)
}

fn secret(fact: &SecretMatch) -> usize {
    let shown = fact.pattern.len() + fact.masked.len() + fact.fingerprint.len();
    size_of::<SecretMatch>() + shown + optional(fact.inside.as_ref())
}

fn package(fact: &PackageRecord) -> usize {
    let root = fact.root.as_ref().map_or(0, |r| r.as_bytes().len());
    let named = fact.name.len() + fact.version.len() + root;
    let needs: usize = fact.relations.needs.iter().map(|n| words(n) + PART).sum();
    size_of::<PackageRecord>()
        + named
        + optional(fact.architecture.as_ref())
        + optional(fact.source.as_ref())
        + optional(fact.namespace.as_ref())
        + optional(fact.inside.as_ref())
        + needs
        + words(&fact.relations.provides)
}

fn owned(fact: &OwnedFiles) -> usize {
    size_of::<OwnedFiles>() + fact.package.len() + paths(&fact.paths)
}

fn elf(fact: &ElfFact) -> usize {
    let linked = match &fact.dynamic {
        Dynamic::Linked(l) => words(&l.needed) + words(&l.search) + words(&l.versions),
        _ => 0,
    };
    let strings = words(&fact.strings) + optional(fact.interpreter.as_ref());
    size_of::<ElfFact>() + linked + strings
}

fn loads(fact: &Loads) -> usize {
    size_of::<Loads>() + fact.list.len() * size_of::<Load>()
}

fn kept(fact: &KeptFile) -> usize {
    size_of::<KeptFile>() + fact.bytes.len()
}

fn references(fact: &References) -> usize {
    let lists = [
        &fact.interpreter,
        &fact.commands,
        &fact.paths,
        &fact.includes,
        &fact.unclear,
        &fact.builds,
        &fact.imports,
        &fact.development,
    ];
    size_of::<References>() + lists.into_iter().map(|l| words(l)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::PackageKind;

    #[test]
    fn a_mark_is_where_facts_are_weighed_from_and_cut_back_to() {
        let mut facts = Facts::default();
        let one = OwnedFiles {
            entry: 0,
            kind: PackageKind::Apk,
            package: "p".to_owned(),
            paths: vec![LayerPath::from("usr/bin/p"); 1000],
        };
        facts.owned.push(one.clone());
        let mark = facts.mark();
        assert_eq!(facts.weight_since(&mark), 0);
        facts.owned.push(one);
        assert!((1000 * 40..1000 * 100).contains(&facts.weight_since(&mark)));
        facts.cut_back(&mark);
        assert_eq!((facts.owned.len(), facts.mark()), (1, mark));
    }
}
