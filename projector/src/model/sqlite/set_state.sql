INSERT INTO state (slot, epoch, position, number, digest, version, generation)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT DO UPDATE SET epoch = excluded.epoch, position = excluded.position, number = excluded.number,
    digest = excluded.digest, version = excluded.version, generation = excluded.generation
