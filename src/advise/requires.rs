//! Which packages bring which: what has to be asked for, so that all are there.

use crate::image::packages::InstalledPackage;
use std::collections::{HashMap, HashSet};

/// Who needs whom.
pub(super) struct Graph {
    needs: Vec<Vec<usize>>,
}

impl Graph {
    pub fn new(all: &[&InstalledPackage]) -> Self {
        let mut provided: HashMap<&str, Vec<usize>> = HashMap::new();
        for (n, package) in all.iter().enumerate() {
            provided.entry(&package.name).or_default().push(n);
            for name in &package.relations.provides {
                provided.entry(name).or_default().push(n);
            }
        }
        let of = |p: &&InstalledPackage| {
            let names = p.relations.needs.iter().flatten();
            // Any of several alternatives that is there.
            names.filter_map(|n| provided.get(n.as_str())).flatten().copied().collect()
        };
        Self { needs: all.iter().map(of).collect() }
    }

    /// These and all that they bring.
    pub fn reach(&self, roots: &[usize]) -> HashSet<usize> {
        let mut seen: HashSet<usize> = roots.iter().copied().collect();
        let mut queue: Vec<usize> = roots.to_vec();
        while let Some(n) = queue.pop() {
            queue.extend(self.needs[n].iter().copied().filter(|&m| seen.insert(m)));
        }
        seen
    }

    /// The fewest of them that bring all: those that no other brings, and of packages that bring each other one.
    pub fn asked(&self) -> Vec<usize> {
        let all: Vec<usize> = (0..self.needs.len()).collect();
        let brought: HashSet<usize> = all
            .iter()
            .flat_map(|&n| self.needs[n].iter().copied().filter(move |&m| m != n))
            .collect();
        let mut asked: Vec<usize> = all.iter().copied().filter(|n| !brought.contains(n)).collect();
        let mut reached = self.reach(&asked);
        for n in all {
            if !reached.contains(&n) {
                asked.push(n);
                reached.extend(self.reach(&[n]));
            }
        }
        // Of those that were added, a later one may bring an earlier one.
        let mut at = 0;
        while at < asked.len() {
            let others: Vec<usize> = asked.iter().copied().filter(|&n| n != asked[at]).collect();
            if self.reach(&others).contains(&asked[at]) {
                asked.remove(at);
            } else {
                at += 1;
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_packages_that_bring_each_other_one_is_asked_for() {
        // 0 and 1 bring each other, and 2; 3 stands alone; 4 brings 0.
        let graph = |with_4: bool| Graph {
            needs: vec![
                vec![1, 2],
                vec![0],
                vec![],
                vec![3],
                if with_4 { vec![0] } else { vec![] },
            ],
        };
        assert_eq!(graph(false).asked(), [3, 4, 0]);
        assert_eq!(graph(true).asked(), [3, 4]);
    }
}
