SELECT consumer, place, topic FROM unparked
WHERE (consumer, place, topic) > (?, ?, ?)
ORDER BY consumer, place, topic
LIMIT ?
