SELECT
    ifnull(min(place), 0),
    ifnull(max(place), 0)
FROM (SELECT place FROM waiting UNION ALL SELECT place FROM claimed UNION ALL SELECT place FROM dead)
