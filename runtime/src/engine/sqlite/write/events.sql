INSERT INTO events (ms, seq, topic, number, id, action, data, meta)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
