-- Some rows of a topic after a key, packed into one text, since a row at a time costs more than reading it:
-- a header of pairs of lengths in bytes, and the keys and rows that they measure.
SELECT group_concat(octet_length(key) || ' ' || octet_length(row), ' '), group_concat(key || row, '')
FROM (
    SELECT key, row FROM rows
    WHERE generation = ?1 AND topic = ?2 AND key > ?3
    ORDER BY key LIMIT ?4
)
