-- Version 4. How a measured model answered, and what that took: tokens run through models, all questions together, and
-- the keys and values of the question that needed most. Measures of older versions have no row.
CREATE TABLE work (
  measure INTEGER PRIMARY KEY REFERENCES measure (id),
  procedure TEXT NOT NULL,
  forward_tokens INTEGER NOT NULL CHECK (forward_tokens >= 0),
  cache_bytes INTEGER NOT NULL CHECK (cache_bytes >= 0)
) STRICT;
