CREATE TABLE careen_schema (version BIGINT PRIMARY KEY);

CREATE TABLE runs (
  id {id},
  target TEXT NOT NULL,
  begun BIGINT NOT NULL,
  ended BIGINT,
  -- planning, working, complete, partial, stopped
  state TEXT NOT NULL,
  tags BIGINT, images BIGINT, layers BIGINT,
  planned_bytes BIGINT, fetched_bytes BIGINT NOT NULL DEFAULT 0,
  registry_bytes BIGINT, pull_bytes BIGINT, content_bytes BIGINT, waste_bytes BIGINT,
  secrets BIGINT, root_images BIGINT
);

CREATE TABLE registries (
  id {id},
  host TEXT NOT NULL UNIQUE
);

CREATE TABLE repositories (
  id {id},
  registry BIGINT NOT NULL REFERENCES registries (id),
  name TEXT NOT NULL,
  seen BIGINT,
  listed BIGINT,
  UNIQUE (registry, name)
);

CREATE TABLE tags (
  id {id},
  repository BIGINT NOT NULL REFERENCES repositories (id),
  name TEXT NOT NULL,
  root TEXT,
  checked BIGINT,
  seen BIGINT,
  selected BIGINT,
  UNIQUE (repository, name)
);
CREATE INDEX tags_root ON tags (root);
CREATE INDEX tags_selected ON tags (selected);

CREATE TABLE tag_history (
  tag BIGINT NOT NULL REFERENCES tags (id),
  since BIGINT NOT NULL,
  root TEXT NOT NULL,
  run BIGINT NOT NULL,
  PRIMARY KEY (tag, since, root)
);

CREATE TABLE documents (
  digest TEXT PRIMARY KEY,
  media_type TEXT,
  body {bytes} NOT NULL
);

CREATE TABLE images (
  id {id},
  digest TEXT NOT NULL UNIQUE,
  platform TEXT NOT NULL,
  created BIGINT,
  compressed BIGINT NOT NULL,
  layers BIGINT NOT NULL,
  -- names the whole list of layers
  chain BIGINT NOT NULL,
  -- known, wanted, working, judged, failed
  state TEXT NOT NULL,
  judgement TEXT, wanted_by TEXT,
  lease BIGINT, worker TEXT, tries BIGINT NOT NULL DEFAULT 0,
  partial BIGINT,
  content BIGINT, on_disk BIGINT, waste BIGINT, unneeded BIGINT, packages BIGINT,
  run_as TEXT, root BIGINT, healthcheck BIGINT,
  os TEXT,
  base TEXT, base_how TEXT, base_layers BIGINT, base_compressed BIGINT, base_created BIGINT,
  base_unneeded BIGINT
);
CREATE INDEX images_state ON images (state, id);
CREATE INDEX images_chain ON images (chain);

CREATE TABLE root_images (
  root TEXT NOT NULL,
  image BIGINT NOT NULL REFERENCES images (id),
  PRIMARY KEY (root, image)
);
CREATE INDEX root_images_image ON root_images (image);

CREATE TABLE root_gaps (
  root TEXT NOT NULL,
  number BIGINT NOT NULL,
  what TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (root, number)
);

CREATE TABLE run_images (
  run BIGINT NOT NULL REFERENCES runs (id),
  image BIGINT NOT NULL REFERENCES images (id),
  PRIMARY KEY (run, image)
);
CREATE INDEX run_images_image ON run_images (image);

CREATE TABLE layers (
  id {id},
  digest TEXT NOT NULL UNIQUE,
  size BIGINT NOT NULL,
  media_type TEXT NOT NULL,
  diff_id TEXT, tar_bytes BIGINT, content BIGINT, files BIGINT
);

CREATE TABLE layer_sources (
  layer BIGINT NOT NULL REFERENCES layers (id),
  repository BIGINT NOT NULL REFERENCES repositories (id),
  PRIMARY KEY (layer, repository)
);

CREATE TABLE instructions (
  id {id},
  text TEXT NOT NULL UNIQUE
);

CREATE TABLE image_layers (
  image BIGINT NOT NULL REFERENCES images (id),
  position BIGINT NOT NULL,
  layer BIGINT NOT NULL REFERENCES layers (id),
  -- names the list of layers up to this one
  chain BIGINT NOT NULL,
  instruction BIGINT REFERENCES instructions (id),
  waste BIGINT,
  unneeded BIGINT,
  PRIMARY KEY (image, position)
);
CREATE INDEX image_layers_layer ON image_layers (layer);
CREATE INDEX image_layers_chain ON image_layers (chain);

CREATE TABLE jobs (
  layer BIGINT NOT NULL REFERENCES layers (id),
  analysis TEXT NOT NULL,
  -- pending, running, done, failed
  state TEXT NOT NULL,
  weight BIGINT NOT NULL,
  size BIGINT NOT NULL,
  tries BIGINT NOT NULL DEFAULT 0,
  not_before BIGINT NOT NULL DEFAULT 0,
  lease BIGINT, worker TEXT,
  why TEXT,
  fetched BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (layer, analysis)
);
CREATE INDEX jobs_queue ON jobs (analysis, state, weight DESC);

CREATE TABLE indexes (
  layer BIGINT NOT NULL REFERENCES layers (id),
  analysis TEXT NOT NULL,
  body {bytes} NOT NULL,
  PRIMARY KEY (layer, analysis)
);

CREATE TABLE findings (
  image BIGINT NOT NULL REFERENCES images (id),
  number BIGINT NOT NULL,
  -- 1 for the most exposed place of a secret, 0 for its other places
  main BIGINT NOT NULL,
  rule TEXT NOT NULL,
  category TEXT NOT NULL,
  severity TEXT NOT NULL,
  confidence TEXT NOT NULL,
  state TEXT NOT NULL,
  path TEXT, inside TEXT, line BIGINT,
  layer BIGINT REFERENCES layers (id),
  of_base BIGINT,
  fingerprint TEXT NOT NULL,
  masked TEXT,
  message TEXT NOT NULL,
  PRIMARY KEY (image, number)
);
CREATE INDEX findings_fingerprint ON findings (fingerprint);
CREATE INDEX findings_category ON findings (category, severity);

CREATE TABLE unneeded (
  image BIGINT NOT NULL REFERENCES images (id),
  kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (image, kind, owner)
);
CREATE INDEX unneeded_kind ON unneeded (kind, owner);

CREATE TABLE not_looked_at (
  run BIGINT NOT NULL REFERENCES runs (id),
  number BIGINT NOT NULL,
  reference TEXT NOT NULL,
  what TEXT NOT NULL,
  why TEXT NOT NULL,
  -- 1: it should have been possible; 0: no image, or not for us
  failed BIGINT NOT NULL,
  PRIMARY KEY (run, number)
);

CREATE TABLE image_gaps (
  image BIGINT NOT NULL REFERENCES images (id),
  number BIGINT NOT NULL,
  what TEXT NOT NULL,
  why TEXT NOT NULL,
  failed BIGINT NOT NULL,
  PRIMARY KEY (image, number)
);

CREATE TABLE proposal_repositories (
  run BIGINT NOT NULL,
  rank BIGINT NOT NULL,
  repository BIGINT NOT NULL REFERENCES repositories (id),
  PRIMARY KEY (run, rank, repository)
);

CREATE TABLE proposals (
  run BIGINT NOT NULL REFERENCES runs (id),
  rank BIGINT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  title TEXT NOT NULL,
  advice TEXT NOT NULL,
  basis TEXT NOT NULL,
  severity TEXT,
  images BIGINT NOT NULL,
  tags BIGINT NOT NULL,
  registry_bytes BIGINT NOT NULL,
  pull_bytes BIGINT NOT NULL,
  -- of the repositories it touches, when it was made
  registry_then BIGINT NOT NULL,
  pull_then BIGINT NOT NULL,
  PRIMARY KEY (run, rank)
);
