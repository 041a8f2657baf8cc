SELECT consumer, place, topic, reason, attempts, since_ms, retry FROM parked WHERE consumer = ? AND place = ? AND topic = ?
