-- Gives a begun generation another number. Rows go into Redis as plain commands, which can't be refused: those of a
-- loader that was only frozen, and not dead, then go where nobody looks.
--
-- KEYS  its state, its state under the new number, the set of generations that are not served
-- ARGV  its number, the new number
-- Returns 1, or 0 when there is no such generation.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local topic = string.match(field, '^rows:(.*)$')
  if topic and redis.call('EXISTS', KEYS[1] .. ':' .. topic) == 1 then
    redis.call('RENAME', KEYS[1] .. ':' .. topic, KEYS[2] .. ':' .. topic)
  end
end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'generation', ARGV[2])
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[2])
return 1
