-- A page of a service's commands as they stand; nothing is moved.
--
-- KEYS[1] the workers. ARGV: prefix, service, the command after which the page begins or '', limit, and which are
-- listed, in this order: claimed, waiting, dead. Answers with how many are waiting, claimed and dead, whether more
-- come, and the page: standing, id, body, failed attempts, error, worker, end of its lease.
local call, prefix, service, after, limit = redis.call, ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local lists = {waiting = prefix .. 'retrace:queue:' .. service, dead = prefix .. 'retrace:dead:' .. service}

-- By their bytes; the server's locale may have an order of its own.
local function by_bytes(a, b)
  for i = 1, math.min(#a, #b) do
    if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) end
  end
  return #a < #b
end
local workers = call('ZRANGE', KEYS[1], 0, -1)
table.sort(workers, by_bytes)
local claimed = {}
for _, worker in ipairs(workers) do
  for _, id in ipairs(call('LRANGE', prefix .. 'retrace:claimed:' .. service .. ':' .. worker, 0, -1)) do
    claimed[#claimed + 1] = {id, worker}
  end
end

-- How many of a standing are at and before a command.
local function up_to(standing, id)
  if standing ~= 'claimed' then return (call('LPOS', lists[standing], id) or -1) + 1 end
  for i, claim in ipairs(claimed) do
    if claim[1] == id then return i end
  end
  return 0
end
local first, skipped = 5, 0
for i = 5, after == '' and 4 or #ARGV do
  local before = up_to(ARGV[i], after)
  if before > 0 then first, skipped = i, before end
end

local ids, more = {}, 0
for i = first, #ARGV do
  local standing, left = ARGV[i], limit + 1 - #ids
  if left > 0 and standing == 'claimed' then
    for j = skipped + 1, math.min(#claimed, skipped + left) do
      ids[#ids + 1] = {standing, claimed[j][1], claimed[j][2]}
    end
  elseif left > 0 then
    for _, id in ipairs(call('LRANGE', lists[standing], skipped, skipped + left - 1)) do
      ids[#ids + 1] = {standing, id, false}
    end
  end
  skipped = 0
end
-- One more than is asked for tells whether there are more.
if #ids > limit then
  ids[#ids] = nil
  more = 1
end

local page = {}
for i, found in ipairs(ids) do
  local standing, id, worker = unpack(found)
  local record = call('HMGET', prefix .. 'retrace:command:' .. id, 'body', 'failed', 'error')
  local lease = worker and call('ZSCORE', KEYS[1], worker)
  page[i] = {standing, id, record[1] or '', record[2] or '0', record[3], worker, lease}
end
return {call('LLEN', lists.waiting), #claimed, call('LLEN', lists.dead), more, page}
