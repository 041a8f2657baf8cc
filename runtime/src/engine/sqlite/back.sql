-- Where the ?3th entry before (?1, ?2) stands, counted backwards.
SELECT ms, seq FROM events
WHERE (ms, seq) < (?1, ?2)
ORDER BY ms DESC, seq DESC
LIMIT 1 OFFSET ?3 - 1
