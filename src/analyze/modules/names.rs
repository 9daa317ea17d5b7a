//! Names of modules, each kept once in a layer.

use crate::analyze::{How, Load, Loads, Modules};
use std::collections::HashMap;

/// What one file may name.
const MOST: usize = 3000;
/// A longer one is no module's name.
const LONGEST: usize = 120;

/// The number of each name of a layer.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32>,
}

/// Where the loads of one file go.
pub(super) struct Sink<'a> {
    names: &'a mut Names,
    facts: &'a mut Modules,
    list: Vec<Load>,
    /// The strongest of each name so far: its place in the list.
    seen: HashMap<u32, usize>,
}

impl<'a> Sink<'a> {
    pub fn new(names: &'a mut Names, facts: &'a mut Modules) -> Self {
        // Facts of a file may have been taken back, with the names that it brought.
        if names.numbers.len() > facts.names.len() {
            names.numbers.retain(|_, n| (*n as usize) < facts.names.len());
        }
        Self { names, facts, list: Vec::new(), seen: HashMap::new() }
    }

    /// Adds a module of this name; `false` if it is not looked at.
    pub fn add(&mut self, name: &str, line: usize, how: How) -> bool {
        if name.is_empty() || name.len() > LONGEST || self.list.len() >= MOST {
            return false;
        }
        let number = match self.names.numbers.get(name) {
            Some(n) => *n,
            None => {
                let n = self.facts.names.len() as u32;
                self.facts.names.push(name.to_owned());
                self.names.numbers.insert(name.into(), n);
                n
            }
        };
        let line = u16::try_from(line).unwrap_or(u16::MAX);
        if how != How::Member {
            if let Some(&at) = self.seen.get(&number) {
                let known = &mut self.list[at];
                if how < known.how {
                    (known.how, known.line) = (how, line);
                }
                // Its members follow another.
                if at + 1 == self.list.len() {
                    return true;
                }
            } else {
                self.seen.insert(number, self.list.len());
            }
        }
        self.list.push(Load { name: number, line, how });
        true
    }

    /// Leaves what was found as a fact of the entry.
    pub fn finish(self, entry: u32) {
        let Self { facts, mut list, .. } = self;
        if !list.is_empty() {
            list.shrink_to_fit();
            facts.files.push(Loads { entry, list });
        }
    }
}
