//! Python's import statements, line by line, with what stands around them: a function, a condition, nothing.

use super::names::Sink;
use crate::analyze::How;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// Names behind one `import`, and the bytes that they are looked for in.
const MOST_MEMBERS: usize = 100;
const LONGEST_STATEMENT: usize = 8192;
/// Blocks within one another.
const DEEPEST: usize = 100;

static DOUBLE: LazyLock<Finder> = LazyLock::new(|| Finder::new(b"\"\"\""));
static SINGLE: LazyLock<Finder> = LazyLock::new(|| Finder::new(b"'''"));

/// What a block does to the imports in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Function,
    Guard,
    /// `if TYPE_CHECKING`: never run.
    Types,
}

/// Reads a source. What Python would refuse is read as far as it looks like Python.
pub(super) fn read(text: &[u8], sink: &mut Sink) {
    let mut blocks: Vec<(usize, Block)> = Vec::new();
    let mut triples = Triples { text, next: [0, 0] };
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n);
        let whole = &text[at..end];
        let indent = whole.iter().take_while(|b| matches!(b, b' ' | b'\t' | 0xc)).count();
        let code = &whole[indent..];
        if !matches!(code.first(), None | Some(b'#' | b'\r' | b')' | b']' | b'}')) {
            while blocks.last().is_some_and(|b| b.0 >= indent) {
                blocks.pop();
            }
            statement(&text[at + indent..], code, line, indent, &mut blocks, sink);
        }
        let next = match triples.within(at, end) {
            true => after(text, at),
            false => end + 1,
        };
        let passed = &text[at..next.min(text.len())];
        line += if next == end + 1 { 1 } else { memchr::memchr_iter(b'\n', passed).count() };
        at = next;
    }
    calls(text, sink);
}

/// Where the next three quotes of each sort stand.
struct Triples<'t> {
    text: &'t [u8],
    next: [usize; 2],
}

impl Triples<'_> {
    /// Whether some stand in the line.
    fn within(&mut self, from: usize, to: usize) -> bool {
        for (next, finder) in self.next.iter_mut().zip([&*DOUBLE, &*SINGLE]) {
            if *next < from || *next == 0 {
                *next = finder.find(&self.text[from..]).map_or(usize::MAX, |n| from + n);
            }
        }
        self.next.iter().any(|n| *n < to)
    }
}

/// Where the line behind the one at `start` begins, texts of several lines passed over.
fn after(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < text.len() {
        match text[at] {
            b'\n' => return at + 1,
            b'#' => return memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n + 1),
            quote @ (b'"' | b'\'') => at = behind_text(text, at, quote),
            _ => at += 1,
        }
    }
    text.len()
}

/// Where the text that begins at `at` ends.
pub(super) fn behind_text(text: &[u8], at: usize, quote: u8) -> usize {
    let triple = [quote; 3];
    if !text[at..].starts_with(&triple) {
        let mut at = at + 1;
        while at < text.len() {
            match text[at] {
                b'\\' => at += 2,
                b'\n' => return at,
                b if b == quote => return at + 1,
                _ => at += 1,
            }
        }
        return text.len();
    }
    let mut at = at + 3;
    while let Some(n) = memchr::memchr2(quote, b'\\', text.get(at..).unwrap_or_default()) {
        at += n;
        match text[at] {
            b'\\' => at += 2,
            _ if text[at..].starts_with(&triple) => return at + 3,
            _ => at += 1,
        }
    }
    text.len()
}

/// What a line begins with, up to something that is no part of a word.
fn word(code: &[u8]) -> &[u8] {
    let end = code.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    &code[..end]
}

fn statement(
    rest: &[u8],
    code: &[u8],
    line: usize,
    indent: usize,
    blocks: &mut Vec<(usize, Block)>,
    sink: &mut Sink,
) {
    let block = match word(code) {
        b"import" | b"from" => {
            if let Some(how) = how(blocks) {
                imports(rest, line, how, sink);
            }
            return;
        }
        b"def" | b"async" => Block::Function,
        b"if" if is_for_types(code) => Block::Types,
        b"if" | b"try" | b"else" | b"elif" | b"except" | b"for" | b"while" | b"finally"
        | b"match" | b"case" => Block::Guard,
        _ => return inline(code, line, blocks, Block::Guard, sink),
    };
    if blocks.len() < DEEPEST {
        blocks.push((indent, block));
    }
    inline(code, line, blocks, block, sink);
}

/// `try: import x`, `a = 1; import x`.
fn inline(code: &[u8], line: usize, blocks: &[(usize, Block)], block: Block, sink: &mut Sink) {
    for mark in [&b": import "[..], b": from ", b"; import ", b"; from "] {
        if let Some(at) = memchr::memmem::find(code, mark)
            && block != Block::Types
            && let Some(how) = how(blocks)
        {
            imports(&code[at + 2..], line, how, sink);
        }
    }
}

fn is_for_types(code: &[u8]) -> bool {
    let condition = code[2..].split(|&b| b == b':').next().unwrap_or_default().trim_ascii();
    condition == b"False" || condition == b"0" || condition.ends_with(b"TYPE_CHECKING")
}

/// When what stands in these blocks runs; `None` if never.
fn how(blocks: &[(usize, Block)]) -> Option<How> {
    let any = |block| blocks.iter().any(|b| b.1 == block);
    match () {
        () if any(Block::Types) => None,
        () if any(Block::Function) => Some(How::Later),
        () if any(Block::Guard) => Some(How::Guarded),
        () => Some(How::Always),
    }
}

/// The words of a statement: names with dots, commas, brackets.
struct Words<'t> {
    text: &'t [u8],
    at: usize,
    bracket: bool,
}

impl<'t> Words<'t> {
    fn next(&mut self) -> Option<&'t str> {
        while let Some(&b) = self.text.get(self.at) {
            match b {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' => self.at += 2,
                b'\n' if self.bracket => self.at += 1,
                b'#' if self.bracket => {
                    self.at += memchr::memchr(b'\n', &self.text[self.at..])?;
                }
                b'(' | b')' | b',' | b'*' => {
                    self.bracket = b != b')' && (self.bracket || b == b'(');
                    self.at += 1;
                    return std::str::from_utf8(&self.text[self.at - 1..self.at]).ok();
                }
                _ if is_part(b) => {
                    let rest = &self.text[self.at..];
                    let length = rest.iter().take_while(|b| is_part(**b)).count();
                    self.at += length;
                    return std::str::from_utf8(&rest[..length]).ok();
                }
                _ => return None,
            }
        }
        None
    }
}

fn is_part(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'.' || b >= 0x80
}

fn imports(statement: &[u8], line: usize, how: How, sink: &mut Sink) {
    let text = &statement[..statement.len().min(LONGEST_STATEMENT)];
    let mut words = Words { text, at: 0, bracket: false };
    match words.next() {
        Some("import") => {
            let mut before = ",";
            for _ in 0..MOST_MEMBERS * 4 {
                let Some(word) = words.next() else { return };
                if before == "," && !sink.add(word, line, how) {
                    return;
                }
                before = word;
            }
        }
        Some(first) if first.starts_with("from") => {
            // `from.x import y` is right, too.
            let module = match &first[4..] {
                "" => words.next(),
                glued => Some(glued),
            };
            let Some(mut module) = module else { return };
            let mut joined = String::new();
            let mut next = words.next();
            // `from . x import y` is right as well.
            if module.bytes().all(|b| b == b'.') && next.is_some_and(|n| n != "import") {
                joined = format!("{module}{}", next.unwrap_or_default());
                module = &joined;
                next = words.next();
            }
            if next == Some("import") && sink.add(module, line, how) {
                members(&mut words, line, sink);
            }
            drop(joined);
        }
        _ => {}
    }
}

/// What is taken of a module; names of classes are none of modules, by PEP 8 and with few exceptions.
fn members(words: &mut Words, line: usize, sink: &mut Sink) {
    let mut renamed = false;
    for _ in 0..MOST_MEMBERS * 4 {
        let Some(word) = words.next() else { return };
        match word {
            "(" | "," | "*" => renamed = false,
            ")" => return,
            "as" => renamed = true,
            _ if renamed => {}
            _ if word.starts_with(|c: char| c.is_lowercase() || c == '_') => {
                sink.add(word, line, How::Member);
            }
            _ => {}
        }
    }
}

/// Functions that load a module by its name.
const LOADERS: [&[u8]; 6] = [
    b"import_module(",
    b"__import__(",
    b"import_optional_dependency(",
    b"import_string(",
    b"importorskip(",
    b"find_spec(",
];

static CALLS: LazyLock<Vec<Finder<'static>>> =
    LazyLock::new(|| LOADERS.iter().map(Finder::new).collect());

fn calls(text: &[u8], sink: &mut Sink) {
    if memchr::memmem::find(text, b"import").is_none() && !has(text, b"find_spec") {
        return;
    }
    for finder in CALLS.iter() {
        for at in finder.find_iter(text) {
            let rest = text[at + finder.needle().len()..].trim_ascii_start();
            let (Some(quote @ (b'"' | b'\'')), Some(rest)) = (rest.first(), rest.get(1..)) else {
                continue;
            };
            let name = rest.iter().position(|b| b == quote).map(|end| &rest[..end]);
            if let Some(name) =
                name.and_then(|n| std::str::from_utf8(n).ok()).filter(|n| is_module(n))
            {
                sink.add(name, line_of(text, at), How::Later);
            }
        }
    }
}

fn has(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

fn line_of(text: &[u8], at: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &text[..at]).count()
}

/// A name, or several with dots between and before.
pub(super) fn is_module(name: &str) -> bool {
    name.len() <= 100
        && name.trim_start_matches('.').split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
}
