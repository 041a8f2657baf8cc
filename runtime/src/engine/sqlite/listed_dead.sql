SELECT dead.command, ifnull(commands.command, ''), ifnull(commands.failed, 0), commands.error, NULL, NULL
FROM dead LEFT JOIN commands ON commands.id = dead.command
WHERE dead.service = ?1 AND (?2 IS NULL OR dead.place > (
    SELECT place FROM dead WHERE service = ?1 AND command = ?2
))
ORDER BY dead.place
LIMIT ?3
