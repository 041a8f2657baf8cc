SELECT place, service, worker, command
FROM claimed
WHERE command IN (SELECT value FROM json_each(?1))
ORDER BY place
