INSERT OR REPLACE INTO parked (consumer, position, topic, reason)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
