-- The generations that are not served, in no order.
--
-- KEYS  the set of their numbers, the served state, whose key begins theirs
-- Returns for each: its state (6), its stage, its plan, and 1 when it is torn.
local FIELDS = { 'epoch', 'position', 'number', 'digest', 'version', 'generation' }

local found = {}
for _, generation in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local key = KEYS[2] .. ':' .. generation
  if redis.call('EXISTS', key) == 1 then
    local rest = redis.call('HMGET', key, 'stage', 'plan')
    local state = redis.call('HMGET', key, unpack(FIELDS))
    found[#found + 1] = { state, rest[1], rest[2], redis.call('HEXISTS', key, 'torn') }
  end
end
return found
