SELECT claimed.command, ifnull(commands.command, ''), ifnull(commands.failed, 0), commands.error,
    claimed.worker, leases.deadline_ms
FROM claimed
LEFT JOIN commands ON commands.id = claimed.command
LEFT JOIN leases ON leases.worker = claimed.worker
WHERE claimed.service = ?1 AND (?2 IS NULL OR (claimed.worker, claimed.place) > (
    SELECT worker, place FROM claimed WHERE service = ?1 AND command = ?2
))
ORDER BY claimed.worker, claimed.place
LIMIT ?3
