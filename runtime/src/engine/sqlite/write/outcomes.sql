UPDATE commands
SET outcome = ended.outcome, expires_ms = iif(key IS NULL, ?2, ?3)
FROM (SELECT value ->> 0 AS id, value ->> 1 AS outcome FROM json_each(?1)) AS ended
WHERE commands.id = ended.id
