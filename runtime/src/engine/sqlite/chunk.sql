-- Entries after (?1, ?2) and up to (?3, ?4) as one text: of each the numbers and the lengths in bytes, then the
-- texts. Four of the lengths are packed two and two, as a text is shorter than 2^31 bytes and a function that
-- is called more costs more. At most ?5 entries, if that is given, and besides all that stand at the last
-- one's position.
SELECT group_concat(
    format(
        '%d %d %d %d %d %d ',
        ms, seq, ifnull(number, -1),
        octet_length(topic) | (octet_length(id) << 31), octet_length(action) | (octet_length(data) << 31),
        ifnull(octet_length(meta), -1)
    ) || topic || id || action || data || ifnull(meta, ''),
    ''
)
FROM events
WHERE (ms, seq) > (?1, ?2) AND (ms, seq) <= (
    SELECT ?3, ?4 WHERE ?5 IS NULL
    UNION ALL
    SELECT * FROM (
        SELECT ms, seq FROM events
        WHERE (ms, seq) > (?1, ?2) AND (ms, seq) <= (?3, ?4)
        ORDER BY ms, seq
        LIMIT 1 OFFSET ?5 - 1
    )
    UNION ALL
    SELECT ?3, ?4
    LIMIT 1
)
