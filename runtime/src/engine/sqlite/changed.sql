-- Which of the reads (?1: topic, text) the first event after (?2, ?3) and up to (?4, ?5) mentions that the
-- saga ?6 did not append itself. CROSS JOIN keeps the log outside: it is walked once, in order. What has no
-- readable meta is no event.
SELECT read.key
FROM events CROSS JOIN json_each(?1) AS read
WHERE (ms, seq) > (?2, ?3)
    AND (ms, seq) <= (?4, ?5)
    AND events.topic = read.value ->> 0
    AND instr(events.data, read.value ->> 1) > 0
    AND CASE
        WHEN meta IS NULL THEN TRUE
        WHEN NOT json_valid(meta) THEN FALSE
        ELSE ?6 IS NULL OR meta ->> 'handler' IS NOT ?6 OR meta ->> 'command' IS NOT NULL
    END
ORDER BY ms, seq, read.key
LIMIT 1
