-- Of each of these runs, the last block of a topic that begins at or before the key ?4, and the first that begins after.
SELECT run.id AS run, block.first_key AS first_key, block.first_position AS first_position, block.packed AS packed
FROM run
CROSS JOIN block ON block.id = (
    SELECT id FROM block AS earlier
    WHERE earlier.run = run.id AND earlier.topic = ?1 AND earlier.first_key <= ?4
    ORDER BY first_key DESC, first_position DESC
    LIMIT 1
)
WHERE run.id BETWEEN ?2 AND ?3
UNION ALL
SELECT run.id, block.first_key, block.first_position, block.packed
FROM run
CROSS JOIN block ON block.id = (
    SELECT id FROM block AS later
    WHERE later.run = run.id AND later.topic = ?1 AND later.first_key > ?4
    ORDER BY first_key, first_position
    LIMIT 1
)
WHERE run.id BETWEEN ?2 AND ?3
ORDER BY run, first_key, first_position
