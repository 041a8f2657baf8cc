INSERT INTO state (slot, epoch, position, number, digest, version, generation, stage, plan)
VALUES (?1, '', '0-0', 0, '00000000000000000000000000000000', 0, ?1, 'building', ?2)
ON CONFLICT DO NOTHING
