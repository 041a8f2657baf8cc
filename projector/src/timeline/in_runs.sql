-- The blocks that hold the last versions of a topic's rows in the runs named beside them. ?2 is a JSON array of
-- [run, key].
SELECT run, packed
FROM block
WHERE id IN (
    SELECT (
        SELECT id FROM block
        WHERE run = wanted.value ->> 0 AND topic = ?1 AND first_key <= wanted.value ->> 1
        ORDER BY first_key DESC, first_position DESC
        LIMIT 1
    )
    FROM json_each(?2) AS wanted
)
