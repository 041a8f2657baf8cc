-- The blocks of a topic in these runs, keyframes left out.
SELECT block.packed
FROM run
CROSS JOIN block ON block.run = run.id AND block.topic = ?1
WHERE run.id BETWEEN ?2 AND ?3 AND run.base <> run.id
ORDER BY run.id, block.first_key, block.first_position
