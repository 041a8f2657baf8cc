SELECT consumer, place, topic FROM parked WHERE (consumer, place, topic) IN (VALUES /* rows */)
