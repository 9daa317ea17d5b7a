//! The sweeps themselves: when, of what, how far, what was not looked at.

use super::engine::{Dialect, Engine, args};
use super::planning::id;
use super::{Store, StoreError, now};

/// What a plan costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PlanFigures {
    pub repositories: u64,
    pub tags: u64,
    pub images: u64,
    /// Distinct.
    pub layers: u64,
    /// Of the distinct layers, as stored.
    pub layer_bytes: u64,
    /// What a loop over the tags would fetch: each image's layers, image by image.
    pub loop_bytes: u64,
    pub layers_to_fetch: u64,
    pub bytes_to_fetch: u64,
    pub images_to_judge: u64,
}

/// What a fleet comes to. Sizes are bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FleetFigures {
    /// Distinct, judged.
    pub images: u64,
    /// Of the distinct layers, as stored.
    pub registry_bytes: u64,
    /// Of each tag's images, as stored: what pulling each once moves.
    pub pull_bytes: u64,
    /// Sums over the distinct images.
    pub content_bytes: u64,
    pub waste_bytes: u64,
    pub unneeded_bytes: u64,
    pub root_images: u64,
    pub no_healthcheck: u64,
    /// Distinct.
    pub secrets: u64,
    pub secret_images: u64,
    pub secret_tags: u64,
}

/// Something that a run did not look at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Gap {
    pub reference: String,
    pub what: String,
    pub why: String,
    pub failed: bool,
}

impl Store {
    /// Begins a sweep. In a shared store only one of a target at a time may: each would take the other's
    /// tags. (A file has a lock of its own.)
    pub fn begin_run(&self, target: &str) -> Result<i64, StoreError> {
        self.write(|e| {
            if e.dialect() == Dialect::Postgres {
                // Held as long as the connection is.
                let lock = "SELECT CASE WHEN pg_try_advisory_lock(hashtext($1)) THEN 1 ELSE 0 END";
                if id(e, lock, args![format!("careen {target}")])? == 0 {
                    return Err(StoreError::InUse { place: self.place().to_owned() });
                }
            }
            let row = e.row(
                "INSERT INTO runs (target, begun, state) VALUES ($1, $2, 'planning') RETURNING id",
                args![target, now()],
            )?;
            row.map_or(Ok(0), |r| r.int(0))
        })
    }

    /// What the run will do, as it was planned.
    pub fn run_planned(&self, run: i64, plan: &PlanFigures) -> Result<(), StoreError> {
        self.write(|e| {
            e.run(
                "UPDATE runs SET state = 'working', tags = $1, images = $2, layers = $3, \
                   planned_bytes = $4 WHERE id = $5",
                args![plan.tags, plan.images, plan.layers, plan.bytes_to_fetch, run],
            )
        })?;
        Ok(())
    }

    pub fn end_run(
        &self,
        run: i64,
        state: &str,
        fetched: u64,
        fleet: &FleetFigures,
    ) -> Result<(), StoreError> {
        self.write(|e| {
            e.run(
                "UPDATE runs SET state = $1, ended = $2, fetched_bytes = $3, registry_bytes = $4, \
                   pull_bytes = $5, content_bytes = $6, waste_bytes = $7, secrets = $8, \
                   root_images = $9 WHERE id = $10",
                args![
                    state,
                    now(),
                    fetched,
                    fleet.registry_bytes,
                    fleet.pull_bytes,
                    fleet.content_bytes,
                    fleet.waste_bytes,
                    fleet.secrets,
                    fleet.root_images,
                    run
                ],
            )
        })?;
        Ok(())
    }

    /// What the judged images of a run come to.
    pub fn fleet_figures(&self, run: i64) -> Result<FleetFigures, StoreError> {
        self.read(|e| {
            let layers = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM layers WHERE id IN (\
                            SELECT il.layer FROM run_images w \
                            JOIN image_layers il ON il.image = w.image WHERE w.run = $1)";
            let pulls = "SELECT CAST(COALESCE(SUM(i.compressed), 0) AS BIGINT) FROM tags t \
                         JOIN root_images x ON x.root = t.root \
                         JOIN run_images w ON w.image = x.image AND w.run = $1 \
                         JOIN images i ON i.id = x.image WHERE t.selected IS NOT NULL";
            let images = "SELECT COUNT(*), CAST(COALESCE(SUM(i.content), 0) AS BIGINT), \
                            CAST(COALESCE(SUM(i.waste), 0) AS BIGINT), \
                            CAST(COALESCE(SUM(i.unneeded), 0) AS BIGINT), \
                            CAST(COALESCE(SUM(i.root), 0) AS BIGINT), \
                            CAST(COALESCE(SUM(1 - i.healthcheck), 0) AS BIGINT) \
                          FROM run_images w JOIN images i ON i.id = w.image \
                          WHERE w.run = $1 AND i.state = 'judged'";
            let secrets = "SELECT COUNT(DISTINCT f.fingerprint), COUNT(DISTINCT f.image) \
                           FROM findings f JOIN run_images w ON w.image = f.image \
                           WHERE w.run = $1 AND f.category = 'secret'";
            let leaking = "SELECT COUNT(DISTINCT t.id) FROM tags t \
                           JOIN root_images x ON x.root = t.root \
                           JOIN run_images w ON w.image = x.image AND w.run = $1 \
                           WHERE t.selected IS NOT NULL AND w.image IN (\
                             SELECT image FROM findings WHERE category = 'secret')";
            let mut row = |sql| {
                Ok::<_, StoreError>(e.row(sql, args![run])?.unwrap_or(super::Row(Vec::new())))
            };
            let (layers, pulls, images) = (row(layers)?, row(pulls)?, row(images)?);
            let (secrets, leaking) = (row(secrets)?, row(leaking)?);
            Ok(FleetFigures {
                registry_bytes: layers.size(0)?,
                pull_bytes: pulls.size(0)?,
                images: images.size(0)?,
                content_bytes: images.size(1)?,
                waste_bytes: images.size(2)?,
                unneeded_bytes: images.size(3)?,
                root_images: images.size(4)?,
                no_healthcheck: images.size(5)?,
                secrets: secrets.size(0)?,
                secret_images: secrets.size(1)?,
                secret_tags: leaking.size(0)?,
            })
        })
    }

    pub fn gap(&self, run: i64, gap: &Gap) -> Result<(), StoreError> {
        self.write(|e| {
            let next = "SELECT COALESCE(MAX(number) + 1, 0) FROM not_looked_at WHERE run = $1";
            let number = id(e, next, args![run])?;
            e.run(
                "INSERT INTO not_looked_at (run, number, reference, what, why, failed) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                args![run, number, &gap.reference, &gap.what, &gap.why, gap.failed],
            )
        })?;
        Ok(())
    }

    /// What a run did not look at, those that should have been possible first, and how many there are in
    /// all that failed. Images are named by their first tag.
    pub fn gaps(&self, run: i64, most: u64) -> Result<(Vec<Gap>, u64), StoreError> {
        const ALL: &str = "\
            SELECT reference, what, why, failed FROM not_looked_at WHERE run = $1 \
            UNION ALL \
            SELECT g.host || '/' || r.name || ':' || MIN(t.name), x.what, x.why, x.failed \
            FROM run_images w JOIN image_gaps x ON x.image = w.image \
            JOIN root_images ri ON ri.image = x.image JOIN tags t ON t.root = ri.root \
            JOIN repositories r ON r.id = t.repository JOIN registries g ON g.id = r.registry \
            WHERE w.run = $1 AND x.failed = 1 \
            GROUP BY g.host, r.name, ri.image, x.number, x.what, x.why, x.failed";
        self.read(|e| {
            let count = format!("SELECT COUNT(*) FROM ({ALL}) a WHERE failed = 1");
            let failed = id(e, &count, args![run])?;
            let some = format!("{ALL} ORDER BY 4 DESC, 1, 2 LIMIT $2");
            let rows = e.rows(&some, args![run, most])?;
            let gaps = rows.iter().map(|r| {
                Ok(Gap {
                    reference: r.text(0)?,
                    what: r.text(1)?,
                    why: r.text(2)?,
                    failed: r.int(3)? == 1,
                })
            });
            Ok((gaps.collect::<Result<_, StoreError>>()?, failed.max(0) as u64))
        })
    }

    /// Images of a run that are neither judged by this judgement nor given up.
    pub fn unfinished(&self, run: i64, judgement: &str) -> Result<u64, StoreError> {
        let count = "SELECT COUNT(*) FROM run_images w JOIN images i ON i.id = w.image \
                     WHERE w.run = $1 AND i.state <> 'failed' \
                     AND (i.state <> 'judged' OR COALESCE(i.judgement, '') <> $2)";
        self.read(|e| id(e, count, args![run, judgement])).map(|n| n.max(0) as u64)
    }

    /// Runs whose work was left to workers.
    pub fn queued_runs(&self) -> Result<Vec<i64>, StoreError> {
        let all = "SELECT id FROM runs WHERE state = 'queued' ORDER BY id";
        self.read(|e| e.rows(all, args![]))?.iter().map(|r| r.int(0)).collect()
    }

    /// The work is left to workers.
    pub fn run_queued(&self, run: i64) -> Result<(), StoreError> {
        self.write(|e| e.run("UPDATE runs SET state = 'queued' WHERE id = $1", args![run]))?;
        Ok(())
    }

    /// Bytes that all workers have fetched for the layers of a run's images.
    pub fn fetched_of(&self, run: i64, analysis: &str) -> Result<u64, StoreError> {
        let sum = "SELECT CAST(COALESCE(SUM(j.fetched), 0) AS BIGINT) FROM jobs j \
                   WHERE j.analysis = $2 AND j.layer IN (SELECT il.layer FROM run_images w \
                     JOIN image_layers il ON il.image = w.image WHERE w.run = $1)";
        self.read(|e| id(e, sum, args![run, analysis])).map(|n| n.max(0) as u64)
    }
}

/// What the selected tags of a run come to, as they were put into the queue.
pub(super) fn figures(
    e: &mut dyn Engine,
    run: i64,
    analysis: &str,
) -> Result<PlanFigures, StoreError> {
    let tags = e.row(
        "SELECT COUNT(*), COUNT(DISTINCT repository) FROM tags WHERE selected = $1",
        args![run],
    )?;
    let images = e.row(
        "SELECT COUNT(*), CAST(COALESCE(SUM(i.compressed), 0) AS BIGINT), \
           CAST(COALESCE(SUM(CASE WHEN i.state = 'judged' THEN 0 ELSE 1 END), 0) AS BIGINT) \
         FROM run_images w \
         JOIN images i ON i.id = w.image WHERE w.run = $1",
        args![run],
    )?;
    let layers = e.row(
        "SELECT COUNT(*), CAST(COALESCE(SUM(l.size), 0) AS BIGINT), \
           CAST(COALESCE(SUM(CASE WHEN j.state = 'done' THEN 0 ELSE 1 END), 0) AS BIGINT), \
           CAST(COALESCE(SUM(CASE WHEN j.state = 'done' THEN 0 ELSE l.size END), 0) AS BIGINT) \
         FROM layers l JOIN jobs j ON j.layer = l.id AND j.analysis = $2 \
         WHERE l.id IN (SELECT il.layer FROM run_images w \
           JOIN image_layers il ON il.image = w.image WHERE w.run = $1)",
        args![run, analysis],
    )?;
    let n = |row: &Option<super::Row>, c: usize| row.as_ref().map_or(Ok(0), |r| r.size(c));
    Ok(PlanFigures {
        tags: n(&tags, 0)?,
        repositories: n(&tags, 1)?,
        images: n(&images, 0)?,
        loop_bytes: n(&images, 1)?,
        images_to_judge: n(&images, 2)?,
        layers: n(&layers, 0)?,
        layer_bytes: n(&layers, 1)?,
        layers_to_fetch: n(&layers, 2)?,
        bytes_to_fetch: n(&layers, 3)?,
    })
}
