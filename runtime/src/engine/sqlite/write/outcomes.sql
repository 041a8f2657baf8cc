-- Of each: the command, its outcome, and when that runs out without and with an Idempotency-Key.
UPDATE commands
SET outcome = column2, expires_ms = iif(key IS NULL, column3, column4)
FROM (VALUES /* rows */)
WHERE commands.id = column1
