-- Version 3. What was guessed from names stands in columns: which family a task belongs to, what a metric is counted in,
-- what a warning is about. Results of older versions get what the guess gave, but for metrics that it got wrong (ROUGE
-- in [0, 1], bits per byte).
ALTER TABLE measure ADD COLUMN family TEXT NOT NULL DEFAULT '';
ALTER TABLE cell ADD COLUMN trained_family TEXT NOT NULL DEFAULT '';
UPDATE measure SET family = (SELECT family.family FROM family WHERE family.name = measure.task);
UPDATE cell SET trained_family = (SELECT family.family FROM family WHERE family.name = cell.trained_on);

ALTER TABLE score ADD COLUMN scale REAL NOT NULL DEFAULT 100 CHECK (scale > 0);
ALTER TABLE score ADD COLUMN unit TEXT NOT NULL DEFAULT 'points' CHECK (unit <> '');
UPDATE score SET scale = 1 WHERE metric LIKE '%\_max,%' ESCAPE '\' OR metric LIKE '%\_diff,%' ESCAPE '\';
UPDATE score SET scale = 1, unit = 'bits/byte' WHERE metric LIKE 'bits\_per\_byte,%' ESCAPE '\';

CREATE TABLE warning (
  measure INTEGER NOT NULL REFERENCES measure (id),
  position INTEGER NOT NULL CHECK (position >= 0),
  kind TEXT NOT NULL CHECK (kind IN ('data', 'shots', 'prompt', 'cut_prompts', 'procedure')),
  text TEXT NOT NULL,
  PRIMARY KEY (measure, position)
) STRICT, WITHOUT ROWID;
INSERT INTO warning
SELECT measure.id, line.key,
       CASE WHEN line.value LIKE '%longer than the model''s context%' THEN 'cut_prompts'
            WHEN line.value LIKE '%the task fixes their number%' THEN 'shots'
            WHEN line.value LIKE '%no system role%' THEN 'prompt'
            ELSE 'data' END,
       line.value
FROM measure, json_each(measure.warnings) AS line;
ALTER TABLE measure DROP COLUMN warnings;

DROP VIEW family;
DROP VIEW scores;
DROP VIEW before_after;
DROP VIEW "drop";

CREATE VIEW scores AS
SELECT measure.id AS measure, model.label AS model, model.hash AS model_hash, cell.method, cell.trained_on, cell.seed,
       measure.benchmark, measure.task, measure.shots, measure.mode, measure.items, score.metric, score.value,
       score.stderror, score.chance, score.position = 0 AS main, score.unit, score.scale, score.higher_is_better
FROM score
JOIN measure ON measure.id = score.measure
JOIN model ON model.id = measure.model
LEFT JOIN cell ON cell.result_model = model.id AND cell.state = 'done';

CREATE VIEW before_after AS
SELECT cell.id AS cell, base.label AS model, cell.method, cell.trained_on, cell.seed, one.benchmark, one.task,
       one.id AS before_measure, two.id AS after_measure,
       one.family = cell.trained_family AS trained
FROM cell
JOIN model AS base ON base.id = cell.base_model
JOIN measure AS one ON one.model = cell.base_model
JOIN measure AS two ON two.model = cell.result_model AND two.task = one.task
WHERE cell.state = 'done' AND one.version = two.version AND one.data_hash = two.data_hash
  AND one.settings_json = two.settings_json AND one.mode = two.mode AND one.shots = two.shots
  AND one.dtype = two.dtype AND one.device = two.device AND one.kernels = two.kernels;

CREATE VIEW "drop" AS
SELECT pair.cell, pair.model, pair.method, pair.trained_on, pair.seed, pair.benchmark, old.metric, pair.trained,
       sum(one.items) AS items,
       sum(one.items * old.value) / sum(one.items) AS before,
       sum(one.items * new.value) / sum(one.items) AS after,
       sum(one.items * (CASE old.higher_is_better WHEN 1 THEN old.value - new.value ELSE new.value - old.value END))
         / sum(one.items) AS "drop",
       old.unit, old.scale
FROM before_after AS pair
JOIN measure AS one ON one.id = pair.before_measure
JOIN score AS old ON old.measure = pair.before_measure AND old.position = 0
JOIN score AS new ON new.measure = pair.after_measure AND new.metric = old.metric
GROUP BY pair.cell, pair.benchmark, old.metric;
