CREATE TABLE rows (
    generation INTEGER NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    row TEXT NOT NULL,
    PRIMARY KEY (generation, topic, key)
) STRICT, WITHOUT ROWID;

-- Slot 0 holds the generation that readers see; one that is being built, or was served before, has its number;
-- one that was discarded and still has rows has it below 0. What the stage of slot 0 says means nothing.
CREATE TABLE state (
    slot INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    position TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    stage TEXT NOT NULL DEFAULT 'building',
    plan TEXT NOT NULL DEFAULT ''
) STRICT;

-- How far a rebuild under way has come, and when that was told.
CREATE TABLE progress (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    told_ms INTEGER NOT NULL,
    progress TEXT NOT NULL
) STRICT;
