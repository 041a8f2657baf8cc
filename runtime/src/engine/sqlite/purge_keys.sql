DELETE FROM keys
WHERE (key, first) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))
