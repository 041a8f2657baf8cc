INSERT INTO progress (only, told_ms, progress)
VALUES (0, CAST(unixepoch('subsec') * 1000 AS INTEGER), ?1)
ON CONFLICT DO UPDATE SET told_ms = excluded.told_ms, progress = excluded.progress
