CREATE TABLE IF NOT EXISTS rows (
    generation INTEGER NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    row TEXT NOT NULL,
    PRIMARY KEY (generation, topic, key)
) STRICT, WITHOUT ROWID;

-- Slot 0 holds the generation that readers see; one that is being built, or was served before, has its number.
CREATE TABLE IF NOT EXISTS state (
    slot INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    position TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;
