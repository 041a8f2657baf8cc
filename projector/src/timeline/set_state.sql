INSERT INTO state (only, version, epoch, position, number, runs, blocks, base, since, floor)
VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT DO UPDATE SET
    version = ?1,
    epoch = ?2,
    position = ?3,
    number = ?4,
    runs = ?5,
    blocks = ?6,
    base = ?7,
    since = ?8,
    -- Somebody else may have dropped more; nobody brings it back, but who begins anew.
    floor = CASE WHEN ?3 = zeroblob(16) THEN ?9 ELSE max(floor, ?9) END
