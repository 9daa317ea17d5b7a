//! Following a list from page to page, within bounds: a server can neither keep us for ever, nor lead
//! us elsewhere.

use super::super::RegistryError;
use super::super::link::next_link;
use super::super::names::drags_on;
use super::ListedPage;
use super::api::{Answer, Api};
use reqwest::header::{HeaderName, LINK};
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::time::Instant;
use url::Url;

/// Most names of one list.
const MAX_NAMES: usize = 5_000_000;

/// Most pages of one list: as many as hold those names, a hundred each.
const MAX_PAGES: usize = MAX_NAMES / 100;

/// Longest address of a page.
const MAX_URL: usize = 16 << 10;

/// Where to begin, and how to read what comes.
pub(super) struct Ask<'a> {
    /// The first page; of several, the first that is found.
    pub starts: Vec<Url>,
    /// For errors: `the packages`.
    pub asked: &'a str,
    pub headers: &'a [(HeaderName, String)],
    /// Why the answer makes no sense is said in words.
    pub read: &'a dyn Fn(&Answer) -> Result<Page, String>,
}

/// One page.
pub(super) struct Page {
    pub names: Vec<String>,
    /// As the server says: not yet believed.
    pub next: Option<Url>,
}

/// What a whole listing has taken so far, of all the lists that it is made of.
pub(super) struct Spent {
    begun: Instant,
    pages: Cell<usize>,
    names: Cell<usize>,
}

impl Default for Spent {
    fn default() -> Self {
        Self { begun: Instant::now(), pages: Cell::default(), names: Cell::default() }
    }
}

impl Spent {
    fn page(&self) -> Result<(), String> {
        self.pages.set(self.pages.get() + 1);
        if self.pages.get() > MAX_PAGES {
            return Err(format!("more than {MAX_PAGES} pages"));
        }
        if drags_on(self.begun, self.names.get()) {
            return Err("it goes on for too long".to_owned());
        }
        Ok(())
    }

    fn names(&self, more: usize) -> Result<(), String> {
        self.names.set(self.names.get().saturating_add(more));
        if self.names.get() > MAX_NAMES {
            return Err(format!("more than {MAX_NAMES} names"));
        }
        Ok(())
    }
}

impl Api<'_> {
    /// Hands over what is asked for, a page at a time.
    pub fn repositories(
        &self,
        ask: &Ask<'_>,
        spent: &Spent,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, RegistryError> {
        self.pages(ask, spent, &mut |names| Ok(page(self.sort(names))))
    }

    /// Hands over every name, a page at a time.
    pub fn pages(
        &self,
        ask: &Ask<'_>,
        spent: &Spent,
        each: &mut dyn FnMut(Vec<String>) -> Result<ControlFlow<()>, RegistryError>,
    ) -> Result<ControlFlow<()>, RegistryError> {
        let mut seen = HashSet::new();
        let mut starts = ask.starts.iter().cloned();
        let Some(mut url) = starts.next() else { return Ok(ControlFlow::Continue(())) };
        let origin = url.origin();
        loop {
            let wrong = |why: String| self.malformed(ask.asked, &url, why);
            // The same page twice is the way to the same page for ever.
            if !seen.insert(short(&url)) {
                return Err(wrong("the same page comes again".to_owned()));
            }
            spent.page().map_err(wrong)?;
            let answer = match self.get(&url, ask.headers, ask.asked) {
                Err(e) if e.status() == Some(404) => match starts.next() {
                    Some(other) => {
                        url = other;
                        continue;
                    }
                    None => return Err(e),
                },
                other => other?,
            };
            // Found: a later page that is missing is an error.
            starts.by_ref().for_each(drop);
            let page = (ask.read)(&answer).map_err(wrong)?;
            spent.names(page.names.len()).map_err(wrong)?;
            if each(page.names)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let Some(next) = page.next else { return Ok(ControlFlow::Continue(())) };
            let next = by_outer_name(next, &url);
            if next.origin() != origin {
                return Err(wrong("next page is on another host".to_owned()));
            }
            if next.as_str().len() > MAX_URL {
                return Err(wrong("the address of the next page is too long".to_owned()));
            }
            url = next;
        }
    }
}

/// A server behind a proxy that ends TLS names itself by the scheme that it knows.
fn by_outer_name(next: Url, at: &Url) -> Url {
    if next.scheme() == at.scheme() || next.host_str() != at.host_str() {
        return next;
    }
    let mut outer = at.clone();
    outer.set_path(next.path());
    outer.set_query(next.query());
    outer
}

/// Enough of a URL to know it again.
fn short(url: &Url) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.hash(&mut hasher);
    hasher.finish()
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|e| format!("invalid JSON: {e}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// The next page by `Link: rel="next"` (RFC 8288).
    pub fn next_by_link(&self) -> Result<Option<Url>, String> {
        let links = self.headers.get_all(LINK);
        let next = links.iter().filter_map(|v| v.to_str().ok()).find_map(next_link);
        next.map(|target| self.join(target)).transpose()
    }

    /// A page's address, which may be relative.
    pub fn join(&self, target: &str) -> Result<Url, String> {
        self.url.join(target).map_err(|e| format!("next page is no URL: {e}"))
    }

    /// The same address with one part of its query changed.
    pub fn with_query(&self, name: &str, value: &str) -> Url {
        let mut pairs: Vec<(String, String)> = self.url.query_pairs().into_owned().collect();
        match pairs.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => value.clone_into(old),
            None => pairs.push((name.to_owned(), value.to_owned())),
        }
        let mut url = self.url.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        url
    }

    /// A number in the query.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.url.query_pairs().find(|(n, _)| n == name)?.1.parse().ok()
    }
}
