INSERT INTO waiting (place, service, command)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
