-- The last entry at or before (?1, ?2).
SELECT ms, seq, ifnull(number, 0)
FROM events
WHERE (ms, seq) <= (?1, ?2)
ORDER BY ms DESC, seq DESC, topic DESC
LIMIT 1
