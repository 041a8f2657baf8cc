-- Moves up to `limit` commands from a queue into a worker's hands, oldest first; one whose attempt has failed alone.
--
-- A claimer counts its batches. Asked again for the last one, because the answer was lost on its way, the
-- script gives what is left of it instead of claiming more: nothing is claimed that nobody knows of.
--
-- KEYS[1] the queue. ARGV: prefix, service, worker, claimer, batch, limit, lease of a worker without one.
local call = redis.call
local prefix, service, worker = ARGV[1], ARGV[2], ARGV[3]
local claimed = prefix .. 'retrace:claimed:' .. service .. ':' .. worker
local workers = prefix .. 'retrace:workers'
local batches, batch = prefix .. 'retrace:worker:' .. worker, ARGV[4] .. ' ' .. service

local function record_of(id) return call('HMGET', prefix .. 'retrace:command:' .. id, 'body', 'failed') end

local ids, records = {}, {}
local number, before = string.match(call('HGET', batches, batch) or '', '^(%d+)\n(.*)$')
if number == ARGV[5] then
  for id in string.gmatch(before, '[^\n]+') do
    if call('LPOS', claimed, id) then
      ids[#ids + 1] = id
      records[#ids] = record_of(id)
    end
  end
end

if #ids == 0 then
  local leased = call('ZSCORE', workers, worker)
  local limit = tonumber(ARGV[6])
  for i, id in ipairs(limit > 0 and call('LRANGE', KEYS[1], 0, limit - 1) or {}) do
    local record = record_of(id)
    local failed = (tonumber(record[2]) or 0) > 0
    if failed and i > 1 then break end
    ids[i], records[i] = id, record
    if failed then break end
  end
  if #ids == 0 then return {} end
  for _ = 1, #ids do call('LMOVE', KEYS[1], claimed, 'LEFT', 'RIGHT') end
  call('HSET', batches, batch, ARGV[5] .. '\n' .. table.concat(ids, '\n'))
  if not leased then call('ZADD', workers, now_ms() + ARGV[7], worker) end
end

local claims = {}
for i, id in ipairs(ids) do
  local record = records[i]
  if record[1] then
    claims[#claims + 1] = id
    claims[#claims + 1] = record[1]
    claims[#claims + 1] = record[2] or '0'
  else
    call('LREM', claimed, 1, id)
  end
end
return claims
