//! What is looked at, and what each key does to it.

use super::keys::Key;
use super::listing::{Listing, Order};
use super::search::Paths;
use super::tree::{Filter, Tree};
use super::viewer::{KnownSecrets, Viewer};
use crate::analyze::Confidence;
use crate::image::view::Node;
use crate::layer::LayerPath;
use crate::pipeline::explore::{Beginning, OpenImage};
use crate::report::model::FindingReport;
use crate::report::why::WhyReport;
use std::collections::HashMap;
use std::sync::Arc;

/// Lines that a page key or the wheel moves.
const PAGE: isize = 15;
const WHEEL: isize = 3;

/// What the explorer cannot do itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    None,
    Quit,
    /// The beginning of a file.
    Read(Node),
    /// A whole file into the current folder, under this name.
    Save {
        node: Node,
        name: String,
    },
    /// What needs a visible path.
    Why(String),
}

/// What came of an effect; the text of what went wrong.
pub enum Answer {
    Read(Node, Result<Beginning, String>),
    Saved(Result<String, String>),
    Why(Result<WhyReport, String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    Layers,
    Files,
}

/// What lies over the files.
pub enum Over {
    Nothing,
    Search {
        query: String,
        hits: Vec<u32>,
        chosen: usize,
    },
    Findings {
        chosen: usize,
    },
    View(Viewer),
    /// Lines, and the first that is shown.
    Why(Vec<String>, usize),
    SaveAs {
        node: Node,
        name: String,
    },
    Help,
}

pub struct Explorer {
    pub open: Arc<OpenImage>,
    pub pane: Pane,
    /// `None`: all together.
    pub layer: Option<usize>,
    pub layer_top: usize,
    pub files: Listing,
    pub over: Over,
    /// A line about what is going on.
    pub message: String,
    /// Listings of the layers that were looked at.
    others: HashMap<Option<usize>, Listing>,
    paths: Option<Paths>,
    /// Where the panes were drawn: first row, first column, rows, columns.
    pub layers_at: [u16; 4],
    pub files_at: [u16; 4],
}

impl Explorer {
    pub fn new(open: Arc<OpenImage>) -> Self {
        let files = Listing::new(Tree::merged(&open), Filter::All, Order::Size);
        Self {
            open,
            pane: Pane::Files,
            layer: None,
            layer_top: 0,
            files,
            over: Over::Nothing,
            message: String::new(),
            others: HashMap::new(),
            paths: None,
            layers_at: [0; 4],
            files_at: [0; 4],
        }
    }

    /// What a key wishes for.
    pub fn key(&mut self, key: Key) -> Effect {
        match std::mem::replace(&mut self.over, Over::Nothing) {
            Over::Nothing => self.browse(key),
            Over::Search { query, hits, chosen } => self.search(key, query, hits, chosen),
            Over::Findings { chosen } => self.findings(key, chosen),
            Over::View(viewer) => self.view(key, viewer),
            Over::SaveAs { node, name } => self.save_as(key, node, name),
            Over::Why(lines, top) => self.scroll_why(key, lines, top),
            Over::Help => Effect::None,
        }
    }

    /// What came of an earlier wish.
    pub fn answer(&mut self, answer: Answer) {
        self.message.clear();
        // Whoever has gone on to something else is not called back.
        let busy = !matches!(self.over, Over::Nothing);
        if busy && matches!(answer, Answer::Read(_, Ok(_)) | Answer::Why(Ok(_))) {
            return;
        }
        match answer {
            Answer::Read(node, Ok(file)) => {
                let path = self.open.facts.view.entry(node).path();
                let secrets = self.secrets_in(node);
                self.over = Over::View(Viewer::new(&path, &file, &secrets, &self.open));
            }
            Answer::Saved(Ok(name)) => self.message = format!("saved {name}"),
            Answer::Why(Ok(why)) => self.over = Over::Why(super::details::why(&why), 0),
            Answer::Read(_, Err(e)) | Answer::Saved(Err(e)) | Answer::Why(Err(e)) => {
                self.message = crate::text::Sanitized::from(e.as_str()).to_string();
            }
        }
    }

    fn browse(&mut self, key: Key) -> Effect {
        self.message.clear();
        match key {
            Key::Char('q') => return Effect::Quit,
            Key::Tab | Key::BackTab => {
                self.pane = if self.pane == Pane::Files { Pane::Layers } else { Pane::Files };
            }
            Key::Char('/') => {
                let (query, hits) = (String::new(), Vec::new());
                self.over = Over::Search { query, hits, chosen: 0 };
            }
            Key::Char('?') => self.over = Over::Help,
            Key::Char('!') => self.over = Over::Findings { chosen: 0 },
            Key::Char('a') => self.show_layer(None),
            Key::Char(digit @ '0'..='9') => {
                let number = digit as usize - '0' as usize;
                if number < self.open.facts.view.layer_count() {
                    self.show_layer(Some(number));
                }
            }
            Key::Char('f') => self.next_filter(1),
            Key::Char('F') => self.next_filter(Filter::ALL.len() - 1),
            Key::Char('s') => {
                let other = if self.files.order == Order::Size { Order::Name } else { Order::Size };
                self.files.set_order(other);
            }
            Key::Char('c') => self.files.close_all(),
            Key::Char('w') => return self.why(),
            Key::Char('x') => self.ask_name(),
            Key::Click(column, row) => return self.click(column, row),
            _ if self.pane == Pane::Layers => self.in_layers(key),
            _ => return self.in_files(key),
        }
        Effect::None
    }

    fn in_layers(&mut self, key: Key) {
        let count = self.open.facts.view.layer_count();
        let at = self.layer.map_or(0, |n| n + 1);
        let to = match key {
            Key::Up | Key::Char('k') | Key::WheelUp => at.saturating_sub(1),
            Key::Down | Key::Char('j') | Key::WheelDown => (at + 1).min(count),
            Key::Home => 0,
            Key::End => count,
            Key::Enter | Key::Right | Key::Char('l') => {
                self.pane = Pane::Files;
                return;
            }
            _ => return,
        };
        self.show_layer(to.checked_sub(1));
    }

    fn in_files(&mut self, key: Key) -> Effect {
        match key {
            Key::Up | Key::Char('k') => self.files.move_by(-1),
            Key::Down | Key::Char('j') => self.files.move_by(1),
            Key::PageUp => self.files.move_by(-PAGE),
            Key::PageDown => self.files.move_by(PAGE),
            Key::WheelUp => self.files.move_by(-WHEEL),
            Key::WheelDown => self.files.move_by(WHEEL),
            Key::Home | Key::Char('g') => self.files.choose(0),
            Key::End | Key::Char('G') => self.files.choose(usize::MAX),
            Key::Right | Key::Char('l') => self.files.go_in(),
            Key::Left | Key::Char('h') | Key::Backspace => self.files.go_out(),
            Key::Enter | Key::Char(' ') => return self.enter(),
            Key::Esc if self.files.filter != Filter::All => self.files.set_filter(Filter::All),
            _ => {}
        }
        Effect::None
    }

    fn enter(&mut self) -> Effect {
        let Some(entry) = self.files.chosen_entry() else { return Effect::None };
        if self.files.tree.get(entry).is_dir {
            self.files.toggle();
            return Effect::None;
        }
        match self.readable() {
            Some(node) => {
                self.message = "reading…".to_owned();
                Effect::Read(node)
            }
            None => {
                self.message = "this is no file with content".to_owned();
                Effect::None
            }
        }
    }

    /// The chosen entry, if there is something to read.
    fn readable(&self) -> Option<Node> {
        let chosen = self.files.tree.get(self.files.chosen_entry()?);
        if chosen.own.has(super::tree::Marks::REMOVED) {
            return None;
        }
        let node = self.open.facts.view.content_of(chosen.node?)?;
        self.open.facts.view.entry(node).is_file().then_some(node)
    }

    fn why(&mut self) -> Effect {
        let Some(entry) = self.files.chosen_entry() else { return Effect::None };
        let chosen = self.files.tree.get(entry);
        let path =
            chosen.node.map_or_else(|| self.files.tree.path(entry), |n| self.path_of(n).to_text());
        self.message = "finding out what needs it…".to_owned();
        Effect::Why(path)
    }

    fn ask_name(&mut self) {
        let Some(node) = self.readable() else {
            self.message = "this is no file with content".to_owned();
            return;
        };
        let name = String::from_utf8_lossy(self.path_of(node).name()).into_owned();
        let plain = |c: char| if c.is_control() || "/\\:".contains(c) { '_' } else { c };
        let name: String = name.chars().map(plain).take(100).collect();
        let name = name.trim_start_matches('.').to_owned();
        let name = if name.is_empty() { "file".to_owned() } else { name };
        self.over = Over::SaveAs { node, name };
    }

    fn save_as(&mut self, key: Key, node: Node, mut name: String) -> Effect {
        match key {
            Key::Esc => return Effect::None,
            Key::Enter => {
                if name.is_empty() || name.contains('/') || name == ".." || name == "." {
                    self.message = "a name in the current folder, without /".to_owned();
                } else {
                    self.message = format!("saving {name}…");
                    return Effect::Save { node, name };
                }
            }
            Key::Backspace => {
                name.pop();
            }
            Key::Char(c) if !c.is_control() => name.push(c),
            _ => {}
        }
        self.over = Over::SaveAs { node, name };
        Effect::None
    }

    fn search(
        &mut self,
        key: Key,
        mut query: String,
        mut hits: Vec<u32>,
        mut chosen: usize,
    ) -> Effect {
        match key {
            Key::Esc => return Effect::None,
            Key::Enter => {
                if let Some(&hit) = hits.get(chosen) {
                    self.files.reveal(hit);
                    self.pane = Pane::Files;
                }
                return Effect::None;
            }
            Key::Up | Key::WheelUp => chosen = chosen.saturating_sub(1),
            Key::Down | Key::Tab | Key::WheelDown => {
                chosen = (chosen + 1).min(hits.len().saturating_sub(1));
            }
            Key::Backspace | Key::Char(_) => {
                match key {
                    Key::Char(c) => query.push(c),
                    _ => {
                        query.pop();
                    }
                }
                let paths = self.paths.get_or_insert_with(|| Paths::new(&self.files.tree));
                hits = paths.find(&query);
                chosen = 0;
            }
            _ => {}
        }
        self.over = Over::Search { query, hits, chosen };
        Effect::None
    }

    fn findings(&mut self, key: Key, chosen: usize) -> Effect {
        let last = self.open.report.findings.len().saturating_sub(1);
        let chosen = match key {
            Key::Esc | Key::Char('q' | '!') => return Effect::None,
            Key::Up | Key::Char('k') | Key::WheelUp => chosen.saturating_sub(1),
            Key::Down | Key::Char('j') | Key::WheelDown => (chosen + 1).min(last),
            Key::PageUp => chosen.saturating_sub(PAGE as usize),
            Key::PageDown => (chosen + PAGE as usize).min(last),
            Key::Home => 0,
            Key::End => last,
            Key::Enter => {
                self.go_to_finding(chosen);
                return Effect::None;
            }
            _ => chosen,
        };
        self.over = Over::Findings { chosen };
        Effect::None
    }

    /// To the file of a finding: in the final file system, or in the layer that still has it.
    fn go_to_finding(&mut self, chosen: usize) {
        let Some(finding) = self.open.report.findings.get(chosen) else { return };
        let (Some(layer), Some(path)) = (finding.layer, finding.path.as_deref()) else {
            self.message = "this finding is of no file".to_owned();
            return;
        };
        let path = LayerPath::from(path);
        let visible = finding.state == Some(crate::rules::State::Visible);
        let node = match visible {
            true => self.open.facts.view.get(&path),
            false => self.node_in(layer, &path),
        };
        let Some(node) = node.or_else(|| self.node_in(layer, &path)) else {
            self.message = "the file is not in the list".to_owned();
            return;
        };
        self.show_layer((!visible).then_some(layer));
        if let Some(entry) = self.files.tree.find(node) {
            self.files.reveal(entry);
        }
        self.pane = Pane::Files;
    }

    fn node_in(&self, layer: usize, path: &LayerPath) -> Option<Node> {
        let index = self.open.facts.view.index(layer)?;
        let entry =
            index.entries.iter().rposition(|e| e.name() == path.name() && e.path() == *path)?;
        Some(Node { layer, entry: entry as u32 })
    }

    fn view(&mut self, key: Key, mut viewer: Viewer) -> Effect {
        match key {
            Key::Esc | Key::Char('q') | Key::Left => return Effect::None,
            Key::Tab | Key::Char('t' | 'h') => viewer.toggle(),
            Key::Up | Key::Char('k') => viewer.scroll(-1),
            Key::Down | Key::Char('j') => viewer.scroll(1),
            Key::PageUp => viewer.scroll(-PAGE),
            Key::PageDown | Key::Char(' ') => viewer.scroll(PAGE),
            Key::WheelUp => viewer.scroll(-WHEEL),
            Key::WheelDown => viewer.scroll(WHEEL),
            Key::Home => viewer.top = 0,
            Key::End => viewer.scroll(isize::MAX),
            Key::Char('x') => {
                self.ask_name();
                return Effect::None;
            }
            _ => {}
        }
        self.over = Over::View(viewer);
        Effect::None
    }

    fn scroll_why(&mut self, key: Key, lines: Vec<String>, top: usize) -> Effect {
        let by = match key {
            Key::Up | Key::Char('k') => -1,
            Key::Down | Key::Char('j') => 1,
            Key::PageUp => -PAGE,
            Key::PageDown | Key::Char(' ') => PAGE,
            Key::WheelUp => -WHEEL,
            Key::WheelDown => WHEEL,
            _ => return Effect::None,
        };
        let top = top.saturating_add_signed(by).min(lines.len().saturating_sub(1));
        self.over = Over::Why(lines, top);
        Effect::None
    }

    fn click(&mut self, column: u16, row: u16) -> Effect {
        let within = |[top, left, height, width]: [u16; 4]| {
            let inside =
                row >= top && row < top + height && column >= left && column < left + width;
            inside.then(|| usize::from(row - top))
        };
        if let Some(line) = within(self.layers_at) {
            self.pane = Pane::Layers;
            let number = self.layer_top + line;
            if number <= self.open.facts.view.layer_count() {
                self.show_layer(number.checked_sub(1));
            }
        } else if let Some(line) = within(self.files_at) {
            self.pane = Pane::Files;
            let to = self.files.top + line;
            if to < self.files.rows.len() {
                if self.files.chosen == to {
                    return self.enter();
                }
                self.files.choose(to);
            }
        }
        Effect::None
    }

    fn next_filter(&mut self, by: usize) {
        let at = Filter::ALL.iter().position(|f| *f == self.files.filter).unwrap_or(0);
        self.files.set_filter(Filter::ALL[(at + by) % Filter::ALL.len()]);
    }

    fn show_layer(&mut self, layer: Option<usize>) {
        if layer == self.layer {
            return;
        }
        let order = self.files.order;
        let open = &self.open;
        let wanted = self.others.remove(&layer).unwrap_or_else(|| {
            let tree = match layer {
                Some(number) => Tree::of_layer(open, number),
                None => Tree::merged(open),
            };
            Listing::new(tree, Filter::All, order)
        });
        let before = std::mem::replace(&mut self.files, wanted);
        self.others.insert(self.layer, before);
        self.layer = layer;
        self.paths = None;
    }

    /// Where an entry stands: in the final file system, or in its layer.
    pub fn path_of(&self, node: Node) -> LayerPath {
        match self.layer {
            None => self.open.facts.view.path(node),
            Some(_) => self.open.facts.view.entry(node).path(),
        }
    }

    /// Findings of an entry's file.
    pub fn findings_of(&self, node: Node) -> impl Iterator<Item = &FindingReport> {
        let path = self.open.facts.view.entry(node).path().to_text();
        self.open.report.findings.iter().filter(move |f| {
            let here = |layer: Option<usize>, p: &Option<String>| {
                layer == Some(node.layer) && p.as_deref() == Some(path.as_str())
            };
            here(f.layer, &f.path) || f.also.iter().any(|a| here(a.layer, &a.path))
        })
    }

    /// Also what is accepted or not listed must not be shown.
    fn secrets_in(&self, node: Node) -> KnownSecrets {
        let mut known = KnownSecrets::default();
        let Some(index) = self.open.facts.view.index(node.layer) else { return known };
        for secret in index.facts.secrets.iter().filter(|s| s.entry == node.entry) {
            match (secret.line, &secret.inside) {
                (Some(line), None) => known.lines.push(line),
                // A guess in a binary is no reason to show nothing of it.
                _ => known.inside |= secret.confidence > Confidence::Possible,
            }
        }
        known
    }
}
