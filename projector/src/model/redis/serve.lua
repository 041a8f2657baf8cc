-- Puts a built generation in the served one's place, when both stand where the caller thinks.
--
-- KEYS  the served state, the built generation's state, where the served generation's state goes
-- ARGV  the served state expected (6), the built state expected (6)
-- Returns 1 when it is served, 0 when either stands elsewhere.
local FIELDS = { 'epoch', 'position', 'number', 'digest', 'version', 'generation' }
local EMPTY = { '', '0-0', '0', string.rep('0', 32), '0', '0' }

local function stands(key, first)
  local found = redis.call('HMGET', key, unpack(FIELDS))
  for i = 1, 6 do
    if (found[i] or EMPTY[i]) ~= ARGV[first + i - 1] then return false end
  end
  return true
end

if redis.call('EXISTS', KEYS[2]) == 0 or not stands(KEYS[1], 1) or not stands(KEYS[2], 7) then
  return 0
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('RENAME', KEYS[1], KEYS[3])
end
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('PUBLISH', KEYS[1], ARGV[8])
return 1
