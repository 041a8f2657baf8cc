-- Drops a generation that is not served: its rows by topic, and its state, which lists the topics.
--
-- KEYS  the generation's state
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local topic = string.match(field, '^rows:(.*)$')
  if topic then
    redis.call('UNLINK', KEYS[1] .. ':' .. topic)
  end
end
redis.call('UNLINK', KEYS[1])
return 1
