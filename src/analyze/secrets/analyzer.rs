//! The secret engine as an analyzer of a layer's files.

use super::form::Form;
use super::members::{MemberFound, Members, Opening};
use super::patterns::Patterns;
use super::scan::{Found, MOST_MATCHES, Scan};
use crate::analyze::unpack::{HEAD, Kind};
use crate::analyze::{Analyzer, Facts, SecretMatch, Unread};
use crate::layer::{Entry, Interest};
use crate::text::{Redacted, mask};
use std::collections::HashSet;
use std::sync::Arc;

const ID: &str = "secrets";
/// Raise it when the same patterns give other results.
const VERSION: u32 = 5;

/// Fills `Facts::secrets` from the content of every file.
pub struct SecretAnalyzer {
    patterns: Arc<Patterns>,
    reveal: bool,
    scan: Scan,
    entry: u32,
    path: Vec<u8>,
    size: u64,
    content: Content,
}

/// How the current file is read.
enum Content {
    /// Too few bytes have come to tell.
    Unknown(Vec<u8>),
    Plain,
    Container(Opening),
}

impl SecretAnalyzer {
    /// `reveal`: keep each secret in clear beside its mask, in memory only.
    pub fn new(patterns: Arc<Patterns>, reveal: bool) -> Self {
        let scan = Scan::new(&patterns);
        let content = Content::Plain;
        Self { patterns, reveal, scan, entry: 0, path: Vec::new(), size: 0, content }
    }

    /// Container or not, by the head; feeds the head to what is to read it.
    fn decide(&mut self, head: &[u8]) {
        let opening = Kind::of(&self.path, head).and_then(|kind| {
            let allowance = &self.scan.allowance;
            Opening::new(kind, &self.patterns, &self.path, self.size, allowance).ok()
        });
        self.content = match opening {
            Some(mut opening) => {
                opening.feed(head);
                Content::Container(opening)
            }
            None => {
                self.scan.begin(&self.patterns, Some(&self.path), None);
                self.scan.feed(&self.patterns, head);
                Content::Plain
            }
        };
    }

    fn fact(&self, found: Found, form: Form, inside: Option<String>) -> SecretMatch {
        let wide = matches!(form, Form::Utf16 { .. });
        let pattern = &self.patterns.list()[found.pattern];
        SecretMatch {
            entry: self.entry,
            inside,
            pattern: pattern.id.clone(),
            line: (form != Form::Binary).then_some(found.line),
            offset: found.range.start * if wide { 2 } else { 1 },
            masked: mask(&found.secret),
            fingerprint: pattern.fingerprint(&found.secret),
            confidence: found.confidence,
            plain: self.reveal.then(|| Redacted::new(found.secret)),
        }
    }

    fn members(&self, members: Members, facts: &mut Facts) {
        let mut known = HashSet::new();
        for MemberFound { inside, form, found } in members.found {
            let inside = match &found.inside {
                Some(further) => format!("{inside}!/{further}"),
                None => inside,
            };
            let fact = self.fact(found, form, Some(inside));
            // Old versions and indexes repeat themselves within one member.
            if known.insert((fact.inside.clone(), fact.fingerprint.clone())) {
                facts.secrets.push(fact);
            }
        }
        facts.unread.extend(members.unread.into_iter().map(|why| self.unread(why)));
    }

    fn unread(&self, why: String) -> Unread {
        Unread { entry: self.entry, analyzer: ID.to_owned(), why, within: true }
    }
}

impl Analyzer for SecretAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, VERSION)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size == 0 {
            return Interest::Skip;
        }
        self.entry = number;
        self.path = entry.path.as_bytes().to_vec();
        self.size = entry.size;
        self.content = Content::Unknown(Vec::new());
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        match &mut self.content {
            Content::Plain => self.scan.feed(&self.patterns, bytes),
            Content::Container(opening) => opening.feed(bytes),
            Content::Unknown(head) => {
                head.extend_from_slice(bytes);
                if head.len() >= HEAD {
                    let head = std::mem::take(head);
                    self.decide(&head);
                }
            }
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        if let Content::Unknown(head) = &mut self.content {
            let head = std::mem::take(head);
            self.decide(&head);
        }
        if let Content::Container(opening) = std::mem::replace(&mut self.content, Content::Plain) {
            let members = opening.end(&self.patterns, &mut self.scan);
            return self.members(members, facts);
        }
        let outcome = self.scan.end(&self.patterns);
        for mut found in outcome.found {
            let inside = found.inside.take();
            let fact = self.fact(found, outcome.form, inside);
            facts.secrets.push(fact);
        }
        if outcome.capped {
            let why =
                format!("more than {MOST_MATCHES} secrets of one kind; the rest is not listed");
            facts.unread.push(self.unread(why));
        }
    }
}
