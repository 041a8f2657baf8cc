INSERT OR REPLACE INTO checkpoints (consumer, checkpoint)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
