//! The tables that `careen inventory` knows, as data.

/// One table.
#[derive(Debug)]
pub struct View {
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Follows [`CURRENT`] in one statement.
    pub(super) sql: &'static str,
    /// Columns of the text form; the other forms have all.
    pub shown: &'static [&'static str],
}

/// `current`: each tag in force with each of its images; a view may use it.
pub(in crate::sweep) const CURRENT: &str = "\
WITH current AS (\
  SELECT t.id AS tag, t.name AS tag_name, g.host AS host, r.name AS repository, \
    r.id AS repository_id, i.id AS image, i.layers AS depth, COALESCE(i.created, 0) AS made \
  FROM tags t JOIN repositories r ON r.id = t.repository \
  JOIN registries g ON g.id = r.registry \
  JOIN root_images x ON x.root = t.root JOIN images i ON i.id = x.image \
  WHERE t.selected IS NOT NULL AND (i.judgement IS NOT NULL OR i.state = 'failed')";

impl View {
    pub fn by_name(name: &str) -> Option<&'static Self> {
        VIEWS.iter().find(|v| v.name == name)
    }
}

/// In the order in which they are told.
pub static VIEWS: [View; 13] = [
    View {
        name: "images",
        about: "distinct images: sizes, user, base, secrets; the largest first",
        sql: "\
SELECT MIN(c.host || '/' || c.repository || ':' || c.tag_name) AS image, i.digest, i.platform, \
  COUNT(DISTINCT c.tag) AS tags, i.created, i.compressed AS compressed_bytes, \
  i.on_disk AS on_disk_bytes, i.waste AS waste_bytes, i.unneeded AS unneeded_bytes, i.layers, \
  (SELECT COUNT(DISTINCT f.fingerprint) FROM findings f \
     WHERE f.image = i.id AND f.category = 'secret') AS secrets, \
  i.run_as, i.root, i.healthcheck, i.os, i.base, i.partial \
FROM current c JOIN images i ON i.id = c.image GROUP BY i.id \
ORDER BY compressed_bytes DESC, i.digest",
        shown: &[
            "image",
            "tags",
            "compressed_bytes",
            "on_disk_bytes",
            "unneeded_bytes",
            "secrets",
            "run_as",
        ],
    },
    View {
        name: "layers",
        about: "distinct layers by what they cost: bytes, times the tags that have them",
        sql: "\
SELECT l.digest AS layer, l.size AS compressed_bytes, COUNT(DISTINCT c.tag) AS tags, \
  COUNT(DISTINCT c.image) AS images, COUNT(DISTINCT c.repository_id) AS repositories, \
  l.size * COUNT(DISTINCT c.tag) AS pull_bytes, l.content AS content_bytes, l.files, \
  MAX(il.waste) AS waste_bytes, MAX(il.unneeded) AS unneeded_bytes, MAX(n.text) AS instruction, \
  MIN(c.host || '/' || c.repository) AS example \
FROM current c JOIN image_layers il ON il.image = c.image JOIN layers l ON l.id = il.layer \
LEFT JOIN instructions n ON n.id = il.instruction GROUP BY l.id ORDER BY pull_bytes DESC, layer",
        shown: &[
            "compressed_bytes",
            "tags",
            "pull_bytes",
            "unneeded_bytes",
            "instruction",
            "example",
        ],
    },
    View {
        name: "secrets",
        about: "each leaked secret, the layer and the repository that brought it, and how far it went",
        sql: "\
, leaky AS (SELECT DISTINCT layer FROM findings WHERE category = 'secret' AND layer IS NOT NULL), \
  origins AS (SELECT k.layer, d.host || '/' || d.repository AS brought_by, n.text AS instruction, \
    ROW_NUMBER() OVER (PARTITION BY k.layer \
      ORDER BY d.depth, d.made, d.repository, d.tag_name, d.image) AS place \
    FROM leaky k JOIN image_layers y ON y.layer = k.layer JOIN current d ON d.image = y.image \
    LEFT JOIN instructions n ON n.id = y.instruction) \
SELECT f.severity, f.rule, f.masked, f.fingerprint, CASE MIN(CASE f.state WHEN 'visible' THEN 0 WHEN 'overwritten' THEN 1 WHEN 'deleted-later' THEN 2 \
    WHEN 'hidden-by-opaque' THEN 3 WHEN 'only-in-config' THEN 4 WHEN 'only-in-history' THEN 5 ELSE 6 END) \
    WHEN 0 THEN 'visible' WHEN 1 THEN 'overwritten' WHEN 2 THEN 'deleted-later' WHEN 3 THEN 'hidden-by-opaque' \
    WHEN 4 THEN 'only-in-config' WHEN 5 THEN 'only-in-history' ELSE MIN(f.state) END AS state, MIN(f.path) AS path, \
  COUNT(DISTINCT c.tag) AS tags, COUNT(DISTINCT c.image) AS images, \
  COUNT(DISTINCT c.repository_id) AS repositories, l.digest AS layer, o.instruction, \
  COALESCE(o.brought_by, MIN(c.host || '/' || c.repository)) AS brought_by, \
  MIN(c.host || '/' || c.repository || ':' || c.tag_name) AS example \
FROM current c JOIN findings f ON f.image = c.image LEFT JOIN layers l ON l.id = f.layer \
LEFT JOIN origins o ON o.layer = f.layer AND o.place = 1 \
WHERE f.category = 'secret' \
GROUP BY f.fingerprint, f.rule, f.masked, f.severity, f.layer, l.digest, o.instruction, o.brought_by \
ORDER BY CASE f.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 \
  WHEN 'low' THEN 3 ELSE 4 END, tags DESC, f.fingerprint, layer",
        shown: &["severity", "rule", "tags", "state", "path", "brought_by"],
    },
    View {
        name: "places",
        about: "each tag with each of its secrets: with --fingerprint, all that carry one",
        sql: "\
SELECT c.host || '/' || c.repository || ':' || c.tag_name AS image, i.platform, f.severity, \
  f.rule, f.masked, f.fingerprint, f.state, f.path, f.inside, f.line, l.digest AS layer, \
  n.text AS instruction \
FROM current c JOIN images i ON i.id = c.image JOIN findings f ON f.image = c.image \
LEFT JOIN layers l ON l.id = f.layer \
LEFT JOIN image_layers y ON y.image = f.image AND y.layer = f.layer \
LEFT JOIN instructions n ON n.id = y.instruction \
WHERE f.category = 'secret' ORDER BY image, i.platform, f.number",
        shown: &["image", "severity", "rule", "state", "path"],
    },
    View {
        name: "tools",
        about: "what production does not need, by kind and package: the most bytes first",
        sql: "\
SELECT u.kind, u.owner AS package, COUNT(DISTINCT c.image) AS images, \
  COUNT(DISTINCT c.tag) AS tags, CAST(SUM(u.bytes) AS BIGINT) AS tag_bytes, \
  MAX(u.bytes) AS largest_bytes, MIN(c.host || '/' || c.repository) AS example \
FROM current c JOIN unneeded u ON u.image = c.image GROUP BY u.kind, u.owner \
ORDER BY tag_bytes DESC, u.kind, package",
        shown: &["kind", "package", "images", "tags", "tag_bytes", "example"],
    },
    View {
        name: "bases",
        about: "base images in use, by proof (layers in the store) or by what the images say",
        sql: "\
, parents AS (SELECT y.image, MAX(y.position) AS position FROM image_layers y \
    JOIN images p ON p.chain = y.chain JOIN images i ON i.id = y.image \
    WHERE y.position < i.layers - 1 AND p.id IN (SELECT image FROM current) GROUP BY y.image), \
  names AS (SELECT image, MIN(host || '/' || repository || ':' || tag_name) AS name \
    FROM current GROUP BY image), \
  lineage AS (SELECT a.image, MIN(n.name) AS parent, MIN(p.created) AS parent_created, \
    MIN(p.compressed) AS parent_compressed FROM parents a \
    JOIN image_layers y ON y.image = a.image AND y.position = a.position \
    JOIN images p ON p.chain = y.chain JOIN names n ON n.image = p.id GROUP BY a.image), \
  named AS (SELECT c.tag, c.image, i.base_compressed, i.base_created, i.base_unneeded, \
    e.parent, e.parent_created, e.parent_compressed, i.base, i.base_how, i.os \
    FROM current c JOIN images i ON i.id = c.image LEFT JOIN lineage e ON e.image = c.image) \
SELECT COALESCE(parent, base, os, 'not known') AS base, \
  CASE WHEN parent IS NOT NULL THEN 'layers' WHEN base IS NOT NULL THEN base_how \
    WHEN os IS NOT NULL THEN 'os-release' ELSE 'none' END AS known_by, \
  COUNT(DISTINCT image) AS images, COUNT(DISTINCT tag) AS tags, \
  MAX(COALESCE(parent_compressed, base_compressed)) AS compressed_bytes, \
  MAX(base_unneeded) AS unneeded_bytes, MIN(COALESCE(parent_created, base_created)) AS created \
FROM named GROUP BY 1, 2 ORDER BY tags DESC, 1, 2",
        shown: &["base", "known_by", "images", "tags", "compressed_bytes", "created"],
    },
    View {
        name: "waste",
        about: "bytes that tags carry and never show, by the instruction that hides them",
        sql: "\
SELECT c.host || '/' || c.repository AS repository, n.text AS instruction, l.digest AS layer, \
  MAX(il.waste) AS waste_bytes, COUNT(DISTINCT c.tag) AS tags, \
  MAX(il.waste) * COUNT(DISTINCT c.tag) AS tag_bytes \
FROM current c JOIN image_layers il ON il.image = c.image JOIN layers l ON l.id = il.layer \
LEFT JOIN instructions n ON n.id = il.instruction WHERE il.waste > 0 \
GROUP BY c.host, c.repository, n.text, l.id \
ORDER BY tag_bytes DESC, repository, layer",
        shown: &["repository", "waste_bytes", "tags", "tag_bytes", "instruction"],
    },
    View {
        name: "repositories",
        about: "repositories: what they store, what of it they share, what their tags make people pull",
        sql: "\
, pairs AS (SELECT DISTINCT c.repository_id, il.layer FROM current c \
    JOIN image_layers il ON il.image = c.image), \
  shared AS (SELECT layer, COUNT(*) AS n FROM pairs GROUP BY layer), \
  bytes AS (SELECT p.repository_id, CAST(SUM(l.size) AS BIGINT) AS stored, \
    CAST(SUM(CASE WHEN s.n > 1 THEN l.size ELSE 0 END) AS BIGINT) AS shared \
    FROM pairs p JOIN shared s ON s.layer = p.layer JOIN layers l ON l.id = p.layer \
    GROUP BY p.repository_id) \
SELECT c.host || '/' || c.repository AS repository, COUNT(DISTINCT c.tag) AS tags, \
  COUNT(DISTINCT c.image) AS images, b.stored AS stored_bytes, b.shared AS shared_bytes, \
  b.stored - b.shared AS own_bytes, CAST(SUM(i.compressed) AS BIGINT) AS pull_bytes \
FROM current c JOIN bytes b ON b.repository_id = c.repository_id \
JOIN images i ON i.id = c.image GROUP BY c.host, c.repository, b.stored, b.shared \
ORDER BY own_bytes DESC, repository",
        shown: &["repository", "tags", "images", "stored_bytes", "own_bytes", "pull_bytes"],
    },
    View {
        name: "duplicates",
        about: "layers that the same instruction made again and again, or the same content stored twice",
        sql: "\
, made AS (SELECT n.text AS what, 'instruction' AS kind, l.id, l.size, \
    COUNT(DISTINCT c.tag) AS tags FROM current c \
    JOIN image_layers il ON il.image = c.image JOIN layers l ON l.id = il.layer \
    JOIN instructions n ON n.id = il.instruction WHERE n.text LIKE 'RUN %' \
    GROUP BY n.text, l.id, l.size \
  UNION ALL SELECT l.diff_id, 'content', l.id, l.size, COUNT(DISTINCT c.tag) FROM current c \
    JOIN image_layers il ON il.image = c.image JOIN layers l ON l.id = il.layer \
    WHERE l.diff_id IS NOT NULL GROUP BY l.diff_id, l.id, l.size) \
SELECT kind, what, COUNT(*) AS layers, CAST(SUM(tags) AS BIGINT) AS tags, \
  CAST(SUM(size) AS BIGINT) AS stored_bytes, CAST(SUM(size) - MAX(size) AS BIGINT) AS again_bytes \
FROM made GROUP BY kind, what HAVING COUNT(*) > 1 ORDER BY again_bytes DESC, kind, what",
        shown: &["kind", "layers", "tags", "stored_bytes", "again_bytes", "what"],
    },
    View {
        name: "advice",
        about: "the few changes that do the most for all, as the last sweep saw it",
        sql: "\
SELECT rank + 1 AS rank, kind, severity, title, tags, images, registry_bytes, pull_bytes, advice, \
  basis, subject FROM proposals \
WHERE run = (SELECT MAX(run) FROM proposals) ORDER BY 1",
        shown: &["rank", "kind", "tags", "registry_bytes", "pull_bytes", "title"],
    },
    View {
        name: "changes",
        about: "tags that are new, have moved or are gone since the sweep before",
        sql: "\
, ended AS (SELECT id, ROW_NUMBER() OVER (PARTITION BY target ORDER BY id DESC) AS place \
    FROM runs WHERE state IN ('complete', 'partial')), \
  since AS (SELECT COALESCE(MAX(id), 0) AS run FROM ended WHERE place = 2), \
  ranked AS (SELECT h.tag, h.root, h.since, h.run, ROW_NUMBER() OVER (PARTITION BY h.tag \
      ORDER BY h.run DESC, h.since DESC, h.root) AS place FROM tag_history h \
    WHERE h.run > (SELECT run FROM since)), \
  moved AS (SELECT h.tag, h.root, h.since, \
    (SELECT o.root FROM tag_history o WHERE o.tag = h.tag AND o.run <= (SELECT run FROM since) \
       ORDER BY o.run DESC, o.since DESC LIMIT 1) AS was FROM ranked h WHERE h.place = 1), \
  leaks AS (SELECT x.root, COUNT(DISTINCT f.fingerprint) AS n FROM root_images x \
    JOIN findings f ON f.image = x.image AND f.category = 'secret' GROUP BY x.root), \
  sizes AS (SELECT x.root, CAST(SUM(i.compressed) AS BIGINT) AS bytes FROM root_images x \
    JOIN images i ON i.id = x.image GROUP BY x.root) \
SELECT CASE WHEN m.root = '' THEN 'gone' WHEN COALESCE(m.was, '') = '' THEN 'new' \
    ELSE 'moved' END AS change, \
  g.host || '/' || r.name || ':' || t.name AS image, m.since, \
  COALESCE(b.bytes, 0) AS before_bytes, COALESCE(a.bytes, 0) AS after_bytes, \
  COALESCE(lb.n, 0) AS secrets_before, COALESCE(la.n, 0) AS secrets, m.was AS before, \
  m.root AS after \
FROM moved m JOIN tags t ON t.id = m.tag JOIN repositories r ON r.id = t.repository \
JOIN registries g ON g.id = r.registry LEFT JOIN sizes a ON a.root = m.root \
LEFT JOIN sizes b ON b.root = m.was LEFT JOIN leaks la ON la.root = m.root \
LEFT JOIN leaks lb ON lb.root = m.was ORDER BY 1, 2",
        shown: &["change", "image", "before_bytes", "after_bytes", "secrets_before", "secrets"],
    },
    View {
        name: "not-looked-at",
        about: "what the last sweep of each target could not look at, or had no reason to",
        sql: "\
SELECT reference, what, why, failed FROM not_looked_at WHERE run IN (\
  SELECT MAX(id) FROM runs WHERE state NOT IN ('planning', 'planned') GROUP BY target) \
UNION ALL SELECT MIN(c.host || '/' || c.repository || ':' || c.tag_name), x.what, x.why, x.failed \
FROM image_gaps x JOIN current c ON c.image = x.image \
GROUP BY x.image, x.number, x.what, x.why, x.failed ORDER BY 4 DESC, 1, 2",
        shown: &["reference", "what", "why"],
    },
    View {
        name: "sweeps",
        about: "the sweeps so far, the newest first",
        sql: "\
SELECT id AS run, target, begun, ended, state, tags, images, layers, \
  planned_bytes, fetched_bytes, registry_bytes, pull_bytes, content_bytes, waste_bytes, secrets, \
  root_images FROM runs ORDER BY id DESC",
        shown: &["run", "target", "begun", "state", "tags", "fetched_bytes", "secrets"],
    },
];
