INSERT OR IGNORE INTO unparked (consumer, place, topic)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
