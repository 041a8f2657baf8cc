SELECT waiting.place, waiting.command, commands.command, commands.failed
FROM waiting LEFT JOIN commands ON commands.id = waiting.command
WHERE waiting.service = ?1
ORDER BY waiting.place
LIMIT ?2
