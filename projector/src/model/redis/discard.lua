-- Drops a generation that is not served: its rows by topic, and its state, which lists the topics.
--
-- KEYS  the generation's state, the served state, the set of generations that are not served
-- ARGV  the generation
redis.call('SREM', KEYS[3], ARGV[1])
local served = ARGV[1] == redis.call('HGET', KEYS[2], 'generation')
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local topic = string.match(field, '^rows:(.*)$')
  if topic and not served then
    redis.call('UNLINK', KEYS[1] .. ':' .. topic)
  end
end
redis.call('UNLINK', KEYS[1])
return 1
