-- Version 1. Texts that repeat (prompts, documents) stand once; a column named after another table holds its id.
-- JSON columns hold flat arrays or objects, so that json_each() and ->> work on them by hand.
CREATE TABLE environment (
  id INTEGER PRIMARY KEY,
  code_version TEXT NOT NULL,
  libtorch TEXT NOT NULL,
  compiler TEXT NOT NULL,
  cpu TEXT NOT NULL,
  cores INTEGER NOT NULL CHECK (cores >= 0),
  system TEXT NOT NULL,
  UNIQUE (code_version, libtorch, compiler, cpu, cores, system)
) STRICT;

CREATE TABLE model (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL CHECK (hash <> ''),
  label TEXT NOT NULL CHECK (substr(label, 1, 1) <> '/'),
  family TEXT NOT NULL,
  parameters INTEGER NOT NULL CHECK (parameters >= 0),
  config_hash TEXT NOT NULL,
  tokenizer_hash TEXT NOT NULL,
  template_hash TEXT NOT NULL,
  UNIQUE (hash, config_hash, tokenizer_hash, template_hash)
) STRICT;

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  plan_json TEXT NOT NULL CHECK (substr(plan_json, 1, 1) = '{'),
  plan_hash TEXT NOT NULL,
  environment INTEGER NOT NULL REFERENCES environment (id),
  started_utc TEXT NOT NULL,
  finished_utc TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'stopped')),
  seconds REAL NOT NULL DEFAULT 0 CHECK (seconds >= 0)
) STRICT;
CREATE INDEX run_by_plan ON run (plan_hash);

CREATE TABLE cell (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE CHECK (key <> ''),
  base_model INTEGER NOT NULL REFERENCES model (id),
  result_model INTEGER REFERENCES model (id),
  method TEXT NOT NULL,
  recipe_json TEXT NOT NULL CHECK (substr(recipe_json, 1, 1) = '{'),
  trained_on TEXT NOT NULL,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
  error TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 1 CHECK (attempts >= 1),
  seconds REAL NOT NULL DEFAULT 0 CHECK (seconds >= 0),
  steps INTEGER NOT NULL DEFAULT 0 CHECK (steps >= 0),
  tokens INTEGER NOT NULL DEFAULT 0 CHECK (tokens >= 0),
  peak_bytes INTEGER NOT NULL DEFAULT 0 CHECK (peak_bytes >= 0),
  CHECK (state <> 'done' OR result_model IS NOT NULL)
) STRICT;
CREATE INDEX cell_by_result ON cell (result_model);

CREATE TABLE run_cell (
  run INTEGER NOT NULL REFERENCES run (id),
  cell INTEGER NOT NULL REFERENCES cell (id),
  PRIMARY KEY (run, cell)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage (
  cell INTEGER NOT NULL REFERENCES cell (id),
  stage INTEGER NOT NULL CHECK (stage >= 0),
  name TEXT NOT NULL,
  options TEXT NOT NULL DEFAULT '{}',
  seconds REAL CHECK (seconds >= 0),
  logged TEXT NOT NULL DEFAULT '{}' CHECK (substr(logged, 1, 1) = '{'),
  PRIMARY KEY (cell, stage)
) STRICT, WITHOUT ROWID;

CREATE TABLE step (
  cell INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  step INTEGER NOT NULL CHECK (step >= 0),
  steps INTEGER NOT NULL,
  loss REAL,
  learning_rate REAL,
  gradient_norm REAL,
  tokens INTEGER NOT NULL CHECK (tokens >= 0),
  trained_tokens INTEGER NOT NULL CHECK (trained_tokens >= 0),
  seconds REAL,
  logged TEXT NOT NULL DEFAULT '{}' CHECK (substr(logged, 1, 1) = '{'),
  PRIMARY KEY (cell, stage, step),
  FOREIGN KEY (cell, stage) REFERENCES stage (cell, stage)
) STRICT, WITHOUT ROWID;

CREATE TABLE measure (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE CHECK (key <> ''),
  model INTEGER NOT NULL REFERENCES model (id),
  environment INTEGER NOT NULL REFERENCES environment (id),
  task TEXT NOT NULL CHECK (task <> ''),
  benchmark TEXT NOT NULL CHECK (benchmark <> ''),
  version TEXT NOT NULL,
  data_hash TEXT NOT NULL,
  data_origin TEXT NOT NULL CHECK (substr(data_origin, 1, 1) <> '/'),
  settings_json TEXT NOT NULL CHECK (substr(settings_json, 1, 1) = '{'),
  mode TEXT NOT NULL CHECK (mode IN ('compat', 'fixed')),
  shots INTEGER NOT NULL,
  device TEXT NOT NULL,
  dtype TEXT NOT NULL,
  kernels TEXT NOT NULL,
  threads INTEGER NOT NULL,
  max_length INTEGER NOT NULL,
  documents INTEGER NOT NULL CHECK (documents >= 0),
  items INTEGER NOT NULL CHECK (items >= 0),
  seconds REAL NOT NULL CHECK (seconds >= 0),
  measured_utc TEXT NOT NULL,
  warnings TEXT NOT NULL
) STRICT;
CREATE INDEX measure_by_model ON measure (model, task);

CREATE TABLE run_measure (
  run INTEGER NOT NULL REFERENCES run (id),
  cell INTEGER REFERENCES cell (id),
  measure INTEGER NOT NULL REFERENCES measure (id)
) STRICT;
CREATE UNIQUE INDEX run_measure_once ON run_measure (run, ifnull(cell, 0), measure);

CREATE TABLE score (
  measure INTEGER NOT NULL REFERENCES measure (id),
  position INTEGER NOT NULL CHECK (position >= 0),
  metric TEXT NOT NULL CHECK (metric <> ''),
  value REAL,
  stderror REAL CHECK (stderror >= 0),
  higher_is_better INTEGER NOT NULL CHECK (higher_is_better IN (0, 1)),
  chance REAL NOT NULL,
  PRIMARY KEY (measure, position),
  UNIQUE (measure, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE item (
  id INTEGER PRIMARY KEY,
  task TEXT NOT NULL,
  example TEXT NOT NULL,
  doc_hash TEXT NOT NULL,
  target_hash TEXT NOT NULL,
  cluster TEXT NOT NULL,
  target TEXT NOT NULL,
  gold TEXT NOT NULL,
  UNIQUE (task, example, doc_hash, target_hash, cluster)
) STRICT;

CREATE TABLE prompt (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  text TEXT NOT NULL
) STRICT;

CREATE TABLE sample (
  id INTEGER PRIMARY KEY,
  measure INTEGER NOT NULL REFERENCES measure (id),
  item INTEGER NOT NULL REFERENCES item (id),
  prompt INTEGER NOT NULL REFERENCES prompt (id),
  correct INTEGER NOT NULL CHECK (correct IN (0, 1)),
  score REAL,
  confidence REAL CHECK (confidence BETWEEN 0 AND 1),
  parsed INTEGER NOT NULL CHECK (parsed IN (0, 1)),
  finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
  prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens >= 0),
  truncated_tokens INTEGER NOT NULL CHECK (truncated_tokens >= 0),
  generated_tokens INTEGER NOT NULL CHECK (generated_tokens >= 0),
  choice_logp TEXT NOT NULL,
  choice_greedy TEXT NOT NULL,
  choice_probability TEXT NOT NULL,
  metrics TEXT NOT NULL,
  extracted TEXT NOT NULL,
  detail TEXT NOT NULL,
  responses TEXT NOT NULL,
  UNIQUE (measure, item)
) STRICT;

CREATE TABLE confidence (
  measure INTEGER PRIMARY KEY REFERENCES measure (id),
  items INTEGER NOT NULL CHECK (items > 0),
  accuracy REAL NOT NULL,
  confidence REAL NOT NULL,
  ece REAL NOT NULL,
  ece_equal_mass REAL NOT NULL,
  mce REAL NOT NULL,
  brier REAL NOT NULL,
  nll REAL,
  auroc REAL,
  selective_accuracy_10 REAL NOT NULL,
  risk_coverage_area REAL NOT NULL
) STRICT;

CREATE TABLE reliability (
  measure INTEGER NOT NULL REFERENCES confidence (measure),
  bin INTEGER NOT NULL CHECK (bin >= 0),
  low REAL NOT NULL,
  high REAL NOT NULL,
  items INTEGER NOT NULL CHECK (items >= 0),
  confidence REAL,
  accuracy REAL,
  PRIMARY KEY (measure, bin)
) STRICT, WITHOUT ROWID;

-- The views that docs/database.md explains. A task belongs to the family of a training task when both names have the
-- same first word ("truthfulqa" of "truthfulqa_mc1", "micro-mmlu" of "micro-mmlu-ood"): same_family() in drop.cpp is
-- the same rule.
CREATE VIEW family AS
SELECT name, substr(name, 1, skipped + instr(substr(replace(name, '-', '_'), skipped + 1) || '_', '_') - 1) AS family
FROM (SELECT name, CASE WHEN substr(name, 1, 6) = 'micro-' THEN 6 ELSE 0 END AS skipped
      FROM (SELECT task AS name FROM measure UNION SELECT trained_on FROM cell));

CREATE VIEW scores AS
SELECT measure.id AS measure, model.label AS model, model.hash AS model_hash, cell.method, cell.trained_on, cell.seed,
       measure.benchmark, measure.task, measure.shots, measure.mode, measure.items, score.metric, score.value,
       score.stderror, score.chance, score.position = 0 AS main
FROM score
JOIN measure ON measure.id = score.measure
JOIN model ON model.id = measure.model
LEFT JOIN cell ON cell.result_model = model.id AND cell.state = 'done';

CREATE VIEW before_after AS
SELECT cell.id AS cell, base.label AS model, cell.method, cell.trained_on, cell.seed, one.benchmark, one.task,
       one.id AS before_measure, two.id AS after_measure,
       scored.family = trained.family AS trained
FROM cell
JOIN model AS base ON base.id = cell.base_model
JOIN measure AS one ON one.model = cell.base_model
JOIN measure AS two ON two.model = cell.result_model AND two.task = one.task
JOIN family AS scored ON scored.name = one.task
JOIN family AS trained ON trained.name = cell.trained_on
WHERE cell.state = 'done' AND one.version = two.version AND one.data_hash = two.data_hash
  AND one.settings_json = two.settings_json AND one.mode = two.mode AND one.shots = two.shots
  AND one.dtype = two.dtype AND one.device = two.device AND one.kernels = two.kernels;

CREATE VIEW "drop" AS
SELECT pair.cell, pair.model, pair.method, pair.trained_on, pair.seed, pair.benchmark, old.metric, pair.trained,
       sum(one.items) AS items,
       sum(one.items * old.value) / sum(one.items) AS before,
       sum(one.items * new.value) / sum(one.items) AS after,
       sum(one.items * (CASE old.higher_is_better WHEN 1 THEN old.value - new.value ELSE new.value - old.value END))
         / sum(one.items) AS "drop"
FROM before_after AS pair
JOIN measure AS one ON one.id = pair.before_measure
JOIN score AS old ON old.measure = pair.before_measure AND old.position = 0
JOIN score AS new ON new.measure = pair.after_measure AND new.metric = old.metric
GROUP BY pair.cell, pair.benchmark, old.metric;

CREATE VIEW calibration AS
SELECT measure.id AS measure, model.label AS model, cell.method, cell.trained_on, cell.seed, measure.benchmark,
       measure.task, confidence.items, confidence.accuracy, confidence.confidence, confidence.ece,
       confidence.ece_equal_mass, confidence.mce, confidence.brier, confidence.nll, confidence.auroc,
       confidence.selective_accuracy_10, confidence.risk_coverage_area
FROM confidence
JOIN measure ON measure.id = confidence.measure
JOIN model ON model.id = measure.model
LEFT JOIN cell ON cell.result_model = model.id AND cell.state = 'done';

CREATE VIEW flips AS
SELECT pair.cell, pair.method, pair.trained_on, pair.seed, pair.task, item.example,
       CASE WHEN old.correct THEN 'lost' ELSE 'gained' END AS flip,
       item.target, old.extracted AS before, new.extracted AS after, old.confidence AS confidence_before,
       new.confidence AS confidence_after, prompt.text AS prompt, old.responses AS responses_before,
       new.responses AS responses_after
FROM before_after AS pair
JOIN sample AS old ON old.measure = pair.before_measure
JOIN sample AS new ON new.measure = pair.after_measure AND new.item = old.item AND new.prompt = old.prompt
JOIN item ON item.id = old.item
JOIN prompt ON prompt.id = old.prompt
WHERE old.correct <> new.correct;
