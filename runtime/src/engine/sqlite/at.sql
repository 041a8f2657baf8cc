-- Entries at the positions that ?1 lists as JSON, first part and second. CROSS JOIN looks each of them up.
FROM (SELECT value ->> 0 AS asked_ms, value ->> 1 AS asked_seq FROM json_each(?1)) CROSS JOIN events
WHERE ms = asked_ms AND seq = asked_seq
