-- Renews a lease that the holder still has: one that ran out may have been another's meanwhile.
--
-- KEYS  the lease
-- ARGV  the holder, the lease's milliseconds
-- Returns 1 when renewed, 0 when it is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
