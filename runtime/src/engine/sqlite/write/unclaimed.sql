DELETE FROM claimed WHERE place IN (SELECT value FROM json_each(?1))
