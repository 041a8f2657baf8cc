SELECT ifnull((SELECT epoch FROM log), ''), ms, seq, ifnull(number, 0)
FROM events
ORDER BY ms DESC, seq DESC, topic DESC
LIMIT 1
