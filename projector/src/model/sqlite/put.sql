-- ?2 is a JSON array of [topic, key, row].
INSERT INTO rows (generation, topic, key, row)
SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2)
WHERE true
ON CONFLICT DO UPDATE SET row = excluded.row
