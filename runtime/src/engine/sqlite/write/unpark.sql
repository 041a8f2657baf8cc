DELETE FROM parked WHERE (consumer, place, topic) IN (VALUES /* rows */)
