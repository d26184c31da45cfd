-- More kinds of small documents: people with a password (user), passwords of devices that are being changed (rotation), the
-- server key by which a device is known (trust), and the one that it showed last (presented).  SQLite cannot change a
-- CHECK, so the table is made anew.
CREATE TABLE record_new (
  kind TEXT NOT NULL CHECK (kind IN ('drift','token','account','approval','user','rotation','trust','presented')),
  key  TEXT NOT NULL,
  doc  TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

INSERT INTO record_new SELECT kind, key, doc FROM record;
DROP TABLE record;
ALTER TABLE record_new RENAME TO record;
