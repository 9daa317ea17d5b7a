//! What was proposed for the fleet, and what became of it.

use super::engine::{Engine, args};
use super::planning::id;
use super::{Store, StoreError};

/// A proposal before it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewProposal {
    /// `leak`, `base`, `unneeded`, `hidden`, `shared-base`.
    pub kind: String,
    /// What it is about, the same in every sweep: a layer, a base, an instruction.
    pub subject: String,
    pub title: String,
    pub advice: String,
    pub basis: String,
    /// Of a leak.
    pub severity: Option<String>,
    pub images: u64,
    pub tags: u64,
    /// Fewer bytes in the registry, as predicted.
    pub registry_bytes: u64,
    /// Fewer bytes when each tag is pulled once by someone who has none of its layers.
    pub pull_bytes: u64,
    pub repositories: Vec<i64>,
}

/// A proposal of an earlier sweep, and what its repositories have become.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Measured {
    pub run: i64,
    pub title: String,
    pub kind: String,
    pub predicted_registry_bytes: u64,
    pub predicted_pull_bytes: u64,
    /// Fewer bytes than then in the repositories it touches; negative: more.
    pub measured_registry_bytes: i64,
    pub measured_pull_bytes: i64,
}

impl Store {
    /// Keeps the proposals of a run, with the size of what they touch.
    pub fn put_proposals(&self, run: i64, all: &[NewProposal]) -> Result<(), StoreError> {
        self.write(|e| {
            e.run("DELETE FROM proposal_repositories WHERE run = $1", args![run])?;
            e.run("DELETE FROM proposals WHERE run = $1", args![run])?;
            for (rank, p) in all.iter().enumerate() {
                for repository in &p.repositories {
                    e.run(
                        "INSERT INTO proposal_repositories (run, rank, repository) \
                         VALUES ($1, $2, $3)",
                        args![run, rank, *repository],
                    )?;
                }
                let (registry, pull) = weight(e, run, rank as i64)?;
                e.run(
                    "INSERT INTO proposals (run, rank, kind, subject, title, advice, basis, severity, \
                       images, tags, registry_bytes, pull_bytes, registry_then, pull_then) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                    args![
                        run,
                        rank,
                        &p.kind,
                        &p.subject,
                        &p.title,
                        &p.advice,
                        &p.basis,
                        p.severity.as_ref(),
                        p.images,
                        p.tags,
                        p.registry_bytes,
                        p.pull_bytes,
                        registry,
                        pull,
                    ],
                )?;
            }
            Ok(())
        })
    }

    /// Proposals of the last earlier sweep of the same target that this one does not make any more, with
    /// what has changed since.
    pub fn measured(&self, run: i64) -> Result<Vec<Measured>, StoreError> {
        self.read(|e| {
            let before = e.row(
                "SELECT MAX(p.run) FROM proposals p JOIN runs r ON r.id = p.run WHERE p.run < $1 \
                 AND r.target = (SELECT target FROM runs WHERE id = $1)",
                args![run],
            )?;
            let Some(before) = before.map(|r| r.maybe_int(0)).transpose()?.flatten() else {
                return Ok(Vec::new());
            };
            let gone = e.rows(
                "SELECT p.rank, p.title, p.kind, p.registry_bytes, p.pull_bytes, p.registry_then, \
                   p.pull_then FROM proposals p WHERE p.run = $1 AND NOT EXISTS (\
                   SELECT 1 FROM proposals q WHERE q.run = $2 AND q.kind = p.kind \
                     AND q.subject = p.subject) ORDER BY p.rank",
                args![before, run],
            )?;
            let mut all = Vec::new();
            for row in gone {
                let (registry, pull) = weight(e, before, row.int(0)?)?;
                all.push(Measured {
                    run: before,
                    title: row.text(1)?,
                    kind: row.text(2)?,
                    predicted_registry_bytes: row.size(3)?,
                    predicted_pull_bytes: row.size(4)?,
                    measured_registry_bytes: row.int(5)? - registry,
                    measured_pull_bytes: row.int(6)? - pull,
                });
            }
            Ok(all)
        })
    }
}

/// Distinct layers, and the sum over the tags, of the repositories that a proposal touches, in bytes.
fn weight(e: &mut dyn Engine, run: i64, rank: i64) -> Result<(i64, i64), StoreError> {
    let registry = id(
        e,
        "SELECT CAST(COALESCE(SUM(l.size), 0) AS BIGINT) FROM layers l WHERE l.id IN (\
           SELECT il.layer FROM proposal_repositories p JOIN tags t ON t.repository = p.repository \
           JOIN root_images x ON x.root = t.root JOIN image_layers il ON il.image = x.image \
           WHERE p.run = $1 AND p.rank = $2 AND t.selected IS NOT NULL)",
        args![run, rank],
    )?;
    let pull = id(
        e,
        "SELECT CAST(COALESCE(SUM(i.compressed), 0) AS BIGINT) FROM proposal_repositories p \
         JOIN tags t ON t.repository = p.repository JOIN root_images x ON x.root = t.root \
         JOIN images i ON i.id = x.image \
         WHERE p.run = $1 AND p.rank = $2 AND t.selected IS NOT NULL",
        args![run, rank],
    )?;
    Ok((registry, pull))
}
