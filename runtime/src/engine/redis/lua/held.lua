-- What the head has counted, and how many entries the streams hold, at one moment.
--
-- KEYS[1] the head. ARGV: the topics' key, what stands in front of a stream's topic, then topics to count besides.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'number')
local topics, held = {}, 0
for _, topic in ipairs(redis.call('SMEMBERS', ARGV[1])) do topics[topic] = true end
for i = 3, #ARGV do topics[ARGV[i]] = true end
for topic in pairs(topics) do held = held + redis.call('XLEN', ARGV[2] .. topic) end
return { { head[1], head[2], head[3] }, held }
