-- Entries after (?1, ?2, ?3) and up to (?4, ?5), at most ?6, as one text: of each the numbers and the lengths
-- in bytes, then the texts. Without a topic, ?3, all of what stands at (?1, ?2) is passed over: a BLOB comes
-- after every TEXT.
SELECT group_concat(
    format(
        '%d %d %d %d %d %d %d %d ',
        ms, seq, ifnull(number, -1),
        octet_length(topic), octet_length(id), octet_length(action), octet_length(data),
        ifnull(octet_length(meta), -1)
    ) || topic || id || action || data || ifnull(meta, ''),
    ''
)
FROM (
    SELECT *
    FROM events
    WHERE (ms, seq, topic) > (?1, ?2, ifnull(?3, x'')) AND (ms, seq) <= (?4, ?5)
    ORDER BY ms, seq, topic
    LIMIT ?6
)
