-- How many rows each generation has.
--
-- KEYS  the served state, whose key begins all others; the set of the numbers of the generations that are not served
-- Returns for each: its number and its rows.
local found = {}
local function count(state, generation)
  local rows = 0
  for _, field in ipairs(redis.call('HKEYS', state)) do
    local topic = string.match(field, '^rows:(.*)$')
    if topic then rows = rows + redis.call('HLEN', KEYS[1] .. ':' .. generation .. ':' .. topic) end
  end
  found[#found + 1] = { tonumber(generation), rows }
end

local served = redis.call('HGET', KEYS[1], 'generation')
if served then count(KEYS[1], served) end
for _, generation in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  count(KEYS[1] .. ':' .. generation, generation)
end
return found
