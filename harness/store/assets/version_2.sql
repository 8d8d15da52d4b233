-- Version 2. The files in which a cell's stages keep the records that they made; none of the path is stored but the
-- name.
CREATE TABLE record_file (
  cell INTEGER NOT NULL REFERENCES cell (id),
  stage INTEGER NOT NULL CHECK (stage >= 0),
  name TEXT NOT NULL,
  file TEXT NOT NULL CHECK (file <> '' AND instr(file, '/') = 0),
  rows INTEGER NOT NULL CHECK (rows >= 0),
  answers INTEGER NOT NULL CHECK (answers >= 0),
  written INTEGER NOT NULL CHECK (written >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (cell, stage)
) STRICT, WITHOUT ROWID;
