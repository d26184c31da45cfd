-- Small documents by kind and key: what was found to differ from the wiring in force (drift), who may come in (token,
-- account), and what somebody has approved (approval).
CREATE TABLE record (
  kind TEXT NOT NULL CHECK (kind IN ('drift','token','account','approval')),
  key  TEXT NOT NULL,
  doc  TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- Who did what.  hash is BLAKE2b over the hash of the record before and this record's document, so that none can be
-- changed or taken out without a trace in all that follow.
CREATE TABLE audit (
  seq  INTEGER PRIMARY KEY,
  doc  TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
