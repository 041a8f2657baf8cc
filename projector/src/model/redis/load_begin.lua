-- Marks a generation as torn for the time of a load, or does nothing when it does not stand where the loader
-- thinks. A generation that is torn already keeps its mark, and remains so after the load.
--
-- KEYS  the generation's state, then one hash of rows per topic
-- ARGV  the state expected (6), the load's mark, the topics
-- Returns the mark that stands; nothing when fenced.
local FIELDS = { 'epoch', 'position', 'number', 'digest', 'version', 'generation' }
local EMPTY = { '', '0-0', '0', string.rep('0', 32), '0', '0' }

if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local found = redis.call('HMGET', KEYS[1], unpack(FIELDS))
for i = 1, 6 do
  if (found[i] or EMPTY[i]) ~= ARGV[i] then return false end
end
-- What could stop the load halfway is looked at first.
for i = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'hash' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. kind .. ', not a hash of rows')
  end
end
redis.call('HSETNX', KEYS[1], 'torn', ARGV[7])
-- The topics ahead of their rows: whoever discards what a load left behind finds all of it.
for i = 2, #KEYS do
  redis.call('HSET', KEYS[1], 'rows:' .. ARGV[6 + i], '')
end
return redis.call('HGET', KEYS[1], 'torn')
