//! What came of a job, written together with its end.

use super::engine::args;
use super::planning::{digest, id};
use super::{LayerJob, Store, StoreError};
use crate::index::LayerIndex;
use crate::oci::DiffId;

/// A layer that was read to its end and verified.
pub struct LayerResult {
    pub index: LayerIndex,
    /// The index, sealed.
    pub body: Vec<u8>,
    /// Bytes as stored, as counted.
    pub size: u64,
    /// Bytes that were fetched for it.
    pub fetched: u64,
}

/// What is kept of a judged image.
#[derive(Clone, Debug, Default)]
pub struct ImageResult {
    /// A layer, or another part, was not looked at though it should have been possible.
    pub partial: bool,
    pub content: Option<u64>,
    pub on_disk: Option<u64>,
    pub waste: Option<u64>,
    pub unneeded: Vec<UnneededRow>,
    pub packages: u64,
    pub run_as: String,
    pub root: bool,
    pub healthcheck: bool,
    pub os: Option<String>,
    pub base: Option<String>,
    pub base_how: Option<String>,
    pub base_layers: Option<u64>,
    pub base_compressed: Option<u64>,
    /// When the base's last layer was made, in seconds since 1970.
    pub base_created: Option<i64>,
    pub base_unneeded: Option<u64>,
    /// For each layer: the masked instruction, bytes that the final view does not show, bytes that nothing
    /// in production needs.
    pub layers: Vec<(Option<String>, Option<u64>, Option<u64>)>,
    pub findings: Vec<FindingRow>,
    /// What, why, and whether it failed.
    pub gaps: Vec<(String, String, bool)>,
}

/// Bytes that nothing in production needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnneededRow {
    pub kind: String,
    /// A package, or empty.
    pub owner: String,
    /// On disk.
    pub bytes: u64,
}

/// A finding at one place.
#[derive(Clone, Debug, Default)]
pub struct FindingRow {
    /// The most exposed place.
    pub main: bool,
    pub rule: String,
    pub category: String,
    pub severity: String,
    pub confidence: String,
    pub state: String,
    pub path: Option<String>,
    pub inside: Option<String>,
    pub line: Option<u32>,
    /// Id of the layer.
    pub layer: Option<i64>,
    pub of_base: Option<bool>,
    pub fingerprint: String,
    pub masked: Option<String>,
    pub message: String,
}

/// Longest text that is looked up by an index, in bytes: PostgreSQL takes 2704 a row.
const LONGEST: usize = 2000;

/// Hostile text, cut where a character ends.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&i| text.is_char_boundary(i));
    &text[..end.unwrap_or(0)]
}

impl Store {
    /// The index and the end of its job at once. A worker that has lost its lease writes the same.
    pub fn layer_done(
        &self,
        job: &LayerJob,
        analysis: &str,
        result: &LayerResult,
    ) -> Result<(), StoreError> {
        self.write(|e| {
            let done = e.run(
                "UPDATE jobs SET state = 'done', why = NULL, lease = NULL, worker = NULL, \
                   fetched = fetched + $1 WHERE layer = $2 AND analysis = $3 AND state <> 'done'",
                args![result.fetched, job.layer, analysis],
            )?;
            if done == 0 {
                return Ok(());
            }
            e.run(
                "INSERT INTO indexes (layer, analysis, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (layer, analysis) DO UPDATE SET body = excluded.body",
                args![job.layer, analysis, result.body.clone()],
            )?;
            let index = &result.index;
            let files = index.entries.iter().filter(|f| f.is_file()).count();
            e.run(
                "UPDATE layers SET diff_id = $1, tar_bytes = $2, content = $3, files = $4, size = $6 \
                 WHERE id = $5",
                args![
                    index.diff_id.to_string(),
                    index.tar_bytes,
                    index.content_bytes,
                    files,
                    job.layer,
                    result.size
                ],
            )?;
            Ok(())
        })
    }

    /// A sealed index and the diff id that it was sealed under.
    pub fn index(
        &self,
        layer: i64,
        analysis: &str,
    ) -> Result<Option<(DiffId, Vec<u8>)>, StoreError> {
        let find = "SELECT l.diff_id, x.body FROM indexes x JOIN layers l ON l.id = x.layer \
                    WHERE x.layer = $1 AND x.analysis = $2";
        let Some(row) = self.read(|e| e.row(find, args![layer, analysis]))? else {
            return Ok(None);
        };
        let Some(diff_id) = row.maybe_text(0)? else { return Ok(None) };
        Ok(Some((DiffId(digest(&diff_id)?), row.bytes(1)?.to_vec())))
    }

    /// All that is kept of an image, in place of what an earlier judgement left.
    pub fn image_judged(
        &self,
        image: i64,
        judgement: &str,
        r: &ImageResult,
    ) -> Result<(), StoreError> {
        self.write(|e| {
            for table in ["findings", "unneeded", "image_gaps"] {
                e.run(&format!("DELETE FROM {table} WHERE image = $1"), args![image])?;
            }
            for (position, (instruction, waste, unneeded)) in r.layers.iter().enumerate() {
                let mut number = None;
                if let Some(text) = instruction.as_deref().map(|t| cut(t, LONGEST)) {
                    let new = "INSERT INTO instructions (text) VALUES ($1) ON CONFLICT DO NOTHING";
                    e.run(new, args![text])?;
                    number = Some(id(
                        e,
                        "SELECT id FROM instructions WHERE text = $1",
                        args![text],
                    )?);
                }
                e.run(
                    "UPDATE image_layers SET instruction = $1, waste = $2, unneeded = $3 \
                     WHERE image = $4 AND position = $5",
                    args![number, *waste, *unneeded, image, position],
                )?;
            }
            for u in &r.unneeded {
                e.run(
                    "INSERT INTO unneeded (image, kind, owner, bytes) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (image, kind, owner) \
                     DO UPDATE SET bytes = unneeded.bytes + excluded.bytes",
                    args![image, &u.kind, cut(&u.owner, LONGEST / 4), u.bytes],
                )?;
            }
            for (number, f) in r.findings.iter().enumerate() {
                e.run(
                    "INSERT INTO findings (image, number, main, rule, category, severity, \
                       confidence, state, path, inside, line, layer, of_base, fingerprint, masked, \
                       message) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
                    args![
                        image,
                        number,
                        f.main,
                        &f.rule,
                        &f.category,
                        &f.severity,
                        &f.confidence,
                        &f.state,
                        f.path.as_ref(),
                        f.inside.as_ref(),
                        f.line,
                        f.layer,
                        f.of_base,
                        &f.fingerprint,
                        f.masked.as_ref(),
                        &f.message,
                    ],
                )?;
            }
            for (number, (what, why, failed)) in r.gaps.iter().enumerate() {
                e.run(
                    "INSERT INTO image_gaps (image, number, what, why, failed) \
                     VALUES ($1, $2, $3, $4, $5)",
                    args![image, number, what, why, *failed],
                )?;
            }
            let unneeded: u64 = r.unneeded.iter().map(|u| u.bytes).sum();
            e.run(
                "UPDATE images SET state = 'judged', judgement = $1, lease = NULL, worker = NULL, \
                   partial = $2, content = $3, on_disk = $4, waste = $5, unneeded = $6, \
                   packages = $7, run_as = $8, root = $9, healthcheck = $10, os = $11, base = $12, \
                   base_how = $13, base_layers = $14, base_compressed = $15, base_created = $16, \
                   base_unneeded = $17 WHERE id = $18",
                args![
                    judgement,
                    r.partial,
                    r.content,
                    r.on_disk,
                    r.waste,
                    unneeded,
                    r.packages,
                    &r.run_as,
                    r.root,
                    r.healthcheck,
                    r.os.as_ref(),
                    r.base.as_ref(),
                    r.base_how.as_ref(),
                    r.base_layers,
                    r.base_compressed,
                    r.base_created,
                    r.base_unneeded,
                    image,
                ],
            )?;
            Ok(())
        })
    }

    /// An image that cannot be judged at all.
    pub fn image_failed(&self, image: i64, why: &str) -> Result<(), StoreError> {
        self.write(|e| {
            e.run("DELETE FROM image_gaps WHERE image = $1", args![image])?;
            e.run(
                "INSERT INTO image_gaps (image, number, what, why, failed) \
                 VALUES ($1, 0, 'the image', $2, 1)",
                args![image, why],
            )?;
            let state =
                "UPDATE images SET state = 'failed', partial = 1, lease = NULL, worker = NULL WHERE id = $1";
            e.run(state, args![image])
        })?;
        Ok(())
    }
}
