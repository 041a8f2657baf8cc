-- Where the timeline stands: it holds every version up to this position, made by this version of the projection.
-- "runs" and "blocks" are the numbers of the last run and the last block, "base" is that of the last keyframe, 0 for
-- none; none is used twice. "since" counts versions of entities since the keyframe; from before "floor" old versions were dropped.
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    version INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    position BLOB NOT NULL,
    number INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    base INTEGER NOT NULL,
    since INTEGER NOT NULL,
    floor BLOB NOT NULL
) STRICT;

-- A run is a stretch of the log: from the run before it up to and at "until". "base" is the keyframe that whoever
-- asks for all rows begins with (0 for none); a keyframe is its own base, and holds all entities as of "until".
-- Positions are 16 bytes, big-endian, so that they sort as positions do. Numbers of runs are never used again.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    base INTEGER NOT NULL,
    until BLOB NOT NULL
) STRICT;
CREATE INDEX run_until ON run (until);

-- The versions of a run, by topic, key and position, some in each block. "keys" has two bytes of the hash of each key
-- in it: most blocks that don't have a key are told by that.
CREATE TABLE block (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    topic TEXT NOT NULL,
    first_key TEXT NOT NULL,
    first_position BLOB NOT NULL,
    keys BLOB NOT NULL,
    packed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX block_first ON block (run, topic, first_key, first_position);

-- How many rows a topic has as of the end of a run; where an older program has written the run, that is missing.
CREATE TABLE total (
    run INTEGER NOT NULL,
    topic TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (run, topic)
) STRICT, WITHOUT ROWID;

-- Which events of a run mention an identifier (their own, their cause's, their command's), in parts by its hash.
CREATE TABLE mention (
    part INTEGER NOT NULL,
    run INTEGER NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (part, run)
) STRICT;
