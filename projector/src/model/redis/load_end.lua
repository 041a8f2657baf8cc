-- Brings a loaded generation to its new state, or does nothing when it does not stand where the loader thinks or
-- has another mark than it had while the rows were written.
--
-- KEYS  the generation's state
-- ARGV  the state expected (6), the state to come (6), the mark expected or '' for any, the mark to take away
--       or '' for any
-- Returns 1 when it was brought there, 0 when fenced.
local FIELDS = { 'epoch', 'position', 'number', 'digest', 'version', 'generation' }
local EMPTY = { '', '0-0', '0', string.rep('0', 32), '0', '0' }

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local found = redis.call('HMGET', KEYS[1], unpack(FIELDS))
for i = 1, 6 do
  if (found[i] or EMPTY[i]) ~= ARGV[i] then return 0 end
end
local mark = redis.call('HGET', KEYS[1], 'torn')
if ARGV[13] ~= '' and ARGV[13] ~= mark then return 0 end
for i = 1, 6 do
  redis.call('HSET', KEYS[1], FIELDS[i], ARGV[6 + i])
end
if ARGV[14] == '' or ARGV[14] == mark then
  redis.call('HDEL', KEYS[1], 'torn')
end
redis.call('PUBLISH', KEYS[1], ARGV[8])
return 1
