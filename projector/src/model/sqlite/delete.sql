-- ?2 is a JSON array of [topic, key].
DELETE FROM rows
WHERE generation = ?1 AND (topic, key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))
