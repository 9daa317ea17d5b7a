//! All patterns together, with the indexes by which a scan finds the few that matter.

use super::builtin::BUILTIN;
use super::file::{Parsed, parse_file};
use super::form::Form;
use super::gitleaks;
use super::pattern::{LONGEST_KEYWORD, Pattern, PatternError, Sample};
use super::prefilter::Prefilter;
use super::scan::Scan;
use crate::analyze::Confidence;
use globset::{GlobSet, GlobSetBuilder};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::thread::ScopedJoinHandle;

/// Of all keywords together; the automaton takes some 200 bytes for each.
const MOST_KEYWORD_BYTES: usize = 1 << 20;

/// A set of patterns, ready to search with.
pub struct Patterns {
    list: Vec<Pattern>,
    by_id: HashMap<String, usize>,
    /// Fingerprints of values that everybody knows.
    pub(super) published: HashSet<String>,
    digest: [u8; 32],
    /// For text, and for binary files.
    pub(super) text: KeywordIndex,
    pub(super) binary: KeywordIndex,
    /// Of the patterns that are bound to a path, which few files match.
    pub(super) named: KeywordIndex,
    /// The globs of the patterns that are bound to a path, and whose each one is.
    bound: (GlobSet, Vec<usize>),
    /// Patterns that are bound otherwise: by a regex of the path, or because they have no keyword.
    unnamed: Vec<usize>,
    /// How far before its keyword a match may begin, and how far behind it end.
    pub(super) margin: usize,
}

/// The keywords of some of the patterns.
pub(super) struct KeywordIndex {
    prefilter: OnceLock<Prefilter>,
    pub keywords: Vec<String>,
    /// For each keyword, the patterns that have it and whether they take it in any case.
    pub users: Vec<Vec<User>>,
}

#[derive(Clone)]
pub(super) struct User {
    pub pattern: usize,
    /// The keyword as this pattern spells it, if the case matters.
    pub exact: Option<String>,
    /// The pattern's name, of which the keyword is a part.
    pub name: usize,
}

impl Patterns {
    /// The patterns that come with careen.
    ///
    /// # Panics
    /// Never: a test parses the same text.
    pub fn builtin() -> Arc<Self> {
        static ALL: OnceLock<Arc<Patterns>> = OnceLock::new();
        ALL.get_or_init(|| match Self::parse(BUILTIN) {
            Ok(patterns) => Arc::new(patterns),
            Err(e) => unreachable!("{e}"),
        })
        .clone()
    }

    /// Reads pattern files, given as name and text.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, PatternError> {
        Self::read(files, &[])
    }

    /// The patterns that come with careen and a user's own: files in careen's form or gitleaks'
    /// configurations, given as name and text. A pattern of the user's takes the place of one that
    /// comes with careen under the same id.
    pub fn with(own: &[(String, String)]) -> Result<Arc<Self>, PatternError> {
        if own.is_empty() {
            return Ok(Self::builtin());
        }
        let own: Vec<(&str, &str)> = own.iter().map(|(f, t)| (f.as_str(), t.as_str())).collect();
        let all = Self::read(BUILTIN, &own)?;
        all.check()?;
        Ok(Arc::new(all))
    }

    pub(super) fn read(files: &[(&str, &str)], own: &[(&str, &str)]) -> Result<Self, PatternError> {
        let mut list: Vec<Pattern> = Vec::new();
        let mut published = HashSet::new();
        let mut by_id: HashMap<String, usize> = HashMap::new();
        let mut disabled = Vec::new();
        let mut hash = blake3::Hasher::new();
        let mut mine = 0;
        let mut parsed = parse_all(files).into_iter();
        for (number, (file, text)) in files.iter().chain(own).enumerate() {
            for part in [file.as_bytes(), text.as_bytes()] {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            if number == files.len() {
                mine = list.len();
            }
            let parsed = match parsed.next() {
                Some(parsed) => parsed?,
                None if gitleaks::is_config(text) => gitleaks::parse(file, text)?,
                None => parse_file(file, text)?,
            };
            published.extend(parsed.published);
            disabled.extend(parsed.disabled);
            for mut pattern in parsed.patterns {
                (*file).clone_into(&mut pattern.file);
                let id = pattern.id.clone();
                match by_id.get(&id) {
                    Some(&there) if there < mine && number >= files.len() => list[there] = pattern,
                    Some(_) => {
                        return Err(PatternError {
                            file: (*file).to_owned(),
                            line: None,
                            message: format!("pattern `{id}` exists already"),
                        });
                    }
                    None => {
                        by_id.insert(id, list.len());
                        list.push(pattern);
                    }
                }
            }
        }
        if !disabled.is_empty() {
            list.retain(|p| !disabled.contains(&p.id));
            by_id = list.iter().enumerate().map(|(n, p)| (p.id.clone(), n)).collect();
        }
        let bytes: usize = list.iter().flat_map(|p| &p.keywords).map(String::len).sum();
        if bytes > MOST_KEYWORD_BYTES {
            return Err(PatternError {
                file: "all patterns".to_owned(),
                line: None,
                message: format!("the keywords have {bytes} bytes, more than {MOST_KEYWORD_BYTES}"),
            });
        }
        Ok(Self {
            text: KeywordIndex::new(&list, |p| !p.is_bound()),
            binary: KeywordIndex::new(&list, |p| !p.is_bound() && !p.text_only),
            named: KeywordIndex::new(&list, Pattern::is_bound),
            bound: bound(&list).map_err(|message| PatternError {
                file: files.first().map_or("none", |f| f.0).to_owned(),
                line: None,
                message,
            })?,
            margin: list.iter().map(|p| p.longest + LONGEST_KEYWORD + 2).max().unwrap_or(0),
            unnamed: (0..list.len())
                .filter(|&n| list[n].is_bound() && list[n].path.is_none())
                .collect(),
            by_id,
            published,
            digest: *hash.finalize().as_bytes(),
            list,
        })
    }

    /// How sure a pattern is of a sample if it is the only one; `None` if it does not match.
    pub fn alone(&self, id: &str, sample: &Sample) -> Option<Confidence> {
        let number = *self.by_id.get(id)?;
        let mut scan = Scan::new(self);
        scan.begin(self, sample.path.as_deref().map(str::as_bytes), Some(Form::Text));
        scan.only(number);
        scan.feed(self, sample.text.as_bytes());
        scan.end(self).found.iter().filter(|f| f.pattern == number).map(|f| f.confidence).max()
    }

    /// Whether every regex compiles within its bounds. For patterns that no test has seen: a scan takes
    /// one that does not compile for one that never matches.
    pub fn check(&self) -> Result<(), PatternError> {
        for pattern in &self.list {
            pattern.regex.check().map_err(|why| PatternError {
                file: pattern.file.clone(),
                line: None,
                message: format!("pattern `{}`: {why}", pattern.id),
            })?;
        }
        Ok(())
    }

    /// Changes with any byte of any file; part of the key of a cached index.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    pub fn get(&self, id: &str) -> Option<&Pattern> {
        self.by_id.get(id).map(|&i| &self.list[i])
    }

    /// In the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.list.iter()
    }

    /// Adds the patterns that are not searched for everywhere, but here.
    pub(super) fn bound_to(&self, path: Option<&[u8]>, out: &mut Vec<usize>) {
        let (globs, whose) = &self.bound;
        out.extend(self.unnamed.iter().copied().filter(|&n| {
            self.list[n].path_regex.as_ref().is_none_or(|r| path.is_some_and(|p| r.is_match(p)))
        }));
        let Some(path) = path else { return };
        let path = String::from_utf8_lossy(path).to_ascii_lowercase();
        out.extend(globs.matches(&path).into_iter().map(|glob| whose[glob]));
        out.sort_unstable();
        out.dedup();
    }

    pub(super) fn list(&self) -> &[Pattern] {
        &self.list
    }
}

/// Many files, on all cores: it is what a look at a small image would otherwise wait for.
fn parse_all(files: &[(&str, &str)]) -> Vec<Result<Parsed, PatternError>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(cores).max(1);
    let parse =
        |part: &[(&str, &str)]| part.iter().map(|(f, t)| parse_file(f, t)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let spawn =
            |part| std::thread::Builder::new().spawn_scoped(scope, move || parse(part)).ok();
        let parts: Vec<_> = files.chunks(share).map(|part| (part, spawn(part))).collect();
        // What no thread was given for, or a thread died over, is parsed here, where it can be seen.
        let parsed = |(part, thread): (_, Option<ScopedJoinHandle<_>>)| {
            thread.and_then(|t| t.join().ok()).unwrap_or_else(|| parse(part))
        };
        parts.into_iter().flat_map(parsed).collect()
    })
}

fn bound(list: &[Pattern]) -> Result<(GlobSet, Vec<usize>), String> {
    let mut set = GlobSetBuilder::new();
    let mut whose = Vec::new();
    for (number, pattern) in list.iter().enumerate() {
        for glob in pattern.path.iter().flatten() {
            set.add(glob.clone());
            whose.push(number);
        }
    }
    Ok((set.build().map_err(|e| format!("path: {e}"))?, whose))
}

impl KeywordIndex {
    fn new(list: &[Pattern], wanted: impl Fn(&Pattern) -> bool) -> Self {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut keywords = Vec::new();
        let mut users: Vec<Vec<User>> = Vec::new();
        for (number, pattern) in list.iter().enumerate().filter(|(_, p)| wanted(p)) {
            for (name, keyword) in pattern.keywords.iter().enumerate() {
                let lower = keyword.to_ascii_lowercase();
                let place = *places.entry(lower.clone()).or_insert_with(|| {
                    keywords.push(lower);
                    users.push(Vec::new());
                    users.len() - 1
                });
                users[place].push(User {
                    pattern: number,
                    exact: (!pattern.ignore_case).then(|| keyword.clone()),
                    name,
                });
            }
        }
        Self { prefilter: OnceLock::new(), keywords, users }
    }

    /// Made when it is first needed: many images have no file that needs the second or third one.
    pub fn prefilter(&self) -> &Prefilter {
        self.prefilter.get_or_init(|| Prefilter::new(&self.keywords))
    }
}
