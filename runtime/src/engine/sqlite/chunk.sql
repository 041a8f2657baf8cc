-- Entries after (?1, ?2) and up to (?3, ?4): at most ?5, if that is given, and besides all that stand at the
-- last one's position.
FROM events
WHERE (ms, seq) > (?1, ?2) AND (ms, seq) <= (
    SELECT ?3, ?4 WHERE ?5 IS NULL
    UNION ALL
    SELECT * FROM (
        SELECT ms, seq FROM events
        WHERE (ms, seq) > (?1, ?2) AND (ms, seq) <= (?3, ?4)
        ORDER BY ms, seq
        LIMIT 1 OFFSET ?5 - 1
    )
    UNION ALL
    SELECT ?3, ?4
    LIMIT 1
)
