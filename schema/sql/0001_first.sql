-- The first schema.  Never edit a released migration; add the next one.
-- Times are milliseconds of UTC.  Every table is STRICT.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What people define: one row per network, switch, machine, persona …, as JSON.
CREATE TABLE object (
  kind    TEXT NOT NULL CHECK (kind IN ('site','network','switch','fabric','array','machine','group',
                                        'identity','template','persona')),
  name    TEXT NOT NULL,
  doc     TEXT NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- Addresses and names that belong to a persona.  A released one stays until its quarantine is over.
CREATE TABLE identity (
  kind    TEXT NOT NULL CHECK (kind IN ('mac','wwpn','wwnn','iqn','uuid','ip')),
  value   TEXT NOT NULL,
  number  INTEGER,
  persona TEXT NOT NULL,
  slot    TEXT NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('active','released')),
  since   INTEGER NOT NULL,
  PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_persona ON identity (persona, kind, slot);
CREATE INDEX identity_number ON identity (kind, number);

-- Which persona plays on which machine, and in which generation.  `last` is the highest generation ever
-- used; it only grows, also over releases and rollbacks.
CREATE TABLE assignment (
  persona    TEXT PRIMARY KEY,
  machine    TEXT,
  generation INTEGER NOT NULL,
  last       INTEGER NOT NULL CHECK (last >= generation),
  since      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  machine TEXT PRIMARY KEY,
  reason  TEXT NOT NULL,
  run     INTEGER,
  since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- XChaCha20-Poly1305; associated data is secret|name|version, so rows cannot be swapped.
CREATE TABLE secret (
  name    TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  nonce   BLOB NOT NULL,
  box     BLOB NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  action  TEXT NOT NULL,
  persona TEXT NOT NULL,
  machine TEXT NOT NULL,
  doc     TEXT NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('running','undoing','masking','done','rolled_back','quarantined')),
  reason  TEXT,
  request TEXT UNIQUE,
  created INTEGER NOT NULL,
  ended   INTEGER
) STRICT;
CREATE INDEX run_open ON run (id) WHERE ended IS NULL;

CREATE TABLE step (
  run     INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  n       INTEGER NOT NULL,
  doc     TEXT NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('pending','intent','done','failed','undo','undone','undo_failed','skipped')),
  reason  TEXT,
  started INTEGER,
  ended   INTEGER,
  PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- One row per thing that an open run holds: machine:NAME persona:NAME port:SWITCH/PORT volume:ARRAY/NAME.
CREATE TABLE lock (
  target TEXT PRIMARY KEY,
  run    INTEGER NOT NULL REFERENCES run (id),
  epoch  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lock_run ON lock (run);

CREATE TABLE event (
  seq  INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  type TEXT NOT NULL,
  run  INTEGER,
  doc  TEXT NOT NULL
) STRICT;
