-- Where the ?5th entry after (?1, ?2) stands, if it stands before (?3, ?4).
SELECT ms, seq FROM events
WHERE (ms, seq) > (?1, ?2) AND (ms, seq) < (?3, ?4)
ORDER BY ms, seq
LIMIT 1 OFFSET ?5 - 1
