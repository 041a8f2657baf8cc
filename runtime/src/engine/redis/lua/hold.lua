-- Takes or renews a role; answers with its holder if that is another. KEYS[1] the role. ARGV: holder, lease, the
-- longest lease.
local holder = redis.call('GET', KEYS[1])
-- One that lasts longer than any can was given by a clock that has been set back since.
if holder and holder ~= ARGV[1] and redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[3]) then return holder end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return false
