INSERT INTO state (only, version, epoch, position, number, runs, base, since, floor)
VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT DO UPDATE SET
    version = ?1,
    epoch = ?2,
    position = ?3,
    number = ?4,
    runs = ?5,
    base = ?6,
    since = ?7,
    -- Somebody else may have dropped more; nobody brings it back, but who begins anew.
    floor = CASE WHEN ?3 = zeroblob(16) THEN ?8 ELSE max(floor, ?8) END
