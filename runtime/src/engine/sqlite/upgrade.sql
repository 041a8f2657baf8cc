-- From format 1, where a consumer could set aside one entry a position, to format 2. When is not known: by now.
BEGIN IMMEDIATE;
ALTER TABLE parked RENAME TO parked_of_format_1;
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

INSERT INTO parked
SELECT
    consumer,
    substr('00000000000000000000' || substr(position, 1, instr(position, '-') - 1), -20)
        || '-' || substr('00000000000000000000' || substr(position, instr(position, '-') + 1), -20),
    topic,
    reason,
    1,
    unixepoch() * 1000,
    0
FROM parked_of_format_1;
DROP TABLE parked_of_format_1;
PRAGMA user_version = 2;
COMMIT;
