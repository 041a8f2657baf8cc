-- The blocks that may hold versions of a row, keyframes left out: those that begin with it, and the one before them.
SELECT packed
FROM (
    SELECT run.id AS run, block.first_key AS first_key, block.first_position AS first_position, block.packed AS packed
    FROM run
    CROSS JOIN block ON block.run = run.id AND block.topic = ?1 AND block.first_key = ?2
    WHERE run.base <> run.id AND run.id <= ?3
    UNION ALL
    SELECT run.id, block.first_key, block.first_position, block.packed
    FROM run
    CROSS JOIN block ON block.id = (
        SELECT id FROM block AS earlier
        WHERE earlier.run = run.id AND earlier.topic = ?1 AND earlier.first_key < ?2
        ORDER BY first_key DESC, first_position DESC
        LIMIT 1
    ) AND instr(block.keys, ?4) > 0
    WHERE run.base <> run.id AND run.id <= ?3
)
ORDER BY run, first_key, first_position
