-- From format 1 to 2: stages, plans and progress.
ALTER TABLE state ADD COLUMN stage TEXT NOT NULL DEFAULT 'building';
ALTER TABLE state ADD COLUMN plan TEXT NOT NULL DEFAULT '';
-- Generations were built in order, so that one below the served one was served before.
UPDATE state SET stage = 'kept' WHERE slot < (SELECT generation FROM state WHERE slot = 0);
CREATE TABLE progress (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    told_ms INTEGER NOT NULL,
    progress TEXT NOT NULL
) STRICT;
