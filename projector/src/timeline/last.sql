-- Of each of these runs, the block that would hold the last version of a row up to a position, if it has the key.
SELECT block.packed
FROM run
CROSS JOIN block ON block.id = (
    SELECT id FROM block
    WHERE run = run.id AND topic = ?1 AND (first_key, first_position) <= (?2, ?3)
    ORDER BY first_key DESC, first_position DESC
    LIMIT 1
) AND instr(block.keys, ?6) > 0
WHERE run.id BETWEEN ?4 AND ?5
ORDER BY run.id DESC
