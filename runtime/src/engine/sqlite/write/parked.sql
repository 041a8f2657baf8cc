INSERT OR REPLACE INTO parked (consumer, position, topic, reason)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1)
