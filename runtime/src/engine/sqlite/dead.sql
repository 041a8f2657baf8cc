SELECT commands.command, ifnull(commands.error, ''), commands.failed
FROM dead JOIN commands ON commands.id = dead.command
WHERE dead.service = ?1
ORDER BY dead.place
