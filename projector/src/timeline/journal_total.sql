-- How many rows a journal ?2 has as of keyframe ?1: as many as after run ?3. Where that is not known, they are counted by
-- what stands beside each block: two bytes for each key, and a journal writes to a key once.
INSERT INTO total (run, topic, rows)
SELECT ?1, ?2, coalesce(
    (SELECT rows FROM total WHERE run = ?3 AND topic = ?2),
    (SELECT coalesce(sum(length(keys)) / 2, 0) FROM block WHERE topic = ?2)
)
