-- Version 6. Metrics that are measured beside a benchmark's own: which of them gave a score, and every answer that was
-- drawn for one.
ALTER TABLE score ADD COLUMN further TEXT NOT NULL DEFAULT '';

CREATE TABLE drawn (
  sample INTEGER NOT NULL REFERENCES sample (id),
  number INTEGER NOT NULL CHECK (number >= 0),
  drawing TEXT NOT NULL CHECK (substr(drawing, 1, 1) = '{'),
  text TEXT NOT NULL,
  extracted TEXT NOT NULL,
  parsed INTEGER NOT NULL CHECK (parsed IN (0, 1)),
  correct INTEGER NOT NULL CHECK (correct IN (0, 1)),
  score REAL,
  tokens INTEGER NOT NULL CHECK (tokens >= 0),
  finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
  PRIMARY KEY (sample, number)
) STRICT, WITHOUT ROWID;

DROP VIEW scores;
CREATE VIEW scores AS
SELECT measure.id AS measure, model.label AS model, model.hash AS model_hash, cell.method, cell.trained_on, cell.seed,
       measure.benchmark, measure.task, measure.shots, measure.mode, measure.items, score.metric, score.value,
       score.stderror, score.chance, score.position = 0 AS main, score.unit, score.scale, score.higher_is_better,
       score.further
FROM score
JOIN measure ON measure.id = score.measure
JOIN model ON model.id = measure.model
LEFT JOIN cell ON cell.result_model = model.id AND cell.state = 'done';
