-- Version 5. The program alone knows which kinds of warnings there are, so that a new one needs no new schema; answers
-- that the limit of new tokens cut are the first such kind.
CREATE TABLE warning_of_any_kind (
  measure INTEGER NOT NULL REFERENCES measure (id),
  position INTEGER NOT NULL CHECK (position >= 0),
  kind TEXT NOT NULL CHECK (kind <> ''),
  text TEXT NOT NULL,
  PRIMARY KEY (measure, position)
) STRICT, WITHOUT ROWID;
INSERT INTO warning_of_any_kind SELECT measure, position, kind, text FROM warning;
DROP TABLE warning;
ALTER TABLE warning_of_any_kind RENAME TO warning;
