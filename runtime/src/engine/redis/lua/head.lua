-- Where the log stands: the last commit, or the last entry that another program has written after it.
--
-- KEYS[1] the head. ARGV: the streams.
local later = position_tools().later
local head = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'number')
local position = head[2] or '0-0'
local after, command = {}, { 'XREAD', 'COUNT', '1', 'STREAMS' }
for i = 1, #ARGV do
  command[4 + i] = ARGV[i]
  after[i] = position
end
for i = 1, #after do command[#command + 1] = after[i] end
for _, stream in ipairs(redis.call(unpack(command)) or {}) do
  for _, entry in ipairs(redis.call('XREVRANGE', stream[1], '+', '-', 'COUNT', 1)) do
    position = later(position, entry[1])
  end
end
return { head[1] or '', position, head[3] or '0' }
