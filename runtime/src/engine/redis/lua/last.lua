-- The last entry of each stream at or before a position, at one moment.
--
-- KEYS[1] the head. ARGV: the topics' key, the position, then the streams.
local answer = {
  redis.call('HGET', KEYS[1], 'epoch') or '',
  redis.call('SMEMBERS', ARGV[1]),
  {},
}
for i = 3, #ARGV do
  answer[3][i - 2] = redis.call('XREVRANGE', ARGV[i], ARGV[2], '-', 'COUNT', 1)
end
return answer
