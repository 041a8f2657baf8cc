-- ?2 is a JSON array of [topic, key].
SELECT rows.topic, rows.key, rows.row
FROM json_each(?2) AS wanted
CROSS JOIN rows ON rows.generation = (SELECT generation FROM state WHERE slot = ?1)
    AND rows.topic = wanted.value ->> 0
    AND rows.key = wanted.value ->> 1
