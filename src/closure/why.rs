//! The edges: why a file is kept.

use super::Mode;
use super::families::FAMILIES;
use super::items::Items;
use crate::layer::LayerPath;
use std::collections::HashMap;

/// What keeps a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The image starts it.
    Starts,
    HealthCheck,
    /// An argument of the command.
    Argument,
    Environment(String),
    WorkingDir,
    Volume,
    /// No package brought it: it is the application's.
    Application,
    /// `#!`.
    Interpreter,
    /// The dynamic linker.
    Loader,
    Library(String),
    /// A row of the table of what is opened by name.
    Family(usize),
    Command(String),
    /// Its path stands in the file.
    Named,
    Included,
    /// A symlink on the way, or what it leads to.
    Link,
    /// Its package has a file that is kept.
    Package(String),
    /// Its package is needed by this one.
    Needed {
        package: String,
        by: String,
    },
    Essential(String),
    Asked(String),
    /// An import statement, or a function that imports by name.
    Imported {
        module: String,
        line: u16,
    },
    /// A text that reads like a module's name.
    Module {
        name: String,
        line: u16,
    },
    /// Its distribution says that it is a plugin of another.
    Plugin {
        package: String,
        of: String,
    },
    /// A list of what an application needs names its package.
    AskedFor(String),
    /// A compiled module was made from it.
    Source,
    /// Nothing was seen to load it; it was asked for, and costs little.
    Small(String),
    /// Nothing was seen to load it.
    Unseen(String),
}

/// Why, and the item that it comes from; `None` for a root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'e> {
    pub from: Option<u32>,
    pub why: &'e Why,
}

/// Of each item the edge that keeps it, if one does.
pub(super) struct Edges {
    /// The item that it comes from and its place in `whys`; [`NONE`] for what there is not.
    list: Vec<(u32, u32)>,
    /// Each once: very many items are kept for the same.
    whys: Vec<Why>,
    known: HashMap<Why, u32>,
}

const NONE: u32 = u32::MAX;

impl Edges {
    pub fn new(items: usize) -> Self {
        Self { list: vec![(NONE, NONE); items], whys: Vec::new(), known: HashMap::new() }
    }

    pub fn get(&self, item: u32) -> Option<Edge<'_>> {
        let (from, why) = self.list[item as usize];
        let from = (from != NONE).then_some(from);
        Some(Edge { from, why: self.whys.get(why as usize)? })
    }

    pub fn has(&self, item: u32) -> bool {
        self.list[item as usize].1 != NONE
    }

    /// Keeps an item, if nothing does yet; whether that was so.
    pub fn keep(&mut self, item: u32, from: Option<u32>, why: &Why) -> bool {
        if self.has(item) {
            return false;
        }
        let number = match self.known.get(why) {
            Some(&known) => known,
            None => {
                let number = self.whys.len() as u32;
                self.whys.push(why.clone());
                self.known.insert(why.clone(), number);
                number
            }
        };
        self.list[item as usize] = (from.unwrap_or(NONE), number);
        true
    }
}

/// One step from a kept file back to the entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub path: LayerPath,
    pub mode: Mode,
    /// A sentence about `path` and the path of the next step.
    pub because: String,
}

impl Why {
    fn sentence(&self, from: Option<&LayerPath>) -> String {
        let from = from.map(LayerPath::to_string).unwrap_or_default();
        match self {
            Self::Starts => "the image starts it".into(),
            Self::HealthCheck => "the health check runs it".into(),
            Self::Argument => "the image's command names it".into(),
            Self::Environment(name) => format!("the environment variable {name} names it"),
            Self::WorkingDir => "it lies in the working directory".into(),
            Self::Volume => "it lies in a volume".into(),
            Self::Application => "no package brought it: it is the application's".into(),
            Self::Interpreter => format!("it interprets {from}"),
            Self::Loader => format!("the kernel loads {from} with it"),
            Self::Library(name) => format!("{from} is linked to {name}"),
            Self::Family(f) if from.is_empty() => format!("always kept: {}", FAMILIES.name(*f)),
            Self::Family(f) => format!("{from} opens it by name ({})", FAMILIES.name(*f)),
            Self::Command(name) => format!("{from} runs {name}"),
            Self::Named => format!("{from} names its path"),
            Self::Included => format!("{from} includes it"),
            Self::Link => format!("{from} leads over it"),
            Self::Package(name) => format!("{from} is of the same package, {name}"),
            Self::Needed { package, by } => format!("its package {package} is needed by {by}"),
            Self::Essential(name) => format!("its package {name} is essential to the system"),
            Self::Asked(name) => format!("its package {name} was asked for by name"),
            Self::Imported { module, line } => format!("{from} imports {module} (line {line})"),
            Self::Module { name, line } => format!("{from} names the module {name} (line {line})"),
            Self::Plugin { package, of } => format!("its package {package} is a plugin of {of}"),
            Self::AskedFor(name) => format!("{from} asks for the package {name}"),
            Self::Source => {
                "it is only maybe needed: it is what a compiled module was built from".into()
            }
            Self::Small(name) => format!(
                "nothing was seen to load {name}, but it was installed by name and is small: its name may be \
                 made at run time"
            ),
            Self::Unseen(name) => format!(
                "it is only maybe needed: nothing that is needed was seen to load {name}, by an import, a text, \
                 a setting or as a plugin"
            ),
        }
    }
}

/// Whether the way back from a file ends at one of the application's that nothing leads to.
pub(super) fn is_idle(edges: &Edges, start: u32) -> bool {
    let mut at = start;
    for _ in 0..1000 {
        let Some(edge) = edges.get(at) else { return false };
        match edge.from {
            Some(from) => at = from,
            None => return matches!(edge.why, Why::Application | Why::WorkingDir),
        }
    }
    false
}

pub(super) fn chain(items: &Items, edges: &Edges, modes: &[Option<Mode>], start: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = Some(start);
    while let Some(item) = at {
        let (Some(edge), Some(mode)) = (edges.get(item), modes[item as usize]) else { break };
        steps.push(Step {
            path: items.path(item),
            mode,
            because: edge.why.sentence(edge.from.map(|f| items.path(f)).as_ref()),
        });
        at = edge.from;
        if steps.len() > 1000 {
            break;
        }
    }
    steps
}
