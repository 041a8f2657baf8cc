-- Entries as one text: of each the numbers and the lengths in bytes, then the texts. Four of the lengths are
-- packed two and two, as a text is shorter than 2^31 bytes and a function that is called more costs more.
-- Which entries, the rest of the query says.
SELECT group_concat(
    format(
        '%d %d %d %d %d %d ',
        ms, seq, ifnull(number, -1),
        octet_length(topic) | (octet_length(id) << 31), octet_length(action) | (octet_length(data) << 31),
        ifnull(octet_length(meta), -1)
    ) || topic || id || action || data || ifnull(meta, ''),
    ''
)
