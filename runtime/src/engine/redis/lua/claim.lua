-- Moves up to `limit` commands from a queue into a worker's hands, oldest first.
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

local ids = {}
local number, before = string.match(call('HGET', batches, batch) or '', '^(%d+)\n(.*)$')
if number == ARGV[5] then
  for id in string.gmatch(before, '[^\n]+') do
    if call('LPOS', claimed, id) then ids[#ids + 1] = id end
  end
end

if #ids == 0 then
  local leased = call('ZSCORE', workers, worker)
  for i = 1, tonumber(ARGV[6]) do
    ids[i] = call('LMOVE', KEYS[1], claimed, 'LEFT', 'RIGHT') or nil
    if not ids[i] then break end
  end
  if #ids == 0 then return {} end
  call('HSET', batches, batch, ARGV[5] .. '\n' .. table.concat(ids, '\n'))
  if not leased then call('ZADD', workers, now_ms() + ARGV[7], worker) end
end

local claims = {}
for _, id in ipairs(ids) do
  local record = call('HMGET', prefix .. 'retrace:command:' .. id, 'body', 'failed')
  if record[1] then
    claims[#claims + 1] = id
    claims[#claims + 1] = record[1]
    claims[#claims + 1] = record[2] or '0'
  else
    call('LREM', claimed, 1, id)
  end
end
return claims
