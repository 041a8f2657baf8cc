SELECT
    (SELECT count(*) FROM waiting WHERE service = ?1),
    (SELECT count(*) FROM claimed WHERE service = ?1),
    (SELECT count(*) FROM dead WHERE service = ?1)
