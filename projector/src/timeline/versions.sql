-- The blocks that may hold versions of a row, keyframes left out.
SELECT block.packed
FROM run
CROSS JOIN block ON block.run = run.id AND block.topic = ?1 AND block.first_key <= ?2 AND block.id >= coalesce(
    (
        SELECT id FROM block AS earlier
        WHERE earlier.run = run.id AND earlier.topic = ?1 AND earlier.first_key < ?2
        ORDER BY first_key DESC, first_position DESC
        LIMIT 1
    ),
    0
)
WHERE run.base <> run.id AND run.id <= ?3 AND instr(block.keys, ?4) > 0
ORDER BY block.id
