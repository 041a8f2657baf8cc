-- Takes a lease that nobody has.
--
-- KEYS  the lease
-- ARGV  the holder, the lease's milliseconds
-- Returns nothing when taken, else who has it and for how many milliseconds more.
local other = redis.call('GET', KEYS[1])
if other and other ~= ARGV[1] then
  return { other, redis.call('PTTL', KEYS[1]) }
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
