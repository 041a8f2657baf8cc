INSERT OR REPLACE INTO parked (consumer, place, topic, reason, attempts, since_ms, retry)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
