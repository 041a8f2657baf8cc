-- Puts a built generation in the served one's place, when the served one may make room and the built one stands
-- where the caller thinks.
--
-- KEYS  the served state, the built generation's state, where the served generation's state goes,
--       the set of generations that are not served
-- ARGV  the served state as the caller saw it (6), the built state expected (6)
-- Returns 1 when it is served, 0 when either stands elsewhere or the built one is torn.
local FIELDS = { 'epoch', 'position', 'number', 'digest', 'version', 'generation' }
local EMPTY = { '', '0-0', '0', string.rep('0', 32), '0', '0' }
local EPOCH, POSITION, GENERATION = 1, 2, 6

local function state(key)
  local found = redis.call('HMGET', key, unpack(FIELDS))
  for i = 1, 6 do found[i] = found[i] or EMPTY[i] end
  return found
end

local function is(found, first)
  for i = 1, 6 do
    if found[i] ~= ARGV[first + i - 1] then return false end
  end
  return true
end

-- Numbers of up to 64 bits, as text: a Lua number holds 53 of them.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function beyond(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  if not a_ms or not b_ms then return true end
  return less(b_ms, a_ms) or (a_ms == b_ms and less(b_seq, a_seq))
end

local served, from, to = state(KEYS[1]), 0, 6
local function moved_on()
  return served[GENERATION] == ARGV[from + GENERATION]
    and served[EPOCH] == ARGV[from + EPOCH]
    and served[EPOCH] == ARGV[to + EPOCH]
    and not beyond(served[POSITION], ARGV[to + POSITION])
end

if served[GENERATION] == ARGV[to + GENERATION] or not (is(served, from + 1) or moved_on()) then
  return 0
end
if redis.call('EXISTS', KEYS[2]) == 0 or redis.call('HEXISTS', KEYS[2], 'torn') == 1 or not is(state(KEYS[2]), to + 1) then
  return 0
end
if served[GENERATION] == '0' then
  redis.call('UNLINK', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'stage', 'kept')
  redis.call('RENAME', KEYS[1], KEYS[3])
  redis.call('SADD', KEYS[4], served[GENERATION])
end
redis.call('HDEL', KEYS[2], 'stage')
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('SREM', KEYS[4], ARGV[to + GENERATION])
redis.call('PUBLISH', KEYS[1], ARGV[to + POSITION])
return 1
