-- Ports of fabrics that are to be shut once the fabric answers (unfenced) are one more kind of record.
CREATE TABLE record_new (
  kind TEXT NOT NULL CHECK (kind IN ('drift','token','account','approval','user','rotation','trust','presented','unfenced')),
  key  TEXT NOT NULL,
  doc  TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

INSERT INTO record_new SELECT kind, key, doc FROM record;
DROP TABLE record;
ALTER TABLE record_new RENAME TO record;

-- Machines of one make have a model, which is one more kind of object.  SQLite cannot change a CHECK, so the table is made anew.
CREATE TABLE object_new (
  kind    TEXT NOT NULL CHECK (kind IN ('site','network','switch','fabric','array','model','machine','group',
                                        'identity','template','persona')),
  name    TEXT NOT NULL,
  doc     TEXT NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

INSERT INTO object_new SELECT kind, name, doc, changed FROM object;
DROP TABLE object;
ALTER TABLE object_new RENAME TO object;
