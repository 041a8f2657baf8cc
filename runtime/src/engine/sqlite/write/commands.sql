INSERT OR REPLACE INTO commands (id, command, key)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
