-- The next blocks of a topic in a run.
SELECT first_key, first_position, packed FROM block
WHERE run = ?2 AND topic = ?1 AND (first_key, first_position) > (?3, ?4)
ORDER BY first_key, first_position
LIMIT ?5
