SELECT consumer, place, topic, reason, attempts, since_ms, retry FROM parked
WHERE retry AND consumer = ? AND (place, topic) > (?, ?)
ORDER BY place, topic
LIMIT ?
