INSERT INTO claimed (place, service, worker, command)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
