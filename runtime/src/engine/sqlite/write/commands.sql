INSERT OR REPLACE INTO commands (id, command, key)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
