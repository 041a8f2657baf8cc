-- The same as the transaction in read.rs, for a server that takes no transactions because its memory is full.
-- Slower: every entry passes through Lua.
--
-- KEYS[1] the head. ARGV: the topics' key, the first position, then streams and how many entries of each.
local answer = {
  redis.call('HMGET', KEYS[1], 'epoch', 'position', 'number'),
  redis.call('SMEMBERS', ARGV[1]),
}
for i = 3, #ARGV, 2 do
  answer[#answer + 1] = redis.call('XRANGE', ARGV[i], ARGV[2], '+', 'COUNT', ARGV[i + 1])
end
return answer
