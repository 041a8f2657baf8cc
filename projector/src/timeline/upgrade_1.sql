-- From format 1 to 2: how many rows there are. Of runs that are there already it is not known; from the next keyframe on
-- it is.
CREATE TABLE total (
    run INTEGER NOT NULL,
    topic TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (run, topic)
) STRICT, WITHOUT ROWID;
