//! The few changes that do the most for a whole fleet: one leaked layer, one base, one instruction. Each
//! with the bytes that it takes from the registry and from what is pulled, so that the next sweep can
//! measure it.

use super::inventory::{CURRENT_TAGS, EMPTY};
use super::store::{NewProposal, Row, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Most proposals that are kept.
const MOST: usize = 25;
/// What saves less than this is not worth a word, in bytes of the registry or of all pulls.
const FLOOR: u64 = 1_000_000;

/// All proposals, the most urgent first: leaks by severity and reach, then bytes.
pub(super) fn proposals(store: &Store) -> Result<Vec<NewProposal>, StoreError> {
    let mut all = leaks(store)?;
    let mut bytes = instructions(store)?;
    bytes.extend(duplicates(store)?);
    bytes.retain(|p| p.registry_bytes.max(p.pull_bytes) >= FLOOR);
    bytes.sort_by_key(|p| (std::cmp::Reverse(p.registry_bytes + p.pull_bytes), p.subject.clone()));
    // Half of the places at most are taken by leaks.
    all.truncate(MOST / 2);
    all.extend(bytes);
    all.truncate(MOST);
    Ok(all)
}

/// Gathers the rows of one subject; the tags, images and repositories count once each.
#[derive(Default)]
struct Gathered {
    layers: BTreeMap<i64, u64>,
    tags: BTreeSet<i64>,
    images: BTreeSet<i64>,
    repositories: BTreeMap<i64, String>,
    pull: u64,
    words: BTreeSet<String>,
    severity: Option<String>,
}

impl Gathered {
    /// The repositories in words: one by its name, several by number.
    fn place(&self) -> String {
        match self.repositories.values().next() {
            Some(only) if self.repositories.len() == 1 => only.clone(),
            _ => format!("{} repositories", self.repositories.len()),
        }
    }

    fn proposal(self, kind: &str, subject: String, title: String) -> NewProposal {
        NewProposal {
            kind: kind.to_owned(),
            subject,
            title,
            images: self.images.len() as u64,
            tags: self.tags.len() as u64,
            registry_bytes: self.layers.values().sum(),
            pull_bytes: self.pull,
            repositories: self.repositories.into_keys().collect(),
            severity: self.severity,
            ..NewProposal::default()
        }
    }
}

fn rows(
    store: &Store,
    sql: &str,
    mut each: impl FnMut(&Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let whole = format!("{CURRENT_TAGS}) {sql}");
    store.ask(&whole, EMPTY, &mut |_, row| {
        each(&row)?;
        Ok(std::ops::ControlFlow::Continue(()))
    })
}

/// Where a leak began.
struct Origin {
    repository: String,
    instruction: String,
    path: String,
}

/// Secrets by the repository that brought them: of all images that have the layer, the one with the fewest
/// layers.
fn leaks(store: &Store) -> Result<Vec<NewProposal>, StoreError> {
    let sql = "SELECT c.tag, c.image, c.repository_id, c.host || '/' || c.repository, \
                 COALESCE(f.layer, 0), f.rule, f.severity, f.fingerprint, COALESCE(f.path, ''), \
                 COALESCE(n.text, '') \
               FROM current c JOIN findings f ON f.image = c.image AND f.category = 'secret' \
               LEFT JOIN image_layers y ON y.image = f.image AND y.layer = f.layer \
               LEFT JOIN instructions n ON n.id = y.instruction \
               WHERE f.severity IN ('critical', 'high', 'medium') \
               ORDER BY c.depth, c.made, c.repository, f.number";
    let mut origins: BTreeMap<(i64, String), Origin> = BTreeMap::new();
    let mut leaks: BTreeMap<String, (Gathered, BTreeSet<String>, BTreeSet<i64>)> = BTreeMap::new();
    let mut first: BTreeMap<String, (String, String)> = BTreeMap::new();
    rows(store, sql, |r| {
        let (layer, repository) = (r.int(4)?, r.text(3)?);
        let own = if layer == 0 { repository.clone() } else { String::new() };
        let origin = match origins.entry((layer, own)) {
            std::collections::btree_map::Entry::Occupied(e) => e.into_mut(),
            std::collections::btree_map::Entry::Vacant(e) => e.insert(Origin {
                repository: repository.clone(),
                instruction: r.text(9)?,
                path: r.text(8)?,
            }),
        };
        let from = (origin.instruction.clone(), origin.path.clone());
        first.entry(origin.repository.clone()).or_insert(from);
        let (g, prints, layers) = leaks.entry(origin.repository.clone()).or_default();
        prints.insert(r.text(7)?);
        layers.insert(layer);
        g.tags.insert(r.int(0)?);
        g.images.insert(r.int(1)?);
        g.repositories.insert(r.int(2)?, repository);
        g.words.insert(r.text(5)?);
        let severity = r.text(6)?;
        if g.severity.as_deref().is_none_or(|s| order(s) > order(&severity)) {
            g.severity = Some(severity);
        }
        Ok(())
    })?;
    let mut all = Vec::new();
    for (repository, (g, prints, layers)) in leaks {
        let count = prints.len();
        let secrets = match prints.len() {
            1 => "1 secret".to_owned(),
            n => format!("{n} secrets"),
        };
        let kinds: Vec<&str> = g.words.iter().map(|w| w.trim_start_matches("secret/")).collect();
        let more = if kinds.len() > 3 { "…" } else { "" };
        let kinds = kinds.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let title = format!("revoke {secrets} that {repository} brought ({kinds}{more})");
        let (instruction, path) = first.remove(&repository).unwrap_or_default();
        let place = match (path.is_empty(), instruction.is_empty()) {
            (false, false) => {
                format!(", the first at {path} by `{}`", short(&instruction))
            }
            (false, true) => format!(", the first at {path}"),
            _ => ", in the configuration".to_owned(),
        };
        let advice = format!(
            "{secrets} in {}{place}; {} of {} can be pulled with it: revoke, build without, delete the old \
             tags",
            words(layers.len(), "layer"),
            words(g.tags.len(), "tag"),
            g.place()
        );
        let mut p = g.proposal("leak", repository, title);
        p.advice = advice;
        p.basis = "findings of all images, by the image with the fewest layers".to_owned();
        all.push((count, p));
    }
    all.sort_by_key(|(count, p)| {
        let severity = p.severity.as_deref().map_or(9, order);
        (severity, std::cmp::Reverse((p.tags, *count)), p.subject.clone())
    });
    Ok(all.into_iter().map(|(_, p)| p).collect())
}

fn order(severity: &str) -> u8 {
    match severity {
        "critical" => 0,
        "high" => 1,
        "medium" => 2,
        _ => 3,
    }
}

fn words(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// An instruction for people: the long hashes that old builders wrote are cut.
fn short(instruction: &str) -> String {
    let word = |w: &str| {
        let (name, hash) = w.split_once(':').unwrap_or(("", w));
        let is_hash = hash.len() >= 40 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        if is_hash { format!("{name}:{}…", &hash[..8]) } else { w.to_owned() }
    };
    instruction.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What of its compressed bytes a layer's part takes, by its share of the content.
fn share(size: u64, part: u64, content: u64) -> u64 {
    if content == 0 {
        return 0;
    }
    (size as f64 * (part.min(content) as f64 / content as f64)) as u64
}

/// Bytes that production does not need, and bytes that later layers hide, by the instruction or the base
/// that brings them.
fn instructions(store: &Store) -> Result<Vec<NewProposal>, StoreError> {
    let mut unneeded: BTreeMap<String, Gathered> = BTreeMap::new();
    let mut bases: BTreeMap<String, Gathered> = BTreeMap::new();
    let mut wasted: BTreeMap<String, Gathered> = BTreeMap::new();
    let sql = "SELECT c.tag, c.image, c.repository_id, c.host || '/' || c.repository, l.id, l.size, \
                 COALESCE(l.content, 0), COALESCE(il.unneeded, 0), COALESCE(il.waste, 0), \
                 COALESCE(n.text, ''), \
                 CASE WHEN il.position < COALESCE(i.base_layers, 0) \
                   THEN COALESCE(i.base, i.os, 'a base') ELSE '' END \
               FROM current c JOIN images i ON i.id = c.image \
               JOIN image_layers il ON il.image = c.image JOIN layers l ON l.id = il.layer \
               LEFT JOIN instructions n ON n.id = il.instruction \
               WHERE il.unneeded > 0 OR il.waste > 0";
    rows(store, sql, |r| {
        let (size, content) = (r.size(5)?, r.size(6)?);
        let (needless, waste) = (r.size(7)?, r.size(8)?);
        let (instruction, base) = (r.text(9)?, r.text(10)?);
        let add = |into: &mut BTreeMap<String, Gathered>, key: String, part: u64| {
            let bytes = share(size, part, content);
            let g = into.entry(key).or_default();
            let most = g.layers.entry(r.int(4)?).or_default();
            *most = (*most).max(bytes);
            g.tags.insert(r.int(0)?);
            g.images.insert(r.int(1)?);
            g.repositories.insert(r.int(2)?, r.text(3)?);
            g.pull += bytes;
            Ok::<(), StoreError>(())
        };
        if needless > 0 && !base.is_empty() {
            add(&mut bases, base, needless)?;
        } else if needless > 0 && !instruction.is_empty() {
            add(&mut unneeded, instruction.clone(), needless)?;
        }
        if waste > 0 && !instruction.is_empty() {
            add(&mut wasted, instruction, waste)?;
        }
        Ok(())
    })?;
    let basis = "the layers' own ratio of stored to unpacked bytes";
    let mut all = Vec::new();
    for (base, g) in bases {
        let title = format!("start from a smaller base than {base}");
        let advice = format!(
            "{} in {} carry what only a build needs in their base: `careen advise` says for each which base \
             is enough",
            words(g.images.len(), "image"),
            g.place()
        );
        all.push(NewProposal { advice, ..g.proposal("base", base, title) });
    }
    for (instruction, g) in unneeded {
        let title = format!("keep out of the final image what `{}` brings", short(&instruction));
        let advice = format!(
            "{} in {} ship what only a build needs: install it in a stage of its own, or remove lists, \
             caches and docs in the same RUN",
            words(g.images.len(), "image"),
            g.place()
        );
        all.push(NewProposal { advice, ..g.proposal("unneeded", instruction, title) });
    }
    for (instruction, g) in wasted {
        let title = format!("do not add what is removed again after `{}`", short(&instruction));
        let advice = format!(
            "{} in {} carry files that a later layer deletes or replaces: delete them in the same step, or \
             don't copy them",
            words(g.images.len(), "image"),
            g.place()
        );
        all.push(NewProposal { advice, ..g.proposal("hidden", instruction, title) });
    }
    for p in &mut all {
        p.basis = basis.to_owned();
    }
    Ok(all)
}

/// Layers that one instruction has made several times, differently each time.
fn duplicates(store: &Store) -> Result<Vec<NewProposal>, StoreError> {
    let mut by_text: BTreeMap<String, Gathered> = BTreeMap::new();
    let sql = "SELECT DISTINCT n.text, l.id, l.size, c.tag, c.image, c.repository_id, \
                 c.host || '/' || c.repository \
               FROM current c JOIN image_layers il ON il.image = c.image \
               JOIN layers l ON l.id = il.layer JOIN instructions n ON n.id = il.instruction \
               WHERE n.text LIKE 'RUN %' AND n.text NOT LIKE '%COPY%'";
    rows(store, sql, |r| {
        let g = by_text.entry(r.text(0)?).or_default();
        g.layers.insert(r.int(1)?, r.size(2)?);
        g.tags.insert(r.int(3)?);
        g.images.insert(r.int(4)?);
        g.repositories.insert(r.int(5)?, r.text(6)?);
        Ok(())
    })?;
    let mut all = Vec::new();
    for (instruction, mut g) in by_text {
        // One repository's versions differ by what is below; several repositories could share.
        if g.layers.len() < 2 || g.repositories.len() < 2 {
            continue;
        }
        let (layers, place) = (g.layers.len(), g.place());
        let largest = g.layers.values().copied().max().unwrap_or(0);
        let again = g.layers.values().sum::<u64>() - largest;
        g.layers = BTreeMap::from([(0, again)]);
        let title = format!("build `{}` once, in a base that all share", short(&instruction));
        let mut p = g.proposal("shared-base", instruction, title);
        p.advice = format!(
            "{place} have it in {layers} layers of their own: one image with it, as the base of all, stores \
             it once"
        );
        p.basis = "stored bytes of all but the largest of these layers".to_owned();
        all.push(p);
    }
    Ok(all)
}
