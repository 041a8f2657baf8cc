-- How many rows a topic ?2 has after run ?1: ?3 more than after run ?4, where that is known.
INSERT INTO total (run, topic, rows) SELECT ?1, ?2, rows + ?3 FROM total WHERE run = ?4 AND topic = ?2
