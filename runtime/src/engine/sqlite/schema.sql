-- One namespace's log, its queues and its checkpoints. Format 2.
--
-- Both parts of a position are INTEGERs; SQLite's are signed, so a kept position beyond 2^63 is refused.
-- JSON and positions that only consumers compare are kept as the text that they are.
PRAGMA application_id = 0x52747263; -- "Rtrc"
PRAGMA user_version = 2;

-- The incarnation of the log: one row from its first event on. Its head is its last event.
CREATE TABLE log (epoch TEXT NOT NULL) STRICT;

CREATE TABLE events (
    ms INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    topic TEXT NOT NULL,
    number INTEGER,
    id TEXT NOT NULL,
    action TEXT NOT NULL,
    data TEXT NOT NULL,
    meta TEXT,
    PRIMARY KEY (ms, seq, topic)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (consumer TEXT PRIMARY KEY, checkpoint TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- What consumers have set aside. A place is a position with leading zeros, so that text sorts as positions do.
CREATE TABLE parked (
    consumer TEXT NOT NULL,
    place TEXT NOT NULL,
    topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    retry INTEGER NOT NULL,
    PRIMARY KEY (consumer, place, topic)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_to_retry ON parked (consumer, place, topic) WHERE retry;

-- What was set aside once.
CREATE TABLE unparked (
    consumer TEXT NOT NULL,
    place TEXT NOT NULL,
    topic TEXT NOT NULL,
    PRIMARY KEY (consumer, place, topic)
) STRICT, WITHOUT ROWID;

-- What is known of each command. An ended one runs out; a dead letter has no end until it is dropped.
CREATE TABLE commands (
    id TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    key TEXT,
    failed INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    outcome TEXT,
    expires_ms INTEGER
) STRICT;
CREATE INDEX commands_by_end ON commands (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TABLE keys (key TEXT PRIMARY KEY, first TEXT NOT NULL, fingerprint TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Commands in their queues, in workers' hands and set aside: each in order of place, negative ones handed back.
CREATE TABLE waiting (place INTEGER PRIMARY KEY, service TEXT NOT NULL, command TEXT NOT NULL) STRICT;
CREATE INDEX waiting_by_service ON waiting (service);

CREATE TABLE claimed (
    place INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    worker TEXT NOT NULL,
    command TEXT NOT NULL
) STRICT;
CREATE INDEX claimed_by_command ON claimed (command);
CREATE INDEX claimed_by_worker ON claimed (worker, service);

CREATE TABLE dead (place INTEGER PRIMARY KEY, service TEXT NOT NULL, command TEXT NOT NULL) STRICT;
CREATE INDEX dead_by_service ON dead (service);

CREATE TABLE leases (worker TEXT PRIMARY KEY, deadline_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE roles (role TEXT PRIMARY KEY, holder TEXT NOT NULL, deadline_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
