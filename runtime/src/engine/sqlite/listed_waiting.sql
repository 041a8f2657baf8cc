SELECT waiting.command, ifnull(commands.command, ''), ifnull(commands.failed, 0), commands.error, NULL, NULL
FROM waiting LEFT JOIN commands ON commands.id = waiting.command
WHERE waiting.service = ?1 AND (?2 IS NULL OR waiting.place > (
    SELECT place FROM waiting WHERE service = ?1 AND command = ?2
))
ORDER BY waiting.place
LIMIT ?3
