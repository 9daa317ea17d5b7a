//! What planning leaves behind: repositories, tags, images and the layers they name.

use super::engine::{Engine, args};
use super::{Store, StoreError, now};
use crate::oci::Digest;
use std::collections::HashSet;

/// A run has come upon a tag.
const MEET_TAG: &str = "INSERT INTO tags (repository, name, seen) VALUES ($1, $2, $3) \
    ON CONFLICT (repository, name) DO UPDATE SET seen = excluded.seen";

/// A tag as an earlier look left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTag {
    pub root: Digest,
    /// When it was last asked for, in seconds since 1970.
    pub checked: i64,
}

/// An image below a root document.
#[derive(Clone, Debug)]
pub struct NewImage {
    pub digest: Digest,
    pub platform: String,
    /// Seconds since 1970.
    pub created: Option<i64>,
    /// Base first: digest, bytes as stored, media type.
    pub layers: Vec<(Digest, u64, String)>,
    /// What is needed of its manifest, without secrets.
    pub manifest: Option<String>,
}

/// Which of the tags that were seen are to be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagPolicy {
    All,
    /// The newest of each repository, by the time of creation that the config states.
    Newest(u32),
}

impl Store {
    /// The id of a registry.
    pub fn registry(&self, host: &str) -> Result<i64, StoreError> {
        self.write(|e| {
            e.run("INSERT INTO registries (host) VALUES ($1) ON CONFLICT DO NOTHING", args![host])?;
            id(e, "SELECT id FROM registries WHERE host = $1", args![host])
        })
    }

    /// The id of a repository that this run has come upon.
    pub fn repository(&self, run: i64, registry: i64, name: &str) -> Result<i64, StoreError> {
        self.write(|e| {
            e.run(
                "INSERT INTO repositories (registry, name, seen) VALUES ($1, $2, $3) \
                 ON CONFLICT (registry, name) DO UPDATE SET seen = excluded.seen",
                args![registry, name, run],
            )?;
            let find = "SELECT id FROM repositories WHERE registry = $1 AND name = $2";
            id(e, find, args![registry, name])
        })
    }

    /// All tags that a repository has now and the sweep wants.
    pub fn tags_listed(
        &self,
        run: i64,
        repository: i64,
        tags: &[String],
    ) -> Result<(), StoreError> {
        for some in tags.chunks(1000) {
            self.write(|e| {
                for tag in some {
                    e.run(MEET_TAG, args![repository, tag, run])?;
                }
                Ok(())
            })?;
        }
        let done = "UPDATE repositories SET listed = $1 WHERE id = $2";
        self.write(|e| e.run(done, args![run, repository]))?;
        Ok(())
    }

    pub fn known_tag(&self, repository: i64, tag: &str) -> Result<Option<KnownTag>, StoreError> {
        let find = "SELECT t.root, t.checked FROM tags t \
                    WHERE t.repository = $1 AND t.name = $2 AND t.root IS NOT NULL";
        let Some(row) = self.read(|e| e.row(find, args![repository, tag]))? else {
            return Ok(None);
        };
        let root = digest(&row.text(0)?)?;
        Ok(Some(KnownTag { root, checked: row.maybe_int(1)?.unwrap_or(0) }))
    }

    /// A tag and the document that it names, as the registry says now. What an older document had stays in
    /// the tag's history.
    pub fn tag_resolved(
        &self,
        run: i64,
        repository: i64,
        tag: &str,
        root: &Digest,
    ) -> Result<(), StoreError> {
        self.tag_is(run, repository, tag, root, Some(now()))
    }

    /// A tag that was not asked for again.
    pub fn tag_seen(
        &self,
        run: i64,
        repository: i64,
        tag: &str,
        root: &Digest,
    ) -> Result<(), StoreError> {
        self.tag_is(run, repository, tag, root, None)
    }

    fn tag_is(
        &self,
        run: i64,
        repository: i64,
        tag: &str,
        root: &Digest,
        checked: Option<i64>,
    ) -> Result<(), StoreError> {
        let (root, now) = (root.to_string(), now());
        self.write(|e| {
            e.run(MEET_TAG, args![repository, tag, run])?;
            let find = "SELECT id, root FROM tags WHERE repository = $1 AND name = $2";
            let Some(row) = e.row(find, args![repository, tag])? else { return Ok(()) };
            let id = row.int(0)?;
            if row.maybe_text(1)?.as_ref() != Some(&root) {
                e.run(
                    "INSERT INTO tag_history (tag, since, root, run) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT DO NOTHING",
                    args![id, now, &root, run],
                )?;
            }
            let set = "UPDATE tags SET root = $1, checked = COALESCE($2, checked) WHERE id = $3";
            e.run(set, args![&root, checked, id])?;
            e.run(
                "INSERT INTO layer_sources (layer, repository) \
                 SELECT DISTINCT l.layer, CAST($1 AS BIGINT) FROM root_images r \
                 JOIN image_layers l ON l.image = r.image WHERE r.root = $2 \
                 ON CONFLICT DO NOTHING",
                args![repository, &root],
            )?;
            Ok(())
        })
    }

    /// Whether all images below a root document are known.
    pub fn has_root(&self, root: &Digest) -> Result<bool, StoreError> {
        let find = "SELECT 1 FROM root_images WHERE root = $1 AND NOT EXISTS (\
                      SELECT 1 FROM root_gaps g WHERE g.root = $1) LIMIT 1";
        Ok(self.read(|e| e.row(find, args![root.to_string()]))?.is_some())
    }

    /// The images below a root document, and what could not be read of it (what, why): as long as there is
    /// any, the document is looked into again.
    pub fn put_images(
        &self,
        root: &Digest,
        images: &[NewImage],
        gaps: &[(String, String)],
    ) -> Result<(), StoreError> {
        let mut layers: Vec<&(Digest, u64, String)> =
            images.iter().flat_map(|i| &i.layers).collect();
        // In one order for all who write at the same time: they wait, and don't block each other.
        layers.sort_by_key(|l| l.0);
        layers.dedup_by_key(|l| l.0);
        self.write(|e| {
            e.run("DELETE FROM root_gaps WHERE root = $1", args![root.to_string()])?;
            for (number, (what, why)) in gaps.iter().enumerate() {
                e.run(
                    "INSERT INTO root_gaps (root, number, what, why) VALUES ($1, $2, $3, $4)",
                    args![root.to_string(), number, what, why],
                )?;
            }
            for (digest, size, media_type) in &layers {
                e.run(
                    "INSERT INTO layers (digest, size, media_type) VALUES ($1, $2, $3) \
                     ON CONFLICT DO NOTHING",
                    args![digest.to_string(), *size, media_type],
                )?;
            }
            for image in images {
                let mut met = HashSet::new();
                let stored = image.layers.iter().filter(|l| met.insert(l.0));
                let compressed: u64 = stored.map(|l| l.1).sum();
                let digest = image.digest.to_string();
                let chains = chains(&image.layers);
                let top = chains.last().copied().unwrap_or(0);
                let new = e.run(
                    "INSERT INTO images (digest, platform, created, compressed, layers, chain, \
                       state) \
                     VALUES ($1, $2, $3, $4, $5, $6, 'known') ON CONFLICT DO NOTHING",
                    args![
                        &digest,
                        &image.platform,
                        image.created,
                        compressed,
                        image.layers.len(),
                        top,
                    ],
                )?;
                let number = id(e, "SELECT id FROM images WHERE digest = $1", args![&digest])?;
                if new > 0 {
                    for (position, layer) in image.layers.iter().enumerate() {
                        e.run(
                            "INSERT INTO image_layers (image, position, layer, chain) \
                             SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), id, CAST($3 AS BIGINT) \
                             FROM layers WHERE digest = $4 ON CONFLICT DO NOTHING",
                            args![number, position, chains[position], layer.0.to_string()],
                        )?;
                    }
                }
                if let Some(manifest) = &image.manifest {
                    e.run(
                        "INSERT INTO manifests (image, body) VALUES ($1, $2) \
                         ON CONFLICT (image) DO UPDATE SET body = excluded.body",
                        args![number, manifest],
                    )?;
                }
                e.run(
                    "INSERT INTO root_images (root, image) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    args![root.to_string(), number],
                )?;
            }
            Ok(())
        })
    }

    /// Marks the tags that this run looks into, and takes the mark from those in its scope that it did not
    /// meet; where it looked at everything, they are gone.
    pub fn select(
        &self,
        run: i64,
        policy: TagPolicy,
        since: Option<i64>,
        scope: Option<Scope>,
    ) -> Result<(), StoreError> {
        let newest = match policy {
            TagPolicy::All => i64::MAX,
            TagPolicy::Newest(n) => n.into(),
        };
        self.write(|e| {
            e.run(
                "UPDATE tags SET selected = $1 WHERE id IN (SELECT id FROM (\
                   SELECT t.id, i.created, ROW_NUMBER() OVER (PARTITION BY t.repository \
                     ORDER BY COALESCE(i.created, 0) DESC, t.name DESC) AS place \
                   FROM tags t LEFT JOIN (\
                     SELECT r.root, MAX(m.created) AS created FROM root_images r \
                     JOIN images m ON m.id = r.image GROUP BY r.root) i ON i.root = t.root \
                   WHERE t.seen = $1 AND t.root IS NOT NULL) ranked \
                 WHERE place <= $2 AND ($3 <= 0 OR COALESCE(created, 0) >= $3))",
                args![run, newest, since.unwrap_or(0)],
            )?;
            // Seen, but not chosen.
            e.run(
                "UPDATE tags SET selected = NULL \
                 WHERE seen = $1 AND selected IS NOT NULL AND selected <> $1",
                args![run],
            )?;
            if let Some(Scope { registry, prefix, complete, narrowed }) = scope {
                // A digest stands in no list of tags.
                const GONE: &str = "selected IS NOT NULL AND seen <> $1 AND name NOT LIKE '%:%' \
                    AND repository IN (SELECT id FROM repositories \
                      WHERE registry = $2 AND (name = $3 OR SUBSTR(name, 1, $4) = $5) \
                      AND (listed = $1 OR ($6 = 1 AND seen <> $1)))";
                let below = below(prefix);
                let length = below.chars().count();
                let scope = args![run, registry, prefix, length, &below, complete];
                let scope = scope.as_slice();
                if narrowed {
                    // Not met, because not asked for.
                    e.run(&format!("UPDATE tags SET selected = NULL WHERE {GONE}"), scope)?;
                    return Ok(());
                }
                e.run(
                    &format!(
                        "INSERT INTO tag_history (tag, since, root, run) \
                         SELECT id, CAST($7 AS BIGINT), '', CAST($1 AS BIGINT) FROM tags \
                         WHERE {GONE} ON CONFLICT DO NOTHING"
                    ),
                    &[scope, args![now()].as_slice()].concat(),
                )?;
                e.run(
                    &format!("UPDATE tags SET selected = NULL, root = NULL WHERE {GONE}"),
                    scope,
                )?;
            }
            Ok(())
        })
    }
}

/// What a run has looked at.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub registry: i64,
    /// Of the repositories' names; may be empty.
    pub prefix: &'a str,
    /// The list of repositories came to its end.
    pub complete: bool,
    /// Some repositories or tags were left out by the user's wish.
    pub narrowed: bool,
}

/// What the name of a repository below `prefix` begins with.
fn below(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}

/// For each layer a number that names it and all below it, so that an image finds what it was built on by
/// one look-up.
fn chains(layers: &[(Digest, u64, String)]) -> Vec<i64> {
    let mut hasher = blake3::Hasher::new_derive_key("careen 2026 chain of layers");
    let each = layers.iter().map(|(digest, ..)| {
        hasher.update(digest.to_string().as_bytes());
        let hash = hasher.finalize();
        let (first, _) = hash.as_bytes().split_at(8);
        i64::from_le_bytes(first.try_into().unwrap_or_default())
    });
    each.collect()
}

pub(super) fn id(e: &mut dyn Engine, sql: &str, args: &[super::Value]) -> Result<i64, StoreError> {
    let row = e.row(sql, args)?;
    row.ok_or_else(|| StoreError::Content {
        what: "table".to_owned(),
        why: "a row that was written is not there".to_owned(),
    })?
    .int(0)
}

pub(super) fn digest(text: &str) -> Result<Digest, StoreError> {
    text.parse().map_err(|e: crate::oci::DigestError| StoreError::Content {
        what: "digest".to_owned(),
        why: e.to_string(),
    })
}
