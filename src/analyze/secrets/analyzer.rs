//! The secret engine as an analyzer of a layer's files.

use super::form::Form;
use super::members::{MemberFound, Members, Opening, too_slow, without_echoes};
use super::patterns::Patterns;
use super::scan::{Found, MOST_MATCHES, Scan};
use crate::analyze::unpack::{HEAD, Kind, Seeker};
use crate::analyze::{Analyzer, Facts, SecretMatch, Unread};
use crate::layer::{Entry, Interest};
use crate::text::{Redacted, mask};
use std::collections::HashSet;
use std::sync::Arc;

const ID: &str = "secrets";
/// Raise it when the same patterns give other results.
const VERSION: u32 = 8;

/// Secrets of one file that are listed.
const MOST_OF_A_FILE: usize = 1000;

/// Fills `Facts::secrets` from the content of every file.
pub struct SecretAnalyzer {
    patterns: Arc<Patterns>,
    reveal: bool,
    scan: Scan,
    entry: u32,
    path: Vec<u8>,
    size: u64,
    content: Content,
    /// Looks for a container in the middle of a file that begins with none.
    seeker: Seeker,
}

/// How the current file is read.
enum Content {
    /// Too few bytes have come to tell.
    Unknown(Vec<u8>),
    Plain,
    Container(Opening),
    /// A file that is searched as it stands and holds a container.
    Both(Opening),
}

impl SecretAnalyzer {
    /// `reveal`: keep each secret in clear beside its mask, in memory only.
    pub fn new(patterns: Arc<Patterns>, reveal: bool) -> Self {
        let scan = Scan::new(&patterns);
        Self {
            patterns,
            reveal,
            scan,
            entry: 0,
            path: Vec::new(),
            size: 0,
            content: Content::Plain,
            seeker: Seeker::default(),
        }
    }

    /// Container or not, by the head; feeds the head to what is to read it.
    fn decide(&mut self, head: &[u8]) {
        let opening =
            Kind::of(&self.path, head).and_then(|kind| self.opening(kind, self.size, true));
        self.content = match opening {
            Some(mut opening) => {
                opening.feed(head);
                Content::Container(opening)
            }
            None => {
                self.scan.begin(&self.patterns, Some(&self.path), None);
                self.seeker = Seeker::default();
                self.content = Content::Plain;
                return self.plain(head);
            }
        };
    }

    fn opening(&self, kind: Kind, size: u64, claimed: bool) -> Option<Opening> {
        Opening::new(kind, &self.patterns, &self.path, size, claimed, &self.scan).ok()
    }

    /// Bytes of a file that begins with no container; none at its end.
    fn plain(&mut self, bytes: &[u8]) {
        self.scan.feed(&self.patterns, bytes);
        if let Some(found) = self.seeker.feed(bytes) {
            let left = self.size.saturating_sub(found.at);
            if let Some(mut opening) = self.opening(found.kind, left, false) {
                opening.feed(&found.head);
                self.content = Content::Both(opening);
            }
        }
    }

    fn fact(&self, found: Found, form: Form, inside: Option<String>) -> SecretMatch {
        let pattern = &self.patterns.list()[found.pattern];
        SecretMatch {
            entry: self.entry,
            inside,
            pattern: pattern.id.clone(),
            line: (form != Form::Binary).then_some(found.line),
            offset: found.range.start,
            masked: mask(&found.secret),
            fingerprint: pattern.fingerprint(&found.secret),
            confidence: found.confidence,
            plain: self.reveal.then(|| Redacted::new(found.secret)),
        }
    }

    fn members(&self, members: Members, facts: &mut Facts) {
        let mut known = HashSet::new();
        for MemberFound { inside, form, raw, mut found } in without_echoes(members.found) {
            let parts = [Some(inside).filter(|i| !i.is_empty()), found.inside.take()];
            let inside = parts.into_iter().flatten().reduce(|a, b| format!("{a}!/{b}"));
            found.range.start += raw.unwrap_or_default();
            let mut fact = self.fact(found, form, inside);
            if raw.is_some_and(|from| from > 0) {
                fact.line = None;
            }
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
            Content::Plain => self.plain(bytes),
            Content::Container(opening) => opening.feed(bytes),
            Content::Both(opening) => {
                opening.feed(bytes);
                self.scan.feed(&self.patterns, bytes);
            }
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
        if let Content::Plain = self.content {
            self.plain(&[]);
        }
        let (first, mut more) = (facts.secrets.len(), 0);
        let mut outcome = None;
        let mut members = Members::default();
        match std::mem::replace(&mut self.content, Content::Plain) {
            Content::Container(opening) => members = opening.end(&self.patterns, &mut self.scan),
            Content::Both(opening) => {
                outcome = Some(self.scan.end(&self.patterns));
                members = opening.end(&self.patterns, &mut self.scan);
            }
            Content::Plain | Content::Unknown(_) => outcome = Some(self.scan.end(&self.patterns)),
        }
        if let Some(outcome) = outcome {
            // What a member has says more of where it stands.
            let known: HashSet<&[u8]> =
                members.found.iter().map(|m| m.found.secret.as_slice()).collect();
            for mut found in outcome.found {
                if known.contains(found.secret.as_slice()) {
                    continue;
                }
                let inside = found.inside.take();
                let fact = self.fact(found, outcome.form, inside);
                facts.secrets.push(fact);
            }
            more += outcome.more;
            if let Some(at) = outcome.cut {
                facts.unread.push(Unread { within: false, ..self.unread(too_slow(at)) });
            }
        }
        more += members.more;
        self.members(members, facts);
        let kept = facts.secrets.len().min(first + MOST_OF_A_FILE);
        more += facts.secrets.drain(kept..).count() as u64;
        if more > 0 {
            let why = format!(
                "{more} more secrets are not listed: at most {MOST_MATCHES} of one kind are, and \
                 {MOST_OF_A_FILE} of one file"
            );
            facts.unread.push(self.unread(why));
        }
    }
}
