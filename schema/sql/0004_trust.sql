-- Two more kinds of small documents: the server key by which a device is known (trust), and the one that it showed last
-- (presented).  SQLite cannot change a CHECK, so the table is made anew.
CREATE TABLE record_new (
  kind TEXT NOT NULL CHECK (kind IN ('drift','token','account','approval','trust','presented')),
  key  TEXT NOT NULL,
  doc  TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

INSERT INTO record_new SELECT kind, key, doc FROM record;
DROP TABLE record;
ALTER TABLE record_new RENAME TO record;
