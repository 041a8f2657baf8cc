-- Forgets some commands whose time has run out, the oldest first.
DELETE FROM commands
WHERE rowid IN (SELECT rowid FROM commands WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2)
RETURNING id, key
