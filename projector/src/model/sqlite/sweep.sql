DELETE FROM rows
WHERE generation = ?1 AND (topic, key) IN (SELECT topic, key FROM rows WHERE generation = ?1 LIMIT ?2)
