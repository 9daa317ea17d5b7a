//! Files that wait: those of a distribution are kept once something is seen to load one of them, and at last, as
//! only maybe needed, where nothing may be missing.

use super::reach::{Follow, Reach};
use super::units::Units;
use super::why::Why;
use crate::image::packages::InstalledPackages;

/// What is asked for by name and small is kept, though nothing was seen to load it: its name may be made at run
/// time.
const SMALL: u64 = 3 << 20;

impl Reach<'_, '_> {
    /// Finds the distributions of the languages whose sources tell what they load.
    pub(super) fn prepare(&mut self, packages: &InstalledPackages) {
        self.units.add_python(self.items, packages);
        self.python_tells = !self.units.is_empty() && self.tells();
        if !self.python_tells {
            self.units = Units::new(self.items);
        }
        if self.tells_node() {
            self.units.add_node(self.items, packages);
        }
        if self.tells_ruby() {
            self.units.add_ruby(self.items, packages);
        }
        self.waits = !self.units.is_empty();
    }

    /// `general`: it is kept with many others, not for itself.
    pub(super) fn keep_as(
        &mut self,
        item: u32,
        from: Option<u32>,
        why: &Why,
        follow: Follow,
        general: bool,
    ) {
        if self.waits {
            if general && self.units.leaves(item, follow) {
                return;
            }
            let unit = self.units.of(item);
            match unit.map(|u| (u, self.units.opened(u).cloned())) {
                Some((unit, None)) if general => return self.units.wait(unit, item, follow),
                // Why its distribution is kept tells more.
                Some((_, Some(opened))) if general => {
                    self.edges.keep(item, opened.from, &opened.why);
                }
                _ if general => {}
                _ => {
                    let of_package = || self.units.of_package(self.items.owner(item)?);
                    if let Some(unit) = unit.or_else(of_package) {
                        let name = self.units.list[unit as usize].name.clone();
                        self.units.open(unit, Some(item), Why::Package(name));
                    }
                }
            }
        }
        self.edges.keep(item, from, why);
        if self.queued[item as usize].is_none_or(|f| f < follow) {
            self.queued[item as usize] = Some(follow);
            self.queue.push_back(follow.queued(item));
        }
    }

    /// Keeps, once nothing else leads on, what is small and asked for.
    pub(super) fn keep_small(&mut self) -> bool {
        if !self.waits || std::mem::replace(&mut self.small_done, true) {
            return false;
        }
        let all: Vec<u32> = self.units.unopened().collect();
        let mut any = false;
        for unit in all {
            let here = &self.units.list[unit as usize];
            if here.is_root && here.hint.is_none() && self.units.cost(unit) <= SMALL {
                let why = Why::Small(here.name.clone());
                any |= self.units.open(unit, None, why);
            }
        }
        any
    }

    /// Keeps the files of a unit that something has led to, and what it says that it needs.
    pub(super) fn release(&mut self, unit: u32) {
        let Some(opened) = self.units.opened(unit).cloned() else { return };
        let name = self.units.list[unit as usize].name.clone();
        let waiting = self.units.take_waiting(unit);
        for &(item, follow) in &waiting {
            self.keep_waiting(item, opened.from, &opened.why, follow);
        }
        let from = waiting.first().map(|w| w.0).or(opened.from);
        for other in self.units.list[unit as usize].requires.clone() {
            let package = self.units.list[other as usize].name.clone();
            let by = name.clone();
            self.units.open(other, from, Why::Needed { package, by });
        }
        for other in self.units.plugins_of(unit) {
            let package = self.units.list[other as usize].name.clone();
            self.units.open(other, from, Why::Plugin { package, of: name.clone() });
        }
    }

    fn keep_waiting(&mut self, item: u32, from: Option<u32>, why: &Why, follow: Follow) {
        if !self.units.leaves(item, follow) {
            self.keep(item, from, why, follow);
        }
    }

    /// Keeps all that nothing has led to.
    pub(super) fn release_rest(&mut self, why: &dyn Fn(&str) -> Why) {
        for (item, follow) in self.units.take_left() {
            self.keep_as(item, None, &Why::Source, follow, false);
        }
        let rest: Vec<u32> = self.units.unopened().collect();
        for unit in rest {
            let why = why(&self.units.list[unit as usize].name);
            self.units.open(unit, None, why);
        }
    }
}

/// A reason to keep many files at once.
pub(super) fn is_general(why: &Why, from: Option<u32>) -> bool {
    matches!(why, Why::Family(_))
        || from.is_none()
            && matches!(why, Why::Application | Why::WorkingDir | Why::Environment(_) | Why::Volume)
}
