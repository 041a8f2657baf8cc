-- Entries that were set aside, in order. KEYS[1] their names. ARGV: the entries' key, first and last name, how many.
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
if #names == 0 then return names end
return redis.call('HMGET', ARGV[1], unpack(names))
