//! The work still to do: layers to read, images to judge. A job is claimed with a lease; what comes of it
//! and its end are written at once, so that it counts once, whoever did it how often.

use super::engine::{Dialect, Engine, args};
use super::planning::digest;
use super::{PlanFigures, Store, StoreError, now};
use crate::oci::Digest;

/// A layer that this worker has claimed.
#[derive(Clone, Debug)]
pub struct LayerJob {
    pub layer: i64,
    pub digest: Digest,
    /// Bytes as stored.
    pub size: u64,
    pub media_type: String,
    /// Counted from 1.
    pub tries: u32,
    /// Registries and repositories that have it.
    pub sources: Vec<(String, String)>,
}

/// An image that this worker has claimed.
#[derive(Clone, Debug)]
pub struct ImageJob {
    pub image: i64,
    pub digest: Digest,
    pub reference: String,
    /// Base first: id, digest, bytes as stored, media type, and why it was not looked at.
    pub layers: Vec<ImageJobLayer>,
    /// What is needed of its manifest, if that is known.
    pub manifest: Option<String>,
    /// Registries and repositories that have it.
    pub sources: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct ImageJobLayer {
    pub layer: i64,
    pub digest: Digest,
    /// Bytes as stored: as counted where it was read.
    pub size: u64,
    pub failed: Option<String>,
}

/// How far the work is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueState {
    pub layers_left: u64,
    pub layers_done: u64,
    pub layers_failed: u64,
    pub bytes_left: u64,
    pub bytes_done: u64,
    pub images_left: u64,
    pub images_done: u64,
}

impl QueueState {
    pub fn is_empty(&self) -> bool {
        self.layers_left == 0 && self.images_left == 0
    }
}

/// Most repositories that a job names as sources of its layer.
const SOURCES: i64 = 16;

/// Workers that may die over a layer before it is set aside.
const DEATHS: i64 = 6;

impl Store {
    /// Puts what the selected tags of a run need into the queue: layers that have no index by this
    /// analysis, images that were not judged by this judgement. A layer that was set aside gets new tries.
    /// With `keep` unset nothing of it stays. What the plan comes to.
    pub fn enqueue(
        &self,
        run: i64,
        platforms: Option<&[String]>,
        analysis: &str,
        judgement: &str,
        keep: bool,
    ) -> Result<PlanFigures, StoreError> {
        let mut work = |e: &mut dyn Engine| {
            enqueue(e, run, platforms, analysis, judgement)?;
            super::runs::figures(e, run, analysis)
        };
        if keep { self.write(&mut work) } else { self.try_out(&mut work) }
    }

    /// Tells the engine how full its tables are: without, it joins a full table to a full table.
    pub fn analyze(&self) -> Result<(), StoreError> {
        self.patiently(|e| {
            if e.dialect() == Dialect::Sqlite {
                // A sample of each index is enough.
                e.script("PRAGMA analysis_limit = 1000")?;
            }
            e.script("ANALYZE")
        })
    }

    /// Jobs that nobody works on any more go back: all where nobody else can be working, else those whose
    /// lease has run out.
    pub fn reclaim(&self, all: bool) -> Result<(), StoreError> {
        let now = if all { i64::MAX } else { now() };
        self.write(|e| {
            e.run(
                "UPDATE jobs SET lease = NULL, worker = NULL, \
                   state = CASE WHEN tries >= $2 THEN 'failed' ELSE 'pending' END, \
                   why = CASE WHEN tries >= $2 THEN 'every worker that read it has died' ELSE why END \
                 WHERE state = 'running' AND lease < $1",
                args![now, DEATHS],
            )?;
            e.run(
                "UPDATE images SET state = 'wanted', lease = NULL, worker = NULL \
                 WHERE state = 'working' AND lease < $1",
                args![now],
            )
        })?;
        Ok(())
    }

    /// The heaviest layer that is free, of at most `most` bytes; `lease` in seconds. `worker` must hold none.
    pub fn claim_layer(
        &self,
        analysis: &str,
        worker: &str,
        lease: i64,
        most: u64,
    ) -> Result<Option<LayerJob>, StoreError> {
        self.write(|e| {
            let now = now();
            // Claimed before, and nobody told this worker: the answer was lost.
            let mine = "SELECT layer, tries FROM jobs \
                        WHERE analysis = $1 AND worker = $2 AND state = 'running' LIMIT 1";
            let mine = e.row(mine, args![analysis, worker])?;
            let sql = e.dialect().spell(
                "UPDATE jobs SET state = 'running', worker = $1, lease = $2, tries = tries + 1 \
                 WHERE analysis = $3 AND layer = (SELECT layer FROM jobs \
                   WHERE analysis = $3 AND state = 'pending' AND not_before <= $4 AND size <= $5 \
                   ORDER BY weight DESC, layer LIMIT 1 {skip-locked}) \
                 RETURNING layer, tries",
            );
            let row = match mine {
                Some(row) => Some(row),
                None => e.row(&sql, args![worker, now + lease, analysis, now, most])?,
            };
            let Some(row) = row else { return Ok(None) };
            let layer = row.int(0)?;
            let Some(about) =
                e.row("SELECT digest, size, media_type FROM layers WHERE id = $1", args![layer])?
            else {
                return Ok(None);
            };
            let rows = e.rows(
                "SELECT g.host, r.name FROM layer_sources s JOIN repositories r ON r.id = s.repository \
                 JOIN registries g ON g.id = r.registry WHERE s.layer = $1 \
                 ORDER BY r.seen DESC, r.id LIMIT $2",
                args![layer, SOURCES],
            )?;
            let sources = rows.iter().map(|r| Ok((r.text(0)?, r.text(1)?)));
            Ok(Some(LayerJob {
                layer,
                digest: digest(&about.text(0)?)?,
                size: about.size(1)?,
                media_type: about.text(2)?,
                tries: u32::try_from(row.int(1)?).unwrap_or(u32::MAX),
                sources: sources.collect::<Result<_, StoreError>>()?,
            }))
        })
    }

    /// Whether a layer waits that has at most so many bytes.
    pub fn has_pending(&self, analysis: &str, most: u64) -> Result<bool, StoreError> {
        let find =
            "SELECT 1 FROM jobs WHERE analysis = $1 AND state = 'pending' AND size <= $2 LIMIT 1";
        Ok(self.read(|e| e.row(find, args![analysis, most]))?.is_some())
    }

    /// Says that this worker is alive.
    pub fn renew(&self, worker: &str, lease: i64) -> Result<(), StoreError> {
        let until = now() + lease;
        self.write(|e| {
            let jobs = "UPDATE jobs SET lease = $1 WHERE worker = $2 AND state = 'running'";
            e.run(jobs, args![until, worker])?;
            let images = "UPDATE images SET lease = $1 WHERE worker = $2 AND state = 'working'";
            e.run(images, args![until, worker])
        })?;
        Ok(())
    }

    /// Gives back what this worker has claimed.
    pub fn release(&self, worker: &str) -> Result<(), StoreError> {
        self.write(|e| {
            e.run(
                "UPDATE jobs SET state = 'pending', lease = NULL, worker = NULL, tries = tries - 1 \
                 WHERE worker = $1 AND state = 'running'",
                args![worker],
            )?;
            e.run(
                "UPDATE images SET state = 'wanted', lease = NULL, worker = NULL \
                 WHERE worker = $1 AND state = 'working'",
                args![worker],
            )
        })?;
        Ok(())
    }

    /// The layer could not be read: it is tried again in `wait` seconds, or set aside where that is `None`.
    /// `fetched`: bytes that came all the same.
    pub fn layer_failed(
        &self,
        job: &LayerJob,
        analysis: &str,
        worker: &str,
        why: &str,
        wait: Option<i64>,
        fetched: u64,
    ) -> Result<(), StoreError> {
        let state = if wait.is_some() { "pending" } else { "failed" };
        self.write(|e| {
            e.run(
                "UPDATE jobs SET state = $1, not_before = $2, why = $3, fetched = fetched + $4, \
                   lease = NULL, worker = NULL \
                 WHERE layer = $5 AND analysis = $6 AND worker = $7 AND state = 'running'",
                args![state, now() + wait.unwrap_or(0), why, fetched, job.layer, analysis, worker],
            )
        })?;
        Ok(())
    }

    /// An image all of whose layers are read or given up.
    pub fn claim_image(
        &self,
        analysis: &str,
        judgement: &str,
        worker: &str,
        lease: i64,
    ) -> Result<Option<ImageJob>, StoreError> {
        self.write(|e| {
            let sql = e.dialect().spell(
                "UPDATE images SET state = 'working', worker = $1, lease = $2, tries = tries + 1 \
                 WHERE id = (SELECT i.id FROM images i WHERE i.state = 'wanted' AND i.wanted_by = $4 AND NOT EXISTS (\
                     SELECT 1 FROM image_layers il LEFT JOIN jobs j \
                       ON j.layer = il.layer AND j.analysis = $3 \
                     WHERE il.image = i.id AND (j.state IS NULL OR j.state IN ('pending', 'running'))) \
                   ORDER BY i.id LIMIT 1 {skip-locked-i}) \
                 RETURNING id, digest",
            );
            // The lock is on the image alone.
            let lock = match e.dialect() {
                Dialect::Sqlite => "",
                Dialect::Postgres => "FOR UPDATE OF i SKIP LOCKED",
            };
            let sql = sql.replace("{skip-locked-i}", lock);
            let mine = "SELECT id, digest FROM images WHERE worker = $1 AND state = 'working' LIMIT 1";
            let row = match e.row(mine, args![worker])? {
                Some(row) => Some(row),
                None => e.row(&sql, args![worker, now() + lease, analysis, judgement])?,
            };
            let Some(row) = row else { return Ok(None) };
            let image = row.int(0)?;
            let rows = e.rows(
                "SELECT l.id, l.digest, CASE WHEN j.state = 'failed' THEN COALESCE(j.why, '') END, \
                   l.size \
                 FROM image_layers il JOIN layers l ON l.id = il.layer \
                 JOIN jobs j ON j.layer = l.id AND j.analysis = $2 \
                 WHERE il.image = $1 ORDER BY il.position",
                args![image, analysis],
            )?;
            let layers = rows.iter().map(|r| {
                Ok(ImageJobLayer {
                    layer: r.int(0)?,
                    digest: digest(&r.text(1)?)?,
                    failed: r.maybe_text(2)?,
                    size: r.size(3)?,
                })
            });
            let body = "SELECT body FROM manifests WHERE image = $1";
            let manifest = e.row(body, args![image])?.map(|r| r.text(0)).transpose()?;
            let rows = e.rows(
                "SELECT DISTINCT g.host, r.name FROM root_images x JOIN tags t ON t.root = x.root \
                 JOIN repositories r ON r.id = t.repository \
                 JOIN registries g ON g.id = r.registry \
                 WHERE x.image = $1 ORDER BY g.host, r.name LIMIT $2",
                args![image, SOURCES],
            )?;
            let sources = rows.iter().map(|r| Ok((r.text(0)?, r.text(1)?)));
            Ok(Some(ImageJob {
                image,
                manifest,
                sources: sources.collect::<Result<_, StoreError>>()?,
                digest: digest(&row.text(1)?)?,
                reference: reference(e, image)?,
                layers: layers.collect::<Result<_, StoreError>>()?,
            }))
        })
    }

    /// An index that should be there cannot be used: the layer is read again.
    pub fn layer_again(&self, layer: i64, analysis: &str, image: i64) -> Result<(), StoreError> {
        self.write(|e| {
            e.run(
                "DELETE FROM indexes WHERE layer = $1 AND analysis = $2",
                args![layer, analysis],
            )?;
            e.run(
                "UPDATE jobs SET state = 'pending', tries = 0, not_before = 0, lease = NULL, \
                   worker = NULL WHERE layer = $1 AND analysis = $2 AND state = 'done'",
                args![layer, analysis],
            )?;
            let back =
                "UPDATE images SET state = 'wanted', lease = NULL, worker = NULL WHERE id = $1";
            e.run(back, args![image])
        })?;
        Ok(())
    }

    /// How far the work by this analysis is.
    pub fn queue_state(&self, analysis: &str, judgement: &str) -> Result<QueueState, StoreError> {
        self.read(|e| {
            let mut q = QueueState::default();
            let layers = e.rows(
                "SELECT state, COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM jobs \
                 WHERE analysis = $1 GROUP BY state",
                args![analysis],
            )?;
            for row in layers {
                let (count, bytes) = (row.size(1)?, row.size(2)?);
                match row.text(0)?.as_str() {
                    "done" => (q.layers_done, q.bytes_done) = (count, bytes),
                    "failed" => q.layers_failed = count,
                    _ => {
                        q.layers_left += count;
                        q.bytes_left += bytes;
                    }
                }
            }
            let images = "SELECT state, COUNT(*) FROM images WHERE wanted_by = $1 GROUP BY state";
            for row in e.rows(images, args![judgement])? {
                match row.text(0)?.as_str() {
                    "judged" => q.images_done = row.size(1)?,
                    "wanted" | "working" => q.images_left += row.size(1)?,
                    _ => {}
                }
            }
            Ok(q)
        })
    }
}

fn enqueue(
    e: &mut dyn Engine,
    run: i64,
    platforms: Option<&[String]>,
    analysis: &str,
    judgement: &str,
) -> Result<(), StoreError> {
    e.run(
        "DELETE FROM run_images WHERE run < $1 AND run IN (SELECT id FROM runs \
           WHERE ended IS NOT NULL AND target = (SELECT target FROM runs WHERE id = $1))",
        args![run],
    )?;
    let take = "INSERT INTO run_images (run, image) \
                SELECT DISTINCT CAST($1 AS BIGINT), r.image FROM tags t \
                JOIN root_images r ON r.root = t.root \
                JOIN images i ON i.id = r.image WHERE t.selected = $1";
    match platforms {
        None => {
            e.run(&format!("{take} ON CONFLICT DO NOTHING"), args![run])?;
        }
        Some(list) => {
            for platform in list {
                let one = format!("{take} AND i.platform = $2 ON CONFLICT DO NOTHING");
                e.run(&one, args![run, platform])?;
            }
        }
    }
    // The weight: bytes, times the images that have them.
    e.run(
        "INSERT INTO jobs (layer, analysis, state, weight, size) \
         SELECT l.id, CAST($1 AS TEXT), 'pending', l.size * COUNT(*), l.size \
         FROM run_images w JOIN image_layers il ON il.image = w.image \
         JOIN layers l ON l.id = il.layer WHERE w.run = $2 GROUP BY l.id, l.size \
         ON CONFLICT (layer, analysis) DO UPDATE SET weight = excluded.weight",
        args![analysis, run],
    )?;
    e.run(
        "UPDATE jobs SET state = 'pending', tries = 0, not_before = 0, why = NULL \
         WHERE analysis = $1 AND state = 'failed' AND layer IN (\
           SELECT il.layer FROM run_images w JOIN image_layers il ON il.image = w.image \
           WHERE w.run = $2)",
        args![analysis, run],
    )?;
    // An image that lacked a layer is judged again when there is hope for it.
    e.run(
        "UPDATE images SET state = 'wanted', wanted_by = $1, tries = 0, lease = NULL, \
           worker = NULL WHERE id IN (SELECT image FROM run_images WHERE run = $2) \
         AND state <> 'working' \
         AND (judgement IS NULL OR judgement <> $1 OR partial = 1 OR state = 'failed')",
        args![judgement, run],
    )?;
    // What an earlier sweep wanted and did not get: of a file, only this one works now; in a shared
    // store, what was wanted by another analysis is its own planner's.
    if e.dialect() == Dialect::Sqlite {
        e.run(
            "UPDATE images SET lease = NULL, worker = NULL, \
               state = CASE WHEN judgement IS NULL THEN 'known' ELSE 'judged' END \
             WHERE state = 'wanted' \
             AND id NOT IN (SELECT image FROM run_images WHERE run = $1)",
            args![run],
        )?;
        e.run("DELETE FROM jobs WHERE state = 'pending' AND analysis <> $1", args![analysis])?;
    }
    e.run(
        "DELETE FROM jobs WHERE state = 'pending' AND analysis = $1 AND NOT EXISTS (\
           SELECT 1 FROM image_layers il JOIN images i ON i.id = il.image \
           WHERE il.layer = jobs.layer AND i.state IN ('wanted', 'working'))",
        args![analysis],
    )?;
    Ok(())
}

/// A name of the image for people: the first of its tags.
pub(super) fn reference(e: &mut dyn Engine, image: i64) -> Result<String, StoreError> {
    let row = e.row(
        "SELECT g.host, r.name, t.name FROM root_images x JOIN tags t ON t.root = x.root \
         JOIN repositories r ON r.id = t.repository JOIN registries g ON g.id = r.registry \
         WHERE x.image = $1 ORDER BY g.host, r.name, t.name LIMIT 1",
        args![image],
    )?;
    match row {
        Some(r) => Ok(format!("{}/{}:{}", r.text(0)?, r.text(1)?, r.text(2)?)),
        None => Ok(String::new()),
    }
}
