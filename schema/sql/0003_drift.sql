-- What was found to differ from the wiring in force, so that "since when" outlives a restart.
-- key: DEVICE OBJECT WHAT; doc: as /v1/drift tells it.
CREATE TABLE drift (
  key TEXT PRIMARY KEY,
  doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
