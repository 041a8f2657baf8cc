-- Brings what was set aside up to date: it was called by consumer and position once, and had no order, no attempts
-- and no time, which is now then.
--
-- KEYS[1] the entries.
local call, parked = redis.call, KEYS[1]
local order, more = parked .. ':order', ',"attempts":1,"since_ms":' .. now_ms() .. ',"retry":false}'

local function filled_up(digits) return string.rep('0', 20 - #digits) .. digits end

local all = call('HGETALL', parked)
for i = 1, #all, 2 do
  local name, json = all[i], all[i + 1]
  local is_read, entry = pcall(cjson.decode, json)
  if is_read and type(entry) == 'table' and entry.attempts == nil and entry.consumer and entry.topic then
    local ms, seq = string.match(entry.position or '', '^(%d+)-(%d+)$')
    if ms and name == entry.consumer .. ' ' .. entry.position then
      local named = entry.consumer .. ' ' .. filled_up(ms) .. '-' .. filled_up(seq) .. ' ' .. entry.topic
      call('HDEL', parked, name)
      call('HSETNX', parked, named, string.sub(json, 1, -2) .. more)
      call('ZADD', order, 0, named)
    end
  end
end
return 1
