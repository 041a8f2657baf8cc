INSERT OR REPLACE INTO checkpoints (consumer, checkpoint)
SELECT value ->> 0, value ->> 1 FROM json_each(?1)
