SELECT consumer, place, topic, reason, attempts, since_ms, retry FROM parked
WHERE (consumer, place, topic) > (?, ?, ?)
ORDER BY consumer, place, topic
LIMIT ?
