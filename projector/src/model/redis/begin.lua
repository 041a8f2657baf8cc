-- Begins a generation, or finds it begun, which changes nothing.
--
-- KEYS  the generation's state, the served state, the set of generations that are not served
-- ARGV  the generation, its plan
-- Returns 1, or 0 when it is the one served.
if ARGV[1] == (redis.call('HGET', KEYS[2], 'generation') or '0') or ARGV[1] == '0' then
  return 0
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'stage', 'building', 'plan', ARGV[2])
end
redis.call('SADD', KEYS[3], ARGV[1])
return 1
