-- Writes rows and state together, or nothing when the read model does not stand where the writer thinks.
--
-- KEYS  the generation's state, then one hash of rows per topic
-- ARGV  the state expected (6), the state to come (6),
--       then per topic: its name, how many rows to put, how many to delete, the rows by key, the keys
-- Returns 1 when written, 0 when fenced.
local FIELDS = { 'epoch', 'position', 'number', 'digest', 'version', 'generation' }
local EMPTY = { '', '0-0', '0', string.rep('0', 32), '0', '0' }
-- Arguments in one call: Lua's stack holds some thousands.
local CHUNK = 1000

local function bulk(command, key, first, last)
  for at = first, last, CHUNK do
    redis.call(command, key, unpack(ARGV, at, math.min(at + CHUNK - 1, last)))
  end
end

local found = redis.call('HMGET', KEYS[1], unpack(FIELDS))
for i = 1, 6 do
  if (found[i] or EMPTY[i]) ~= ARGV[i] then return 0 end
end
-- An error halfway would leave half a write, so what could give one is looked at first.
for i = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'hash' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. kind .. ', not a hash of rows')
  end
end
-- The state first: a server without room refuses the first write that takes some, and then nothing is done.
for i = 1, 6 do
  redis.call('HSET', KEYS[1], FIELDS[i], ARGV[6 + i])
end
local at = 13
for i = 2, #KEYS do
  local puts, deletes = 2 * tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  redis.call('HSET', KEYS[1], 'rows:' .. ARGV[at], '')
  at = at + 3
  bulk('HSET', KEYS[i], at, at + puts - 1)
  bulk('HDEL', KEYS[i], at + puts, at + puts + deletes - 1)
  at = at + puts + deletes
end
redis.call('PUBLISH', KEYS[1], ARGV[8])
return 1
