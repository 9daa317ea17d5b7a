//! The lines of a tree that are shown: what is open, in which order, which one is chosen.

use super::tree::{Filter, Marks, Tree};
use std::collections::HashSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Size,
    Name,
}

/// A tree as it is looked at.
pub struct Listing {
    pub tree: Tree,
    pub rows: Vec<u32>,
    pub chosen: usize,
    /// The first row on the screen.
    pub top: usize,
    pub filter: Filter,
    pub order: Order,
    open: HashSet<u32>,
}

impl Listing {
    /// The largest first, the topmost folders closed.
    pub fn new(tree: Tree, filter: Filter, order: Order) -> Self {
        let mut listing =
            Self { tree, rows: Vec::new(), chosen: 0, top: 0, filter, order, open: HashSet::new() };
        listing.refresh();
        listing
    }

    pub fn chosen_entry(&self) -> Option<u32> {
        self.rows.get(self.chosen).copied()
    }

    pub fn is_open(&self, entry: u32) -> bool {
        // What a filter finds is shown without looking for it.
        self.open.contains(&entry) != self.filtered()
    }

    fn filtered(&self) -> bool {
        self.filter != Filter::All
    }

    /// Makes the rows anew and keeps the same entry chosen, or its folder.
    fn refresh(&mut self) {
        let kept = self.chosen_entry();
        let mut rows = Vec::new();
        let mut todo = self.sorted_children(0);
        todo.reverse();
        while let Some(entry) = todo.pop() {
            rows.push(entry);
            if self.tree.get(entry).is_dir && self.is_open(entry) {
                let mut children = self.sorted_children(entry);
                children.reverse();
                todo.extend(children);
            }
        }
        self.rows = rows;
        let mut wanted = kept;
        self.chosen = loop {
            let Some(entry) = wanted.filter(|e| *e != 0) else { break 0 };
            if let Some(at) = self.rows.iter().position(|r| *r == entry) {
                break at;
            }
            wanted = Some(self.tree.get(entry).parent);
        };
    }

    fn sorted_children(&self, of: u32) -> Vec<u32> {
        let mut children: Vec<u32> =
            self.tree.children(of).filter(|c| self.tree.fits(*c, self.filter)).collect();
        if self.order == Order::Size {
            children.sort_by_key(|c| std::cmp::Reverse(self.tree.weight(*c, self.filter)));
        }
        children
    }

    pub fn move_by(&mut self, rows: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.chosen = self.chosen.saturating_add_signed(rows).min(last);
    }

    pub fn choose(&mut self, row: usize) {
        self.chosen = row.min(self.rows.len().saturating_sub(1));
    }

    /// Opens or closes the chosen folder.
    pub fn toggle(&mut self) {
        if let Some(entry) = self.chosen_entry().filter(|e| self.tree.get(*e).is_dir) {
            if !self.open.remove(&entry) {
                self.open.insert(entry);
            }
            self.refresh();
        }
    }

    /// Opens the chosen folder, or goes into it.
    pub fn go_in(&mut self) {
        let Some(entry) = self.chosen_entry().filter(|e| self.tree.get(*e).is_dir) else { return };
        if self.is_open(entry) {
            self.move_by(1);
        } else {
            self.toggle();
        }
    }

    /// Closes the chosen folder, or goes to the one around.
    pub fn go_out(&mut self) {
        let Some(entry) = self.chosen_entry() else { return };
        if self.tree.get(entry).is_dir && self.is_open(entry) {
            self.toggle();
            return;
        }
        let parent = self.tree.get(entry).parent;
        if let Some(at) = self.rows.iter().position(|r| *r == parent) {
            self.chosen = at;
        }
    }

    /// Opens all folders around an entry and chooses it.
    pub fn reveal(&mut self, entry: u32) {
        // What a later layer hides stands among the hidden alone.
        let hidden = !self.tree.get(entry).below.has(Marks::SHOWN);
        if self.filtered() || hidden {
            self.set_filter(if hidden { Filter::Hidden } else { Filter::All });
        }
        let mut at = self.tree.get(entry).parent;
        while at != 0 && !hidden {
            self.open.insert(at);
            at = self.tree.get(at).parent;
        }
        self.refresh();
        if let Some(row) = self.rows.iter().position(|r| *r == entry) {
            self.chosen = row;
        }
    }

    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.open.clear();
        self.top = 0;
        self.refresh();
    }

    pub fn set_order(&mut self, order: Order) {
        self.order = order;
        self.refresh();
    }

    pub fn close_all(&mut self) {
        self.set_filter(Filter::All);
    }

    /// Moves the window so that the chosen row is in it.
    pub fn scroll_to(&mut self, height: usize) {
        let height = height.max(1);
        self.top = self.top.min(self.chosen).max((self.chosen + 1).saturating_sub(height));
        self.top = self.top.min(self.rows.len().saturating_sub(height));
    }
}
